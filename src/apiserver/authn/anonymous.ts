/** Who shows nothing is system:anonymous, everywhere or on some paths only. Upstream: apiserver/pkg/authentication/request/anonymous */
import type { Authenticator } from './authenticator.ts';
import { ANONYMOUS, UNAUTHENTICATED } from './identities.ts';

/** `paths` absent: on every path. */
export function anonymousAuthenticator(paths?: readonly string[]): Authenticator {
  const user = { username: ANONYMOUS, groups: [UNAUTHENTICATED] };
  return {
    async authenticate(exchange) {
      return paths === undefined || paths.includes(exchange.path) ? { user } : undefined;
    },
  };
}
