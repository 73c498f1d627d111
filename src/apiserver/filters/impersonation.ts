/** Acting as somebody else, when allowed to. Upstream: apiserver/pkg/endpoints/filters/impersonation */
import type { AuthorizationAttributes, Authorizer } from '../../machinery/authorization/authorizer.ts';
import type { Exchange, UserInfo } from '../request/exchange.ts';
import type { Filter, RequestContext } from '../request/request-context.ts';
import { authorizationAttributes } from './authorization.ts';

/** Undefined: the request does not impersonate. Throws a StatusError to refuse. */
export type Impersonate = (
  headers: Exchange['headers'],
  user: UserInfo,
  authorizer: Authorizer,
  /** What the caller is about to do. */
  request?: AuthorizationAttributes,
) => Promise<UserInfo | undefined>;

export function withImpersonation(impersonate: Impersonate, authorizer: Authorizer): Filter {
  return (context, next) => {
    const { headers } = context.exchange;
    // Nearly no request impersonates: one look decides. Impersonation without a user name is for `impersonate` to refuse.
    if (headers['impersonate-user'] === undefined && !hasImpersonation(headers)) return next(context);
    return become(context).then(() => next(context));
  };

  async function become(context: RequestContext): Promise<void> {
    let user: UserInfo | undefined;
    try {
      user = await impersonate(context.exchange.headers, context.user, authorizer, authorizationAttributes(context));
    } catch (err) {
      context.exchange.setHeader('X-Content-Type-Options', 'nosniff');
      throw err;
    }
    if (user === undefined) return;
    context.impersonator = context.user;
    context.user = user;
  }
}

const FIRST = 'i'.charCodeAt(0);

function hasImpersonation(headers: Exchange['headers']): boolean {
  for (const name in headers) if (name.charCodeAt(0) === FIRST && name.startsWith('impersonate-')) return true;
  return false;
}
