/**
 * The serviceaccounts/token subresource: validates a TokenRequest, looks up what it is bound to and signs. The API server mounts
 * `create` on POST .../serviceaccounts/{name}/token. Upstream: pkg/registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/claims.go
 */

import { SignJWT } from 'jose';
import type { ClusterView } from '../../admission/data.ts';
import type { TokenRequest } from '../../api/authentication-v1.ts';
import type { Node, Pod } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Awaitable } from '../../base/when.ts';
import { badRequest, conflict, invalid, notFound } from '../../machinery/errors/status-error.ts';
import { type KubeObject, parseApiVersion } from '../../machinery/meta/object.ts';
import { type FieldError, invalidField } from '../../machinery/validation/field-error.ts';
import { ISSUED_CREDENTIAL_ID, serviceAccountUsername } from './identities.ts';
import type { SigningKey } from './service-account-keys.ts';
import type { TokenClaims } from './service-account-token.ts';

const GROUP_KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
/** What a projected volume asks for by default: such tokens live a year and warn after the hour. */
const WARN_ONLY_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;

export interface TokenIssuerOptions {
  issuer: string;
  key: SigningKey;
  apiAudiences: readonly string[];
  lookup: ClusterView;
  clock: Clock;
  random: Random;
  /** --service-account-max-token-expiration, seconds; 0: none. */
  maxExpirationSeconds?: number;
  /** --service-account-extend-token-expiration. Default true. */
  extendExpiration?: boolean;
}

export interface TokenRequestContext {
  namespace: string;
  /** Of the service account. */
  name: string;
  warn(text: string): void;
  annotate(key: string, value: string): void;
  /** Validating admission. */
  validate?(request: TokenRequest): Awaitable<void>;
}

export interface TokenIssuer {
  /** The request with its status. `request` is the caller's own, defaulted copy. Throws StatusErrors. */
  create(request: TokenRequest, context: TokenRequestContext): Promise<TokenRequest>;
}

interface Bound {
  pod?: Pod;
  node?: Node;
  secret?: KubeObject;
}

export function tokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  return {
    async create(request, context) {
      const account = await getLive(options.lookup, 'serviceaccounts', context.namespace, context.name);
      const now = options.clock.now();
      const filled = fillRequest(request, account, context, options.apiAudiences, now);
      const errors = validateTokenRequest(filled);
      if (errors.length > 0) throw invalid(GROUP_KIND, '', errors);
      await context.validate?.(filled);
      const bound = await resolveBound(filled, context, options.lookup);
      const spec = filled.spec!;
      const max = options.maxExpirationSeconds ?? 0;
      if (max > 0 && spec.expirationSeconds! > max) {
        context.warn(`requested expiration of ${spec.expirationSeconds} seconds shortened to ${max} seconds`);
        spec.expirationSeconds = max;
      }
      const extend =
        options.extendExpiration !== false &&
        bound.pod !== undefined &&
        spec.expirationSeconds === WARN_ONLY_SECONDS &&
        spec.audiences!.every((a) => options.apiAudiences.includes(a));
      const claims = claimsOf(account, bound, {
        audiences: spec.audiences!,
        now: Math.floor(now / 1000),
        id: options.random.uuid(),
        issuer: options.issuer,
        seconds: extend ? EXTENDED_SECONDS : spec.expirationSeconds!,
        ...(extend ? { warnAfterSeconds: spec.expirationSeconds! } : {}),
      });
      const token = await new SignJWT(claims as unknown as Record<string, unknown>)
        .setProtectedHeader({ alg: options.key.algorithm, kid: options.key.id })
        .sign(options.key.privateKey);
      context.annotate(ISSUED_CREDENTIAL_ID, `JTI=${claims.jti}`);
      return { ...filled, status: { token, expirationTimestamp: rfc3339(now + spec.expirationSeconds! * 1000) } };
    },
  };
}

