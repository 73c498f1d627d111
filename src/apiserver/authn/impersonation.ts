/**
 * Acting as somebody else: reads the Impersonate-* headers, asks whether the caller may, and returns the user to go on as. Constrained modes
 * (KEP-5284) are tried first: they ask for the deed too (`impersonate-on:<mode>:<verb>`); the old verb `impersonate` grants everything.
 * Upstream: apiserver/pkg/endpoints/filters/impersonation/{constrained_impersonation,mode}.go
 */
import {
  type AuthorizationAttributes,
  type Authorizer,
  attributesOf,
  forbiddenError,
} from '../../machinery/authorization/authorizer.ts';
import { badRequest, type StatusError } from '../../machinery/errors/status-error.ts';
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
const NODE_PREFIX = 'system:node:';
const NODE_NAME = 'authentication.kubernetes.io/node-name';
const AUTHENTICATION = { apiGroup: 'authentication.k8s.io', apiVersion: 'v1' };
const CORE = { apiGroup: '', apiVersion: 'v1' };

/** Whom the headers ask for, as they say it. */
interface Wanted {
  username: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

/** A way of impersonating. `name` undefined: the old one. */
interface Mode {
  name: string | undefined;
  applies(wanted: Wanted, requestor: UserInfo): boolean;
}

const MODES: readonly Mode[] = [
  {
    name: 'associated-node',
    applies: (wanted, requestor) =>
      isNameOnly(wanted) &&
      splitServiceAccountUsername(requestor.username) !== undefined &&
      nodeOf(wanted.username) !== undefined &&
      requestor.extra?.[NODE_NAME]?.[0] === nodeOf(wanted.username),
  },
  { name: 'arbitrary-node', applies: (wanted) => isNameOnly(wanted) && nodeOf(wanted.username) !== undefined },
  {
    name: 'serviceaccount',
    applies: (wanted) => isNameOnly(wanted) && splitServiceAccountUsername(wanted.username) !== undefined,
  },
  {
    name: 'user-info',
    applies: ({ username }) => nodeOf(username) === undefined && splitServiceAccountUsername(username) === undefined,
  },
  { name: undefined, applies: () => true },
];

/**
 * Undefined: the request impersonates nobody. Throws 400, and 403 with what was missing in the first mode that applied. `request`: what the caller
 * is about to do; without it only the old mode is tried.
 */
export async function impersonate(
  headers: Exchange['headers'],
  user: UserInfo,
  authorizer: Authorizer,
  request?: AuthorizationAttributes,
): Promise<UserInfo | undefined> {
  const wanted: Wanted = {
    username: headers['impersonate-user'] ?? '',
    uid: headers['impersonate-uid'] ?? '',
    groups: headers['impersonate-group'] === undefined ? [] : splitHeader(headers['impersonate-group']),
    extra: extraOf(headers, [EXTRA_PREFIX]),
  };
  if (wanted.username === '') {
    if (isNameOnly(wanted)) return undefined;
    throw badRequest(`requested ${describe(wanted)} without impersonating a user name`);
  }
  let first: StatusError | undefined;
  for (const mode of MODES) {
    if (mode.name !== undefined && request === undefined) continue;
    if (!mode.applies(wanted, user)) continue;
    const refusal = await tryMode(mode, wanted, { user, authorizer, request });
    if (refusal === undefined) return impersonated(mode, wanted);
    first ??= refusal;
  }
  throw first!;
}

interface Asking {
  user: UserInfo;
  authorizer: Authorizer;
  request: AuthorizationAttributes | undefined;
}

/** The first thing the caller is not allowed; undefined: all is. */
async function tryMode(
  mode: Mode,
  wanted: Wanted,
  { user, authorizer, request }: Asking,
): Promise<StatusError | undefined> {
  const requestor = mode.name === 'associated-node' ? withNodeKeys(user) : user;
  const asks = [
    ...(mode.name === undefined
      ? []
      : [{ ...request!, user: requestor, verb: `impersonate-on:${mode.name}:${request!.verb}` }]),
    ...questions(mode, wanted).map((q) =>
      attributesOf({
        user: requestor,
        verb: mode.name === undefined ? 'impersonate' : `impersonate:${mode.name}`,
        ...q,
      }),
    ),
  ];
  for (const ask of asks) {
    const forbidden = mode.name === undefined ? undefined : unthinkable(ask, wanted);
    if (forbidden !== undefined) return forbiddenError(ask, forbidden);
    const { decision, reason } = await authorizer.authorize(ask);
    if (decision !== 'Allow') return forbiddenError(ask, reason);
  }
  return undefined;
}

type Question = Partial<AuthorizationAttributes>;

/** One question each for name, uid, every group and every value of extra. */
function questions(mode: Mode, { username, uid, groups, extra }: Wanted): Question[] {
  const names = mode.name === undefined ? CORE : AUTHENTICATION;
  const account = splitServiceAccountUsername(username);
  const node = mode.name === undefined ? undefined : nodeOf(username);
  const who: Question = account
    ? { resource: 'serviceaccounts', ...account }
    : node !== undefined
      ? { resource: 'nodes', name: mode.name === 'associated-node' ? '*' : node }
      : { resource: 'users', name: username };
  return [
    { ...names, ...who },
    ...(uid === '' ? [] : [{ ...AUTHENTICATION, resource: 'uids', name: uid }]),
    ...groups.map((name) => ({ ...names, resource: 'groups', name })),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((name) => ({ ...AUTHENTICATION, resource: 'userextras', subresource: key, name })),
    ),
  ];
}

