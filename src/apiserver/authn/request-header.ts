/**
 * A front proxy that proved who it is by certificate says in headers for whom it speaks.
 * Upstream: apiserver/pkg/authentication/request/headerrequest
 */
import type { UserInfo } from '../request/exchange.ts';
import type { Authenticator } from './authenticator.ts';
import type { CertificateVerifier } from './x509.ts';

export interface RequestHeaderOptions {
  verifier: CertificateVerifier;
  /** CNs that may speak for others; empty: any that the authority signed. */
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  groupHeaders: readonly string[];
  uidHeaders: readonly string[];
  extraHeaderPrefixes: readonly string[];
}

export function requestHeaderAuthenticator(options: RequestHeaderOptions): Authenticator {
  const lower = (names: readonly string[]) => names.map((n) => n.toLowerCase());
  const usernameHeaders = lower(options.usernameHeaders);
  const uidHeaders = lower(options.uidHeaders);
  const groupHeaders = lower(options.groupHeaders);
  const prefixes = lower(options.extraHeaderPrefixes);
  return {
    authenticate({ peer, headers }) {
      if (peer.certificate === undefined) return undefined;
      const first = (names: readonly string[]) => names.map((n) => headers[n]?.trim()).find((v) => v);
      const username = first(usernameHeaders);
      if (username === undefined) return undefined;
      let commonName: string;
      try {
        ({ commonName } = options.verifier.verify(peer.certificate));
      } catch {
        return undefined; // an ordinary client certificate: somebody else's business
      }
      if (options.allowedNames.length > 0 && !options.allowedNames.includes(commonName)) return undefined;
      const uid = first(uidHeaders);
      const extra = extraOf(headers, prefixes);
      const user: UserInfo = {
        username,
        ...(uid ? { uid } : {}),
        groups: groupHeaders.flatMap((n) => splitHeader(headers[n])),
        ...(Object.keys(extra).length ? { extra } : {}),
      };
      return { user };
    },
  };
}

/** Extra values by key; keys are lower case and may be percent-encoded. */
export function extraOf(
  headers: Readonly<Record<string, string | undefined>>,
  prefixes: readonly string[],
): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers))
    for (const prefix of prefixes)
      if (name.startsWith(prefix)) {
        const key = unescapeKey(name.slice(prefix.length));
        extra[key] = [...(extra[key] ?? []), ...splitHeader(value)];
      }
  return extra;
}

/** Repeated headers reach an Exchange joined by `, `. */
export function splitHeader(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(', ');
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
