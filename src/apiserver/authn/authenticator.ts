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

/** At once where nothing is waited for, which is nearly always. The same result again and again may be the same object. */
export type Answer = AuthenticationResult | undefined | Promise<AuthenticationResult | undefined>;

/** Who sends this request? */
export interface Authenticator {
  authenticate(exchange: Exchange): Answer;
}

/** Who holds this token? Also asked by TokenReview. */
export interface TokenAuthenticator {
  /** `audiences` empty: those of the API server. */
  authenticateToken(token: string, audiences: readonly string[], sink?: WarningSink): Answer;
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
    authenticate: (exchange) => firstAnswer(authenticators.length, (i) => authenticators[i]!.authenticate(exchange)),
  };
}

/** The same for tokens. */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    authenticateToken: (token, audiences, sink) =>
      firstAnswer(authenticators.length, (i) => authenticators[i]!.authenticateToken(token, audiences, sink)),
  };
}

function firstAnswer(n: number, ask: (i: number) => Answer): Answer {
  let refused: unknown[] | undefined;
  for (let i = 0; i < n; i++) {
    try {
      const answer = ask(i);
      if (answer instanceof Promise) return firstOfRest(i, answer, n, ask, refused ?? []);
      if (answer !== undefined) return answer;
    } catch (err) {
      refused ??= [];
      refused.push(err);
    }
  }
  if (refused !== undefined) throwRefused(refused);
  return undefined;
}

/** From the first on that has to wait. */
async function firstOfRest(
  from: number,
  first: Promise<AuthenticationResult | undefined>,
  n: number,
  ask: (i: number) => Answer,
  refused: unknown[],
): Promise<AuthenticationResult | undefined> {
  for (let i = from; i < n; i++) {
    try {
      const result = await (i === from ? first : ask(i));
      if (result !== undefined) return result;
    } catch (err) {
      refused.push(err);
    }
  }
  throwRefused(refused);
  return undefined;
}

function throwRefused(refused: readonly unknown[]): void {
  if (refused.length === 0) return;
  const texts = refused.map((e) => (e instanceof Error ? e.message : String(e)));
  const text = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  throw new AuthenticationError(text, { cause: refused[0] });
}

/** Adds `system:authenticated` to everyone who proved who they are. Upstream: authentication/group/authenticated_group_adder.go */
export function withAuthenticatedGroup(authenticator: Authenticator): Authenticator {
  // An authenticator that gives the same result again gets the same answer: whoever remembers things of a user can do so by object.
  const known = new WeakMap<AuthenticationResult, AuthenticationResult>();
  const withGroup = (result: AuthenticationResult | undefined): AuthenticationResult | undefined => {
    if (result === undefined) return undefined;
    let answer = known.get(result);
    if (answer === undefined) {
      answer = authenticated(result);
      known.set(result, answer);
    }
    return answer;
  };
  return {
    authenticate(exchange) {
      const answer = authenticator.authenticate(exchange);
      return answer instanceof Promise ? answer.then(withGroup) : withGroup(answer);
    },
  };
}

function authenticated(result: AuthenticationResult): AuthenticationResult {
  const { user } = result;
  if (user.username === 'system:anonymous') return result;
  if (user.groups.some((g) => g === 'system:authenticated' || g === 'system:unauthenticated')) return result;
  return { ...result, user: { ...user, groups: [...user.groups, 'system:authenticated'] } };
}
