/**
 * The HTTP proxies of pods, services and nodes. Names may carry scheme and port: `https:web:8443`. Upgrades pass through.
 * Upstream: pkg/registry/core/{pod,service,node}/rest, apimachinery/pkg/util/proxy
 */

import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as tcpConnect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Node, Pod, Service } from '../../api/core-v1.ts';
import type { EndpointSlice } from '../../api/discovery-v1.ts';
import { badRequest, notFound, serviceUnavailable } from '../../machinery/errors/status-error.ts';
import type { ApiServices } from '../create-api-server.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { admitConnect } from './connect-admission.ts';
import { copyBoth } from './exec.ts';
import { dialThrough, type KubeletConnections } from './kubelet-connection.ts';

interface Backend {
  scheme: string;
  host: string;
  port: number;
}

const KINDS: Record<string, string> = {
  pods: 'PodProxyOptions',
  services: 'ServiceProxyOptions',
  nodes: 'NodeProxyOptions',
};
/** Not passed on: they are about one connection only. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'authorization',
];

export async function proxy(
  request: ResourceRequest,
  services: ApiServices,
  kubelets: KubeletConnections,
): Promise<void> {
  const { endpoint, context, subpath } = request;
  const resource = endpoint.row.resource;
  await admitConnect(request, KINDS[resource] ?? '', { path: subpath });
  const { exchange } = context;
  const path = `/${subpath.replace(/^\//, '')}${exchange.query === '' ? '' : `?${exchange.query}`}`;
  if (resource === 'nodes') {
    const node = await services.get<Node>({ group: '', resource: 'nodes' }, '', split(request.name).name);
    if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, request.name);
    return forward(request, () => kubelets.connect(node, context.signal), path, '');
  }
  const backend = resource === 'pods' ? await podBackend(request, services) : await serviceBackend(request, services);
  return forward(request, () => open(backend, kubelets, context.signal), path, locationPrefix(request));
}

/** `[scheme:]name[:port]` */
function split(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 1) return { scheme: 'http', name: text, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: parts[0] ?? '', port: parts[1] ?? '' };
  if (parts.length === 3 && ['http', 'https', ''].includes(parts[0] ?? ''))
    return { scheme: parts[0] || 'http', name: parts[1] ?? '', port: parts[2] ?? '' };
  throw badRequest(`invalid request ${JSON.stringify(text)}`);
}

async function podBackend(request: ResourceRequest, services: ApiServices): Promise<Backend> {
  const { scheme, name, port } = split(request.name);
  const pod = await services.getLive<Pod>({ group: '', resource: 'pods' }, request.namespace, name);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  const host = pod.status?.podIP;
  if (!host) throw serviceUnavailable(`address not allowed`);
  const first = (pod.spec?.containers ?? []).flatMap((c) => c.ports ?? [])[0]?.containerPort;
  return { scheme, host, port: port === '' ? (first ?? (scheme === 'https' ? 443 : 80)) : Number(port) };
}

async function serviceBackend(request: ResourceRequest, services: ApiServices): Promise<Backend> {
  const { scheme, name, port } = split(request.name);
  const service = await services.getLive<Service>({ group: '', resource: 'services' }, request.namespace, name);
  if (service === undefined) throw notFound({ group: '', resource: 'services' }, name);
  const wanted = (service.spec?.ports ?? []).find((p) =>
    port === '' ? service.spec?.ports?.length === 1 : p.name === port || `${p.port}` === port,
  );
  if (wanted === undefined)
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const all = await services.list<EndpointSlice>(
    { group: 'discovery.k8s.io', resource: 'endpointslices' },
    request.namespace,
  );
  const slices = all.filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === name);
  const backends = slices.flatMap((s) => {
    const p = (s.ports ?? []).find((x) => (x.name ?? '') === (wanted.name ?? ''));
    return (s.endpoints ?? [])
      .filter((e) => e.conditions?.ready !== false && p?.port !== undefined)
      .flatMap((e) => e.addresses.map((host) => ({ scheme, host, port: p?.port ?? 0 })));
  });
  if (backends.length === 0) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return backends[request.server.random.int(backends.length)]!;
}

