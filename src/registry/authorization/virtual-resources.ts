/** All virtual resources of the API server, in one list. */
import { authenticationReviews } from '../authentication/reviews.ts';
import { authorizationReviews } from './reviews.ts';
import type { ReviewBackend, VirtualResource } from './virtual-resource.ts';

export function virtualResources(backend: ReviewBackend): VirtualResource[] {
  return [...authenticationReviews(backend), ...authorizationReviews(backend)];
}
