/**
 * Service account tokens: verifies signature, audience and times, then that the account and what the token is bound to still exist.
 * A verified signature is remembered by the token; existence is looked up every time (in caches, so it costs no I/O).
 * Upstream: pkg/serviceaccount/{jwt,claims,legacy}.go
 */
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose';
import type { ClusterView } from '../../admission/data.ts';
import type { Secret, ServiceAccount } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { UserInfo } from '../request/exchange.ts';
import {
  type Answer,
  AuthenticationError,
  type AuthenticationResult,
  type TokenAuthenticator,
  type WarningSink,
} from './authenticator.ts';
import { BoundedCache } from './bounded-cache.ts';
import { type ServiceAccountIdentity, serviceAccountUser, splitServiceAccountUsername } from './identities.ts';
import type { VerifyKey } from './service-account-keys.ts';

/** Clocks of client and server may differ by this much, seconds. Upstream: go-jose DefaultLeeway */
const LEEWAY = 60;
const CACHE_LIMIT = 8192;
const LEGACY_ISSUER = 'kubernetes/serviceaccount';

interface Ref {
  name: string;
  uid: string;
}

export interface TokenClaims {
  iss: string;
  sub: string;
  aud?: string[] | string;
  exp?: number;
  iat?: number;
  nbf?: number;
  jti?: string;
  'kubernetes.io'?: {
    namespace: string;
    serviceaccount: Ref;
    pod?: Ref;
    secret?: Ref;
    node?: Partial<Ref> & { name: string };
    warnafter?: number;
  };
  'kubernetes.io/serviceaccount/service-account.name'?: string;
  'kubernetes.io/serviceaccount/service-account.uid'?: string;
  'kubernetes.io/serviceaccount/secret.name'?: string;
  'kubernetes.io/serviceaccount/namespace'?: string;
}

export interface ServiceAccountTokenOptions {
  issuers: readonly string[];
  keys: readonly VerifyKey[];
  apiAudiences: readonly string[];
  lookup: ClusterView;
  clock: Clock;
  /** Accept tokens of service-account-token Secrets. */
  legacy?: boolean;
}

export function serviceAccountTokenAuthenticator(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const { keys, apiAudiences, clock } = options;
  const issuers = new Set([...options.issuers, ...(options.legacy === false ? [] : [LEGACY_ISSUER])]);
  const verified = new BoundedCache<string, Verified>(CACHE_LIMIT);

  const check = (
    known: Verified,
    token: string,
    requested: readonly string[],
    sink: WarningSink | undefined,
  ): Answer => {
    const { claims } = known;
    const isDefault = requested.length === 0;
    // Audiences were found good when the result was made; nothing about them changes.
    const audiences = (isDefault && known.result?.audiences) || checkAudiences(claims, requested, apiAudiences);
    checkTimes(claims, clock);
    if (claims.iss === LEGACY_ISSUER)
      return checkLegacy(claims, token, options, sink).then((identity) => ({
        user: serviceAccountUser(identity),
        audiences,
      }));
    const answer = () => {
      // The claims say it all: as long as what they name is there, the answer is the same.
      if (!isDefault) return { user: userOf(claims), audiences };
      known.result ??= { user: userOf(claims), audiences };
      return known.result;
    };
    const checked = checkBound(claims, options);
    return checked === undefined ? answer() : checked.then(answer);
  };
  return {
    authenticateToken(token, requested, sink) {
      const known = verified.get(token);
      if (known !== undefined) return check(known, token, requested, sink);
      // Only tokens of our issuers are ever remembered, so that one that is known need not be taken apart again.
      if (!issuers.has(issuerOf(token))) return undefined;
      return verifySignature(token, keys).then((claims) => {
        const fresh: Verified = { claims, result: undefined };
        verified.set(token, fresh);
        return check(fresh, token, requested, sink);
      });
    },
  };
}

interface Verified {
  readonly claims: TokenClaims;
  /** For the API server's own audiences; good while `check` finds nothing wrong. */
  result: AuthenticationResult | undefined;
}

/** The issuer a token claims, read before anything of it is believed. */
function issuerOf(token: string): string {
  if (token.split('.').length !== 3) return '';
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    return '';
  }
}

