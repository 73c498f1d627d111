/**
 * --token-auth-file: lines of `token,user,uid[,"group1,group2"]`. Upstream: apiserver/pkg/authentication/token/tokenfile
 */
import { createHash } from 'node:crypto';
import type { AuthenticationResult, TokenAuthenticator } from './authenticator.ts';

/** Throws when a line has fewer than three columns. */
export function tokenFileAuthenticator(csv: string, apiAudiences: readonly string[]): TokenAuthenticator {
  const users = new Map<string, AuthenticationResult>();
  for (const [number, columns] of parseCsv(csv).entries()) {
    if (columns.length < 3)
      throw new Error(`token file must have at least 3 columns (token, user name, user uid), found ${columns.length}`);
    const [token, username, uid, groups] = columns as [string, string, string, string?];
    if (token === '') continue; // upstream skips the line with a warning
    const key = digest(token);
    if (users.has(key)) throw new Error(`duplicate token in line ${number + 1} of the token file`);
    const user = { username, uid, groups: groups ? groups.split(',').map((g) => g.trim()) : [] };
    users.set(key, { user, audiences: apiAudiences });
  }
  return {
    authenticateToken(token, audiences) {
      const result = users.get(digest(token));
      if (result === undefined || audiences.length === 0) return result;
      const wanted = audiences.filter((a) => apiAudiences.includes(a));
      if (apiAudiences.length && wanted.length === 0) return undefined;
      return { user: result.user, audiences: wanted };
    },
  };
}

// Looking up a digest keeps the comparison's duration independent of how much of a token was guessed.
function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** Records of a CSV text: quoted fields, doubled quotes, `#` comments, empty lines skipped. */
export function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const fields = [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)];
    records.push(fields.map((m) => (m[1] !== undefined ? m[1].replaceAll('""', '"') : (m[2] ?? '').trim())));
  }
  return records;
}
