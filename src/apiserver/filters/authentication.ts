/** Who is calling; nobody known is 401. Upstream: apiserver/pkg/endpoints/filters/authentication.go */
import type { Logger } from '../../base/log.ts';
import { unauthorized } from '../../machinery/errors/status-error.ts';
import type { AuthenticationResult, Authenticator } from '../authn/authenticator.ts';
import type { Filter } from '../request/request-context.ts';

export function withAuthentication(authenticator: Authenticator, log: Logger): Filter {
  return async (context, next) => {
    const { exchange } = context;
    // In-process callers are components of this very process; they say who they are.
    if (exchange.peer.user !== undefined) context.user = exchange.peer.user;
    else {
      let result: AuthenticationResult | undefined;
      try {
        result = await authenticator.authenticate(exchange);
      } catch (err) {
        log.warn('Unable to authenticate the request', { err });
      }
      if (result === undefined) throw unauthorized();
      context.user = result.user;
    }
    return next();
  };
}