async function verifySignature(token: string, keys: readonly VerifyKey[]): Promise<TokenClaims> {
  let kid: string | undefined;
  try {
    kid = decodeProtectedHeader(token).kid;
  } catch {
    throw new AuthenticationError('invalid bearer token');
  }
  const candidates = kid ? keys.filter((k) => k.id === kid) : keys;
  if (candidates.length === 0) throw new AuthenticationError('invalid signature, no keys found');
  for (const { key, algorithm } of candidates) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
      return JSON.parse(new TextDecoder().decode(payload)) as TokenClaims;
    } catch {}
  }
  throw new AuthenticationError('go-jose/go-jose: error in cryptographic primitive');
}

function checkAudiences(claims: TokenClaims, requested: readonly string[], apiAudiences: readonly string[]): string[] {
  const own = claims.aud === undefined ? apiAudiences : [claims.aud].flat();
  const wanted = requested.length ? requested : apiAudiences;
  const audiences = own.filter((a) => wanted.includes(a));
  if (audiences.length === 0 && apiAudiences.length > 0)
    throw new AuthenticationError(
      `token audiences ${goList(own)} is invalid for the target audiences ${goList(wanted)}`,
    );
  return audiences;
}

function goList(values: readonly string[]): string {
  return `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
}

function checkTimes({ exp, nbf, iat }: TokenClaims, clock: Clock): void {
  const now = clock.now() / 1000;
  if (nbf !== undefined && now + LEEWAY < nbf) throw new AuthenticationError('service account token is not valid yet');
  if (exp !== undefined && now - LEEWAY > exp) throw new AuthenticationError('service account token has expired');
  if (iat !== undefined && now + LEEWAY < iat)
    throw new AuthenticationError('service account token is issued in the future');
}

/** That what the token is bound to is still there; at once where the caches know it. */
function checkBound(claims: TokenClaims, options: ServiceAccountTokenOptions): Promise<void> | void {
  const k = claims['kubernetes.io'];
  if (k === undefined) throw new AuthenticationError('service account token has been invalidated');
  const { namespace, serviceaccount, pod, secret, node } = k;
  const isThere = (resource: string, ns: string, ref: Ref) => {
    const object = options.lookup.peek({ group: '', resource }, ns, ref.name);
    return object?.metadata.uid === ref.uid && object.metadata.deletionTimestamp === undefined;
  };
  if (
    !isThere('serviceaccounts', namespace, serviceaccount) ||
    (secret !== undefined && !isThere('secrets', namespace, secret)) ||
    (pod !== undefined
      ? !isThere('pods', namespace, pod)
      : node !== undefined && !isThere('nodes', '', { name: node.name, uid: node.uid ?? '' }))
  )
    return lookCloser(k, options);
}

/** Something is missing, another one or on its way out: which, and does it matter? */
async function lookCloser(
  k: NonNullable<TokenClaims['kubernetes.io']>,
  options: ServiceAccountTokenOptions,
): Promise<void> {
  const { namespace, serviceaccount: sa, pod, secret, node } = k;
  await checkServiceAccount(namespace, sa, options);
  const gone = 'service account token has been invalidated';
  if (secret !== undefined) {
    const object = await find(options, 'secrets', namespace, secret);
    if (object === undefined) throw new AuthenticationError(gone);
    if (object.metadata.uid !== secret.uid)
      throw new AuthenticationError(
        `secret UID (${object.metadata.uid}) does not match service account secret ref claim (${secret.uid})`,
      );
    if (isDeleted(object, options.clock)) throw new AuthenticationError(gone);
  }
  if (pod !== undefined) {
    const object = await find(options, 'pods', namespace, pod);
    if (object === undefined) throw new AuthenticationError(gone);
    if (object.metadata.uid !== pod.uid)
      throw new AuthenticationError(
        `pod UID (${object.metadata.uid}) does not match service account pod ref claim (${pod.uid})`,
      );
    if (isDeleted(object, options.clock)) throw new AuthenticationError(gone);
  } else if (node !== undefined) {
    const object = await find(options, 'nodes', '', { name: node.name, uid: node.uid ?? '' });
    if (object === undefined) throw new AuthenticationError(gone);
    if (object.metadata.uid !== node.uid)
      throw new AuthenticationError(
        `node UID (${object.metadata.uid}) does not match service account node ref claim (${node.uid})`,
      );
    if (isDeleted(object, options.clock)) throw new AuthenticationError(gone);
  }
}

function userOf(claims: TokenClaims): UserInfo {
  const { namespace, serviceaccount: sa, pod, node } = claims['kubernetes.io']!;
  return serviceAccountUser({
    namespace,
    name: sa.name,
    uid: sa.uid,
    ...(pod ? { pod } : {}),
    ...(node ? { node: { name: node.name, uid: node.uid ?? '' } } : {}),
    ...(claims.jti ? { credentialId: `JTI=${claims.jti}` } : {}),
  });
}

async function checkServiceAccount(
  namespace: string,
  sa: Ref,
  options: ServiceAccountTokenOptions,
): Promise<ServiceAccount> {
  const account = await find(options, 'serviceaccounts', namespace, sa);
  if (account === undefined) throw new AuthenticationError(`serviceaccounts ${JSON.stringify(sa.name)} not found`);
  if (account.metadata.uid !== sa.uid)
    throw new AuthenticationError(`service account UID (${account.metadata.uid}) does not match claim (${sa.uid})`);
  if (isDeleted(account, options.clock))
    throw new AuthenticationError(`service account ${namespace}/${sa.name} has been deleted`);
  return account as ServiceAccount;
}

/** From the cache; live when the cache does not have it yet or has its predecessor. */
async function find(
  { lookup }: ServiceAccountTokenOptions,
  resource: string,
  namespace: string,
  ref: Ref,
): Promise<KubeObject | undefined> {
  const gr = { group: '', resource };
  const cached = await lookup.get(gr, namespace, ref.name);
  return cached?.metadata.uid === ref.uid ? cached : await lookup.getLive(gr, namespace, ref.name);
}

function isDeleted(object: KubeObject, clock: Clock): boolean {
  const at = object.metadata.deletionTimestamp;
  return at !== undefined && Date.parse(at) < clock.now() - LEEWAY * 1000;
}

const LEGACY_WARNING =
  'Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens.';

/** Tokens kept in Secrets: good as long as the Secret holds exactly this token. */
async function checkLegacy(
  claims: TokenClaims,
  token: string,
  options: ServiceAccountTokenOptions,
  sink: WarningSink | undefined,
): Promise<ServiceAccountIdentity> {
  const name = claims['kubernetes.io/serviceaccount/service-account.name'] ?? '';
  const uid = claims['kubernetes.io/serviceaccount/service-account.uid'] ?? '';
  const secretName = claims['kubernetes.io/serviceaccount/secret.name'] ?? '';
  const namespace = claims['kubernetes.io/serviceaccount/namespace'] ?? '';
  if (claims.sub === '') throw new AuthenticationError('sub claim is missing');
  if (namespace === '') throw new AuthenticationError('namespace claim is missing');
  if (secretName === '') throw new AuthenticationError('secretName claim is missing');
  if (name === '') throw new AuthenticationError('serviceAccountName claim is missing');
  if (uid === '') throw new AuthenticationError('serviceAccountUID claim is missing');
  const subject = splitServiceAccountUsername(claims.sub);
  if (subject?.namespace !== namespace || subject.name !== name) throw new AuthenticationError('sub claim is invalid');
  const gr = { group: '', resource: 'secrets' };
  const secret =
    (await options.lookup.get<Secret>(gr, namespace, secretName)) ??
    (await options.lookup.getLive<Secret>(gr, namespace, secretName));
  if (secret === undefined) throw new AuthenticationError('service account token has been invalidated');
  if (secret.metadata.deletionTimestamp !== undefined)
    throw new AuthenticationError('service account token has been invalidated');
  if (Buffer.from(secret.data?.token ?? '', 'base64').toString() !== token)
    throw new AuthenticationError("service account token does not match server's copy");
  const account = await checkServiceAccount(namespace, { name, uid }, options);
  if (account.secrets?.some((s) => s.name === secretName)) sink?.warn(LEGACY_WARNING);
  return { namespace, name, uid };
}