function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function fillRequest(
  request: TokenRequest,
  account: KubeObject,
  { namespace, name }: TokenRequestContext,
  apiAudiences: readonly string[],
  now: number,
): TokenRequest {
  const meta = request.metadata ?? {};
  const mismatch = (field: string, value: string, what: string) =>
    invalid(GROUP_KIND, name, [
      invalidField(`metadata.${field}`, value, `must match the service account ${what} if specified`),
    ]);
  if (meta.name && meta.name !== name) throw mismatch('name', meta.name, 'name');
  if (meta.namespace && meta.namespace !== namespace) throw mismatch('namespace', meta.namespace, 'namespace');
  if (meta.uid && meta.uid !== account.metadata.uid)
    throw conflict(
      { group: GROUP_KIND.group, resource: GROUP_KIND.kind },
      name,
      `the UID in the token request (${meta.uid}) does not match the UID of the service account (${account.metadata.uid})`,
    );
  const spec = request.spec ?? {};
  return {
    ...request,
    metadata: { ...meta, name, namespace, uid: account.metadata.uid!, creationTimestamp: rfc3339(now) },
    spec: {
      ...spec,
      audiences: spec.audiences?.length ? spec.audiences : [...apiAudiences],
      expirationSeconds: spec.expirationSeconds ?? 3600,
    },
  };
}

function validateTokenRequest(request: TokenRequest): FieldError[] {
  const seconds = request.spec?.expirationSeconds ?? 0;
  if (seconds < MIN_SECONDS)
    return [invalidField('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > MAX_SECONDS)
    return [invalidField('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

async function resolveBound(
  request: TokenRequest,
  { namespace, name }: TokenRequestContext,
  lookup: ClusterView,
): Promise<Bound> {
  const ref = request.spec?.boundObjectRef;
  if (ref === undefined || ref === null) return {};
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  const refName = ref.name ?? '';
  let bound: Bound;
  let object: KubeObject;
  switch (group === '' ? ref.kind : '') {
    case 'Pod': {
      const pod = await getLive<Pod>(lookup, 'pods', namespace, refName);
      if (pod.spec?.serviceAccountName !== name)
        throw badRequest(
          `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
        );
      object = pod;
      bound = { pod, ...(await nodeOfPod(pod, lookup)) };
      break;
    }
    case 'Node': {
      const node = await getLive<Node>(lookup, 'nodes', '', refName);
      object = node;
      bound = { node };
      break;
    }
    case 'Secret':
      object = await getLive(lookup, 'secrets', namespace, refName);
      bound = { secret: object };
      break;
    default:
      throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ''}`);
  }
  if (ref.uid && ref.uid !== object.metadata.uid)
    throw conflict(
      { group, resource: ref.kind! },
      refName,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return bound;
}

async function nodeOfPod(pod: Pod, lookup: ClusterView): Promise<Pick<Bound, 'node'>> {
  const name = pod.spec?.nodeName;
  if (!name) return {};
  const gr = { group: '', resource: 'nodes' };
  const node = (await lookup.get<Node>(gr, '', name)) ?? (await lookup.getLive<Node>(gr, '', name));
  return { node: node ?? { metadata: { name } } };
}

async function getLive<T extends KubeObject = KubeObject>(
  lookup: ClusterView,
  resource: string,
  namespace: string,
  name: string,
): Promise<T> {
  const gr = { group: '', resource };
  const object = await lookup.getLive<T>(gr, namespace, name);
  if (object === undefined) throw notFound(gr, name);
  return object;
}

interface ClaimOptions {
  issuer: string;
  audiences: string[];
  now: number;
  seconds: number;
  warnAfterSeconds?: number;
  id: string;
}

function claimsOf(account: KubeObject, { pod, node, secret }: Bound, o: ClaimOptions): TokenClaims {
  const ref = (object: KubeObject) =>
    ({ name: object.metadata.name!, ...(object.metadata.uid ? { uid: object.metadata.uid } : {}) }) as {
      name: string;
      uid: string;
    };
  return {
    aud: o.audiences,
    exp: o.now + o.seconds,
    iat: o.now,
    iss: o.issuer,
    jti: o.id,
    'kubernetes.io': {
      namespace: account.metadata.namespace!,
      ...(node ? { node: ref(node) } : {}),
      ...(pod ? { pod: ref(pod) } : {}),
      ...(secret ? { secret: ref(secret) } : {}),
      serviceaccount: ref(account),
      ...(o.warnAfterSeconds ? { warnafter: o.now + o.warnAfterSeconds } : {}),
    },
    nbf: o.now,
    sub: serviceAccountUsername(account.metadata.namespace!, account.metadata.name!),
  };
}