/** What the new modes refuse whoever asks. */
function unthinkable(ask: AuthorizationAttributes, { groups }: Wanted): string | undefined {
  if (ask.resource !== 'groups' || ask.apiGroup !== AUTHENTICATION.apiGroup) return undefined;
  if (groups.includes('')) return 'impersonating the empty string group is not allowed';
  return groups.includes('system:masters') ? 'impersonating the system:masters group is not allowed' : undefined;
}

/** Which node a service account runs on must not matter to the answer; that it runs on the wanted one was checked before. */
function withNodeKeys(user: UserInfo): UserInfo {
  return {
    ...user,
    extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(user.extra ?? {}).sort() },
  };
}

function impersonated(mode: Mode, { username, uid, groups, extra }: Wanted): UserInfo {
  const account = splitServiceAccountUsername(username);
  let known = groups;
  if (groups.length === 0 && account) known = serviceAccountGroups(account.namespace);
  else if (mode.name !== undefined && nodeOf(username) !== undefined) known = ['system:nodes'];
  return {
    username,
    ...(uid ? { uid } : {}),
    groups: withImpliedGroup(username, known),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}

/** Everybody is either authenticated or not, whatever groups were asked for. */
function withImpliedGroup(username: string, groups: readonly string[]): string[] {
  const implied = username === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED;
  return groups.includes(implied) || groups.includes(UNAUTHENTICATED) ? [...groups] : [...groups, implied];
}

function isNameOnly({ uid, groups, extra }: Wanted): boolean {
  return uid === '' && groups.length === 0 && Object.keys(extra).length === 0;
}

function nodeOf(username: string): string | undefined {
  return username.startsWith(NODE_PREFIX) && username.length > NODE_PREFIX.length
    ? username.slice(NODE_PREFIX.length)
    : undefined;
}

/** A user as Go prints it with %#v. */
function describe({ uid, groups, extra }: Wanted): string {
  const list = (values: readonly string[]) => `[]string{${values.map((v) => JSON.stringify(v)).join(', ')}}`;
  const entries = Object.entries(extra).map(([k, v]) => `${JSON.stringify(k)}:${list(v)}`);
  const groupsText = groups.length ? list(groups) : '[]string(nil)';
  const extraText = entries.length ? `map[string][]string{${entries.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${groupsText}, Extra:${extraText}}`;
}
