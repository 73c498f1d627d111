/**
 * TokenReview and SelfSubjectReview, as functions from request to answer. Mounted by the API server as virtual resources.
 * Upstream: pkg/registry/authentication/{tokenreview,selfsubjectreview}
 */
import type { TokenReview, UserInfo } from '../../api/authentication-v1.ts';
import type { User } from '../../machinery/authorization/authorizer.ts';
import { badRequest, internalError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { ReviewBackend, VirtualResource } from '../authorization/virtual-resource.ts';

const GROUP = 'authentication.k8s.io';

export function authenticationReviews(backend: ReviewBackend): VirtualResource[] {
  return [
    { group: GROUP, resource: 'tokenreviews', create: (object) => reviewToken(object as TokenReview, backend) },
    {
      group: GROUP,
      resource: 'selfsubjectreviews',
      async create(object, { user }) {
        const metadata = { creationTimestamp: formatTime(backend.clock.now()) };
        return { ...object, metadata, status: { userInfo: userInfo(user) } } as KubeObject;
      },
    },
  ];
}

async function reviewToken(review: TokenReview, backend: ReviewBackend): Promise<TokenReview> {
  const token = review.spec?.token ?? '';
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const audiences = review.spec.audiences?.length ? review.spec.audiences : backend.apiAudiences;
  let result: Awaited<ReturnType<ReviewBackend['authenticateToken']>>;
  try {
    result = await backend.authenticateToken(token, audiences);
  } catch (err) {
    return { ...review, status: { user: {}, error: err instanceof Error ? err.message : String(err) } };
  }
  if (result === undefined) return { ...review, status: { user: {} } };
  const accepted = result.audiences ?? [];
  if (audiences.length > 0 && !accepted.some((a) => audiences.includes(a)))
    throw internalError(new Error('error validating audiences'));
  return { ...review, status: { authenticated: true, user: userInfo(result.user), audiences: [...accepted] } };
}

function userInfo(user: User): UserInfo {
  return {
    username: user.username,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: [...user.groups],
    ...(user.extra && Object.keys(user.extra).length
      ? { extra: Object.fromEntries(Object.entries(user.extra).map(([k, v]) => [k, [...v]])) }
      : {}),
  };
}
