/** May they? Upstream: apiserver/pkg/endpoints/filters/authorization.go */
import {
  type AuthorizationAttributes,
  type AuthorizationResult,
  type Authorizer,
  forbiddenError,
} from '../../machinery/authorization/authorizer.ts';
import { internalError } from '../../machinery/errors/status-error.ts';
import type { Filter, Handler, RequestContext } from '../request/request-context.ts';

export function withAuthorization(authorizer: Authorizer): Filter {
  return (context, next) => {
    const attributes = authorizationAttributes(context);
    const answer = authorizer.authorize(attributes);
    if (answer instanceof Promise) return answer.then((result) => proceed(result, attributes, context, next));
    return proceed(answer, attributes, context, next);
  };
}

function proceed(
  { decision, reason, error }: AuthorizationResult,
  attributes: AuthorizationAttributes,
  context: RequestContext,
  next: Handler,
): Promise<void> | void {
  if (decision === 'Allow') return next(context);
  if (error !== undefined && decision === 'NoOpinion' && reason === '') throw internalError(error);
  context.exchange.setHeader('X-Content-Type-Options', 'nosniff');
  throw forbiddenError(attributes, reason);
}

export function authorizationAttributes(context: RequestContext): AuthorizationAttributes {
  const { info, user } = context;
  const attributes = {
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
  };
  const { fieldSelector, labelSelector } = info;
  if (fieldSelector === '' && labelSelector === '') return attributes;
  return {
    ...attributes,
    ...(fieldSelector === '' ? {} : { fieldSelector }),
    ...(labelSelector === '' ? {} : { labelSelector }),
  };
}
