/**
 * Acting as somebody else: reads the Impersonate-* headers, asks for each identity whether the caller may take it, and returns the user to go
 * on as. Upstream: apiserver/pkg/endpoints/filters/impersonation
 */
import {
  type AuthorizationAttributes,
  type Authorizer,
  attributesOf,
  forbiddenError,
} from '../../machinery/authorization/authorizer.ts';
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { Exchange, UserInfo } from '../request/exchange.ts';
import {
  ANONYMOUS,
  AUTHENTICATED,
  serviceAccountGroups,
  splitServiceAccountUsername,
  UNAUTHENTICATED,
} from './identities.ts';
import { extraOf, splitHeader } from './request-header.ts';

const EXTRA_PREFIX = 'impersonate-extra-';
const AUTHENTICATION = { apiGroup: 'authentication.k8s.io', apiVersion: 'v1' };

/** Undefined: the request impersonates nobody. Throws 400 and 403. */
export async function impersonate(
  headers: Exchange['headers'],
  user: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo | undefined> {
  const username = headers['impersonate-user'] ?? '';
  const groups = headers['impersonate-group'] === undefined ? [] : splitHeader(headers['impersonate-group']);
  const uid = headers['impersonate-uid'] ?? '';
  const extra = extraOf(headers, [EXTRA_PREFIX]);
  const account = splitServiceAccountUsername(username);
  const asks = requests({ username, groups, uid, extra, account });
  if (asks.length === 0) return undefined;
  if (username === '') throw badRequest(`requested ${describe(asks)} without impersonating a user`);
  for (const ask of asks) {
    const attributes = attributesOf({ user, verb: 'impersonate', apiVersion: 'v1', ...ask });
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== 'Allow') throw forbiddenError(attributes, reason);
  }
  const known = groups.length === 0 && account ? serviceAccountGroups(account.namespace) : groups;
  return {
    username,
    ...(uid ? { uid } : {}),
    groups: withImpliedGroup(username, known),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}

interface Target {
  username: string;
  groups: readonly string[];
  uid: string;
  extra: Record<string, readonly string[]>;
  account: { namespace: string; name: string } | undefined;
}

type Ask = Partial<AuthorizationAttributes>;

function requests({ username, groups, uid, extra, account }: Target): Ask[] {
  const asks: Ask[] = [];
  if (account) asks.push({ resource: 'serviceaccounts', ...account });
  else if (username !== '') asks.push({ resource: 'users', name: username });
  for (const name of groups) asks.push({ resource: 'groups', name });
  for (const [key, values] of Object.entries(extra))
    for (const name of values) asks.push({ ...AUTHENTICATION, resource: 'userextras', subresource: key, name });
  if (uid !== '') asks.push({ ...AUTHENTICATION, resource: 'uids', name: uid });
  return asks;
}

const KINDS: Record<string, string> = { groups: 'Group', userextras: 'UserExtra', uids: 'UID' };

/** A list of object references as Go prints it. */
function describe(asks: readonly Ask[]): string {
  const one = (a: Ask) =>
    `{${KINDS[a.resource!]}  ${a.name}  ${a.apiGroup ? `${a.apiGroup}/v1` : ''}  ${a.subresource ?? ''}}`;
  return `[${asks.map(one).join(' ')}]`;
}

/** Everybody is either authenticated or not, whatever groups were asked for. */
function withImpliedGroup(username: string, groups: readonly string[]): string[] {
  if (username === ANONYMOUS) return groups.includes(UNAUTHENTICATED) ? [...groups] : [...groups, UNAUTHENTICATED];
  const said = groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED);
  return said ? [...groups] : [...groups, AUTHENTICATED];
}
