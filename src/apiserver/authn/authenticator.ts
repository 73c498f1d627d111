/**
 * The authentication contract and its union. An authenticator that does not recognise the request answers undefined, one that
 * recognises but refuses it throws an AuthenticationError. Upstream: apiserver/pkg/authentication/{authenticator,request/union}
 */
import type { Exchange, UserInfo } from '../request/exchange.ts';

export interface AuthenticationResult {
  user: UserInfo;
  /** Of the token's audiences those the server accepts. */
  audiences?: readonly string[];
}

/** Who sends this request? */
export interface Authenticator {
  authenticate(exchange: Exchange): Promise<AuthenticationResult | undefined>;
}

/** Who holds this token? Also asked by TokenReview. */
export interface TokenAuthenticator {
  /** `audiences` empty: those of the API server. */
  authenticateToken(
    token: string,
    audiences: readonly string[],
    sink?: WarningSink,
  ): Promise<AuthenticationResult | undefined>;
}

export interface WarningSink {
  warn(text: string): void;
}

/** Credentials that were recognised and refused. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
}

/** The first that recognises the request wins; when none does, what was refused is thrown together. */
export function unionAuthenticator(authenticators: readonly Authenticator[]): Authenticator {
  return {
    async authenticate(exchange) {
      const refused: unknown[] = [];
      for (const a of authenticators) {
        try {
          const result = await a.authenticate(exchange);
          if (result !== undefined) return result;
        } catch (err) {
          refused.push(err);
        }
      }
      throwRefused(refused);
      return undefined;
    },
  };
}

/** The same for tokens. */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences, sink) {
      const refused: unknown[] = [];
      for (const a of authenticators) {
        try {
          const result = await a.authenticateToken(token, audiences, sink);
          if (result !== undefined) return result;
        } catch (err) {
          refused.push(err);
        }
      }
      throwRefused(refused);
      return undefined;
    },
  };
}

function throwRefused(refused: readonly unknown[]): void {
  if (refused.length === 0) return;
  const texts = refused.map((e) => (e instanceof Error ? e.message : String(e)));
  const text = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  throw new AuthenticationError(text, { cause: refused[0] });
}

/** Adds `system:authenticated` to everyone who proved who they are. Upstream: authentication/group/authenticated_group_adder.go */
export function withAuthenticatedGroup(authenticator: Authenticator): Authenticator {
  return {
    async authenticate(exchange) {
      const result = await authenticator.authenticate(exchange);
      if (result === undefined) return undefined;
      const { user } = result;
      if (user.username === 'system:anonymous') return result;
      if (user.groups.some((g) => g === 'system:authenticated' || g === 'system:unauthenticated')) return result;
      return { ...result, user: { ...user, groups: [...user.groups, 'system:authenticated'] } };
    },
  };
}
