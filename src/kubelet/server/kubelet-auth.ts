/**
 * Who may use a kubelet's server over the network: client certificates and tokens say who somebody is, the API server says what they
 * may do. Upstream: pkg/kubelet/server/auth.go, cmd/kubelet/app/auth.go
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { TokenReview } from '../../api/authentication-v1.ts';
import type { SubjectAccessReview } from '../../api/authorization-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client, ResourceRef } from '../../client/client.ts';

export interface KubeletAuthOptions {
  client: Client;
  clock: Clock;
  nodeName: string;
  /** Callers without credentials are system:anonymous. */
  anonymous: boolean;
  /** Bearer tokens are asked about at the API server. */
  tokens: boolean;
  authorization: 'AlwaysAllow' | 'Webhook';
}

export interface Refusal {
  code: 401 | 403;
  text: string;
}

interface Caller {
  username: string;
  uid?: string;
  groups: readonly string[];
}

const ALLOWED_TTL = 300_000;
const REFUSED_TTL = 30_000;
const MAX_REMEMBERED = 1024;
const VERBS: Record<string, string> = { POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
/** Paths with a permission of their own; nodes/proxy allows them too. */
const FINE_GRAINED: Record<string, string> = {
  healthz: 'healthz',
  pods: 'pods',
  metrics: 'metrics',
  stats: 'stats',
  logs: 'log',
};

const review = (group: string, resource: string, kind: string): ResourceRef => ({
  group,
  version: 'v1',
  resource,
  kind,
  namespaced: false,
});
const TOKEN_REVIEWS = review('authentication.k8s.io', 'tokenreviews', 'TokenReview');
const ACCESS_REVIEWS = review('authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview');

/** Undefined: let them. */
export function kubeletAuth(o: KubeletAuthOptions): (request: IncomingMessage) => Promise<Refusal | undefined> {
  const remembered = new Map<string, { allowed: boolean; until: number }>();

  async function allowed(caller: Caller, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([caller, verb, subresource]);
    const known = remembered.get(key);
    if (known !== undefined && known.until > o.clock.now()) return known.allowed;
    const answer = await o.client.create<SubjectAccessReview>(ACCESS_REVIEWS, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: caller.username,
        groups: [...caller.groups],
        ...(caller.uid === undefined ? {} : { uid: caller.uid }),
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: o.nodeName },
      },
    });
    const verdict = answer.status?.allowed === true;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, { allowed: verdict, until: o.clock.now() + (verdict ? ALLOWED_TTL : REFUSED_TTL) });
    return verdict;
  }

  return async (request) => {
    const caller = byCertificate(request) ?? (await byToken(request, o)) ?? anonymous(request, o);
    if (caller === undefined) return { code: 401, text: 'Unauthorized' };
    if (o.authorization === 'AlwaysAllow') return undefined;
    const verb = VERBS[request.method ?? ''] ?? 'get';
    const own = FINE_GRAINED[(request.url ?? '').split(/[/?]/)[1] ?? ''];
    const subresources = own === undefined ? ['proxy'] : [own, 'proxy'];
    for (const s of subresources) if (await allowed(caller, verb, s)) return undefined;
    const text = `Forbidden (user=${caller.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])\n`;
    return { code: 403, text };
  };
}

/** The subject of a client certificate that the kubelet's client CA signed. */
function byCertificate(request: IncomingMessage): Caller | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const { CN = '', O = [] } = (socket.getPeerCertificate().subject ?? {}) as { CN?: string; O?: string | string[] };
  return { username: CN, groups: [...(Array.isArray(O) ? O : [O]), 'system:authenticated'] };
}

async function byToken(request: IncomingMessage, o: KubeletAuthOptions): Promise<Caller | undefined> {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || !o.tokens) return undefined;
  const { status } = await o.client.create<TokenReview>(TOKEN_REVIEWS, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    metadata: {},
    spec: { token },
  });
  const user = status?.user;
  if (status?.authenticated !== true || user?.username === undefined) return undefined;
  return {
    username: user.username,
    groups: user.groups ?? [],
    ...(user.uid === undefined ? {} : { uid: user.uid }),
  };
}

/** Whoever showed credentials that do not hold is not anonymous. */
function anonymous(request: IncomingMessage, o: KubeletAuthOptions): Caller | undefined {
  if (!o.anonymous || request.headers.authorization !== undefined) return undefined;
  return { username: 'system:anonymous', groups: ['system:unauthenticated'] };
}
