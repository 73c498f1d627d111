/** Who shows nothing is system:anonymous, everywhere or on some paths only. Upstream: apiserver/pkg/authentication/request/anonymous */
import type { Authenticator } from './authenticator.ts';
import { ANONYMOUS, UNAUTHENTICATED } from './identities.ts';

/** `paths` absent: on every path. */
export function anonymousAuthenticator(paths?: readonly string[]): Authenticator {
  const result = { user: { username: ANONYMOUS, groups: [UNAUTHENTICATED] } };
  return {
    authenticate(exchange) {
      return paths === undefined || paths.includes(exchange.path) ? result : undefined;
    },
  };
}
