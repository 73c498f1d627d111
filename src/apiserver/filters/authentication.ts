/** Who is calling; nobody known is 401. Upstream: apiserver/pkg/endpoints/filters/authentication.go */
import type { Logger } from '../../base/log.ts';
import { unauthorized } from '../../machinery/errors/status-error.ts';
import type { AuthenticationResult, Authenticator } from '../authn/authenticator.ts';
import type { Filter, Handler, RequestContext } from '../request/request-context.ts';

export function withAuthentication(authenticator: Authenticator, log: Logger): Filter {
  const refuse = (err: unknown): never => {
    log.warn('Unable to authenticate the request', { err });
    throw unauthorized();
  };
  return (context, next) => {
    const { exchange } = context;
    // In-process callers are components of this very process; they say who they are.
    if (exchange.peer.user !== undefined) {
      context.user = exchange.peer.user;
      return next(context);
    }
    let result: ReturnType<Authenticator['authenticate']>;
    try {
      result = authenticator.authenticate(exchange);
    } catch (err) {
      return refuse(err);
    }
    if (result instanceof Promise) return result.catch(refuse).then((found) => proceed(found, context, next));
    return proceed(result, context, next);
  };
}

function proceed(
  result: AuthenticationResult | undefined,
  context: RequestContext,
  next: Handler,
): Promise<void> | void {
  if (result === undefined) throw unauthorized();
  context.user = result.user;
  return next(context);
}
