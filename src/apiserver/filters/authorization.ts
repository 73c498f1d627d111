/** May they? Upstream: apiserver/pkg/endpoints/filters/authorization.go */
import {
  type AuthorizationAttributes,
  type Authorizer,
  forbiddenError,
} from '../../machinery/authorization/authorizer.ts';
import { internalError } from '../../machinery/errors/status-error.ts';
import type { Filter, RequestContext } from '../request/request-context.ts';

export function withAuthorization(authorizer: Authorizer): Filter {
  return async (context, next) => {
    const attributes = authorizationAttributes(context);
    const answer = authorizer.authorize(attributes);
    const result = answer instanceof Promise ? await answer : answer;
    if (result.decision === 'Allow') return next();
    if (result.error !== undefined && result.decision === 'NoOpinion' && result.reason === '')
      throw internalError(result.error);
    context.exchange.setHeader('X-Content-Type-Options', 'nosniff');
    throw forbiddenError(attributes, result.reason);
  };
}

export function authorizationAttributes(context: RequestContext): AuthorizationAttributes {
  const { info, user } = context;
  return {
    user,
    verb: info.verb,
    resourceRequest: info.isResourceRequest,
    namespace: info.namespace,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    name: info.name,
    path: info.path,
    ...(info.fieldSelector === '' ? {} : { fieldSelector: info.fieldSelector }),
    ...(info.labelSelector === '' ? {} : { labelSelector: info.labelSelector }),
  };
}
