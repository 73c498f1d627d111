/**
 * Where a bearer token travels: the Authorization header, or for browsers a WebSocket subprotocol.
 * Upstream: apiserver/pkg/authentication/request/{bearertoken,websocket}
 */
import type { Peer } from '../request/exchange.ts';
import {
  AuthenticationError,
  type AuthenticationResult,
  type Authenticator,
  type TokenAuthenticator,
} from './authenticator.ts';

const WEBSOCKET_TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

export function bearerAuthenticator(tokens: TokenAuthenticator): Authenticator {
  // A connection nearly always shows one token: the string of its first request has been taken apart and hashed already.
  const shown = new WeakMap<Peer, { header: string; parts: readonly string[] }>();
  const partsOf = (header: string, peer: Peer): readonly string[] => {
    const last = shown.get(peer);
    if (last?.header === header) return last.parts;
    const parts = header.trim().split(' ');
    shown.set(peer, { header, parts });
    return parts;
  };
  return {
    authenticate(exchange) {
      const { authorization } = exchange.headers;
      if (authorization === undefined) return undefined;
      const parts = partsOf(authorization, exchange.peer);
      if (parts.length < 2 || parts[0]!.toLowerCase() !== 'bearer') return undefined;
      const token = parts[1]!;
      if (token === '') {
        if (parts.length === 3)
          exchange.setHeader(
            'warning',
            '299 - "the provided Authorization header contains extra space before the bearer token, and is ignored"',
          );
        return undefined;
      }
      const answer = tokens.authenticateToken(token, [], {
        warn: (text) => exchange.setHeader('warning', `299 - ${JSON.stringify(text)}`),
      });
      return answer instanceof Promise ? answer.then(known) : known(answer);
    },
  };
}

function known(result: AuthenticationResult | undefined): AuthenticationResult {
  if (result === undefined) throw new AuthenticationError('invalid bearer token');
  return result;
}

export function websocketTokenAuthenticator(tokens: TokenAuthenticator): Authenticator {
  return {
    authenticate({ headers }) {
      if (headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
      const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
      const bearer = protocols.filter((p) => p.startsWith(WEBSOCKET_TOKEN_PREFIX));
      if (bearer.length === 0) return undefined;
      if (bearer.length > 1) throw new AuthenticationError('multiple base64.bearer.authorization tokens specified');
      const encoded = bearer[0]!.slice(WEBSOCKET_TOKEN_PREFIX.length);
      const decoded = Buffer.from(encoded, 'base64url');
      if (encoded === '' || decoded.toString('base64url') !== encoded)
        throw new AuthenticationError('invalid base64.bearer.authorization token encoding');
      if (protocols.length === 1) throw new AuthenticationError('missing additional subprotocol');
      const answer = tokens.authenticateToken(decoded.toString('utf8'), []);
      return answer instanceof Promise ? answer.then(known) : known(answer);
    },
  };
}