/** A connection to the backend: through a node where the pod network is not reached from here. */
async function open(backend: Backend, kubelets: KubeletConnections, signal: AbortSignal): Promise<Duplex> {
  const way = kubelets.tunnel();
  const plain =
    way === undefined ? await dial(backend, signal) : await dialThrough(way, backend.host, backend.port, signal);
  if (backend.scheme !== 'https') return plain;
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ socket: plain, rejectUnauthorized: false });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function dial({ host, port }: Backend, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect({ host, port });
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function forward(
  request: ResourceRequest,
  connect: () => Promise<Duplex>,
  path: string,
  prefix: string,
): Promise<void> {
  const { exchange, signal } = request.context;
  let socket: Duplex;
  try {
    socket = await connect();
  } catch (err) {
    throw serviceUnavailable(`error trying to reach service: ${err instanceof Error ? err.message : err}`);
  }
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => socket;
  const upgrade = /upgrade/i.test(exchange.headers.connection ?? '') ? exchange.headers.upgrade : undefined;
  const headers = onwardHeaders(exchange.headers, exchange.peer.address);
  if (upgrade !== undefined) Object.assign(headers, { connection: 'Upgrade', upgrade });
  const onward = httpRequest({ method: exchange.method, path, headers, agent });
  signal.addEventListener('abort', () => onward.destroy(), { once: true });
  const answered = new Promise<IncomingMessage | undefined>((resolve, reject) => {
    onward.on('response', resolve);
    onward.on('error', (err) => reject(serviceUnavailable(`error trying to reach service: ${err.message}`)));
    onward.on('upgrade', (response, upstream, head) => {
      const client = exchange.upgrade();
      if (client === undefined) return reject(badRequest('unable to upgrade: this connection cannot be upgraded'));
      const lines = ['HTTP/1.1 101 Switching Protocols'];
      for (let i = 0; i < response.rawHeaders.length; i += 2)
        lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
      client.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      if (head.length > 0) client.socket.write(head);
      if (client.head.length > 0) upstream.write(client.head);
      copyBoth(client.socket, upstream, signal).then(() => resolve(undefined));
    });
  });
  // A failure to read the client's body shows as a failure of the request it is the body of.
  pump(exchange.bodyStream(), onward).catch((err: Error) => onward.destroy(err));
  const response = await answered;
  if (response !== undefined) await passBack(request, response, prefix);
}

async function pump(body: AsyncIterable<Buffer>, onward: ReturnType<typeof httpRequest>): Promise<void> {
  for await (const chunk of body) if (!onward.write(chunk)) await new Promise((r) => onward.once('drain', r));
  onward.end();
}

function onwardHeaders(headers: Readonly<Record<string, string | undefined>>, client: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [k, v] of Object.entries(headers))
    if (v !== undefined && !HOP_BY_HOP.includes(k) && !k.startsWith(':')) out[k] = v;
  if (headers.host !== undefined) out.host = headers.host;
  out['x-forwarded-for'] = headers['x-forwarded-for'] ? `${headers['x-forwarded-for']}, ${client}` : client;
  return out;
}

async function passBack({ context }: ResourceRequest, response: IncomingMessage, prefix: string): Promise<void> {
  const headers: Record<string, string> = {};
  for (const [k, v] of Object.entries(response.headers))
    if (v !== undefined && !HOP_BY_HOP.includes(k)) headers[k] = Array.isArray(v) ? v.join(', ') : v;
  if (headers.location?.startsWith('/')) headers.location = `${prefix}${headers.location}`;
  const stream = context.exchange.stream(response.statusCode ?? 502, headers);
  try {
    for await (const chunk of response) if (!stream.write(chunk as Buffer)) await stream.drained(context.signal);
    stream.end();
  } catch {
    stream.abort();
  }
}

/** Where a redirect of the backend leads for the client. */
function locationPrefix({ endpoint, namespace, name }: ResourceRequest): string {
  return `/api/v1/namespaces/${namespace}/${endpoint.row.resource}/${name}/proxy`;
}
