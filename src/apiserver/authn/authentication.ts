/**
 * Authentication as the API server is configured: every authenticator in upstream's order behind one.
 * Upstream: pkg/kubeapiserver/authenticator/config.go
 */
import type { ClusterView } from '../../admission/data.ts';
import type { Clock } from '../../base/clock.ts';
import { anonymousAuthenticator } from './anonymous.ts';
import {
  AuthenticationError,
  type AuthenticationResult,
  type Authenticator,
  type TokenAuthenticator,
  unionAuthenticator,
  unionTokenAuthenticator,
  withAuthenticatedGroup,
} from './authenticator.ts';
import { bearerAuthenticator, websocketTokenAuthenticator } from './bearer-token.ts';
import { type RequestHeaderOptions, requestHeaderAuthenticator } from './request-header.ts';
import type { VerifyKey } from './service-account-keys.ts';
import { serviceAccountTokenAuthenticator } from './service-account-token.ts';
import { tokenFileAuthenticator } from './token-file.ts';
import { CertificateVerifier, certificateAuthenticator } from './x509.ts';

export interface AuthenticationOptions {
  clock: Clock;
  /** --client-ca-file: PEM bundle. */
  clientCA?: string;
  /** --requestheader-*: `ca` is a PEM bundle. */
  requestHeader?: Omit<RequestHeaderOptions, 'verifier'> & { ca: string };
  /** --token-auth-file: its text. */
  tokenFile?: string;
  serviceAccounts?: { issuers: readonly string[]; keys: readonly VerifyKey[]; lookup: ClusterView };
  /** --api-audiences; default: the first issuer. */
  apiAudiences?: readonly string[];
  /** --anonymous-auth, and on which paths (absent: all). */
  anonymous: { enabled: boolean; paths?: readonly string[] };
}

export interface Authentication {
  /** Of requests. Throws AuthenticationError or answers undefined: 401. */
  authenticator: Authenticator;
  /** Of tokens, for TokenReview: the user with system:authenticated, or throws. */
  authenticateToken(token: string, audiences: readonly string[]): Promise<AuthenticationResult>;
  apiAudiences: readonly string[];
}

export function newAuthentication(options: AuthenticationOptions): Authentication {
  const { clock, serviceAccounts } = options;
  const apiAudiences = options.apiAudiences ?? serviceAccounts?.issuers.slice(0, 1) ?? [];
  const tokens: TokenAuthenticator[] = [];
  if (options.tokenFile !== undefined) tokens.push(tokenFileAuthenticator(options.tokenFile, apiAudiences));
  if (serviceAccounts) tokens.push(serviceAccountTokenAuthenticator({ ...serviceAccounts, apiAudiences, clock }));
  const token = unionTokenAuthenticator(tokens);

  const authenticators: Authenticator[] = [];
  if (options.requestHeader) {
    const verifier = new CertificateVerifier(options.requestHeader.ca, clock);
    authenticators.push(requestHeaderAuthenticator({ ...options.requestHeader, verifier }));
  }
  if (options.clientCA !== undefined)
    authenticators.push(certificateAuthenticator(new CertificateVerifier(options.clientCA, clock)));
  if (tokens.length > 0) authenticators.push(bearerAuthenticator(token), websocketTokenAuthenticator(token));
  const identified = withAuthenticatedGroup(unionAuthenticator(authenticators));
  const anonymous = anonymousAuthenticator(options.anonymous.paths);

  return {
    apiAudiences,
    authenticator: {
      authenticate(exchange) {
        // Callers in this process say who they are.
        const { user } = exchange.peer;
        if (user !== undefined) return { user };
        // A credential that was refused is an error even where anonymous requests are welcome.
        const orAnonymous = (result: AuthenticationResult | undefined) =>
          result ?? (options.anonymous.enabled ? anonymous.authenticate(exchange) : undefined);
        const answer = identified.authenticate(exchange);
        return answer instanceof Promise ? answer.then(orAnonymous) : orAnonymous(answer);
      },
    },
    async authenticateToken(value, audiences) {
      const result = await token.authenticateToken(value, audiences);
      if (result === undefined) throw new AuthenticationError('invalid bearer token');
      return {
        ...result,
        user: { ...result.user, groups: [...new Set([...result.user.groups, 'system:authenticated'])] },
      };
    },
  };
}
