/**
 * How the API server reaches kubelets and, through them, addresses of the pod network. Straight over TLS by default; a cluster in one
 * process (or in network namespaces) registers a way of its own by node name.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Node } from '../../api/core-v1.ts';
import { StatusError, serviceUnavailable } from '../../machinery/errors/status-error.ts';

/** Opens a connection to a kubelet's server. */
export type Connect = (signal?: AbortSignal) => Promise<Duplex>;

export interface KubeletCredentials {
  certificate: string;
  key: string;
}

export interface UpgradeResponse {
  socket: Duplex;
  head: Buffer;
  headers: IncomingMessage['headers'];
}

const KUBELET_PORT = 10_250;

export class KubeletConnections {
  readonly #ways = new Map<string, Connect>();
  readonly #credentials: KubeletCredentials | undefined;

  constructor(credentials?: KubeletCredentials) {
    this.#credentials = credentials;
  }

  /** The way to a node's kubelet from now on. */
  register(nodeName: string, connect: Connect): void {
    this.#ways.set(nodeName, connect);
  }
  unregister(nodeName: string): void {
    this.#ways.delete(nodeName);
  }

  connect(node: Node, signal?: AbortSignal): Promise<Duplex> {
    const way = this.#ways.get(node.metadata.name ?? '');
    return way === undefined ? this.#overTls(node, signal) : way(signal);
  }

  /** True when pod and service addresses are reached through this node's kubelet instead of from here. */
  isTunnelled(nodeName: string): boolean {
    return this.#ways.has(nodeName);
  }

  /** Any node through which the pod network is reached; undefined: it is reached from here. */
  tunnel(): Connect | undefined {
    return this.#ways.values().next().value;
  }

  /** A request to a kubelet; the response as it begins. */
  async request(
    node: Node,
    options: {
      method: string;
      path: string;
      headers?: Record<string, string>;
      body?: AsyncIterable<Buffer>;
      signal?: AbortSignal;
    },
  ): Promise<IncomingMessage> {
    const socket = await this.connect(node, options.signal);
    return httpOver(socket, options);
  }

  /** An upgrade to SPDY/3.1. @throws StatusError with the kubelet's words when it refuses. */
  async upgrade(
    node: Node,
    path: string,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<UpgradeResponse> {
    const socket = await this.connect(node, signal);
    return new Promise((resolve, reject) => {
      const req = over(socket, {
        method: 'POST',
        path,
        headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...headers },
      });
      req.on('upgrade', (response, upgraded, head) => resolve({ socket: upgraded, head, headers: response.headers }));
      req.on('response', (response) => {
        readText(response).then((text) => reject(new UpgradeRefused(response.statusCode ?? 500, text)), reject);
      });
      req.on('error', reject);
      req.end();
    });
  }

  #overTls(node: Node, signal: AbortSignal | undefined): Promise<Duplex> {
    const host = node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? node.metadata.name ?? '';
    const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
    const credentials = this.#credentials;
    return new Promise((resolve, reject) => {
      // As upstream without --kubelet-certificate-authority: the kubelet's certificate is not verified, ours is shown.
      const socket = tlsConnect({
        host,
        port,
        rejectUnauthorized: false,
        ...(credentials === undefined ? {} : { cert: credentials.certificate, key: credentials.key }),
      });
      signal?.addEventListener('abort', () => socket.destroy(), { once: true });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', (err) => reject(serviceUnavailable(`error dialing backend: ${err.message}`)));
    });
  }
}

/** A request over a connection that is open already; the connection ends with it. */
export function httpOver(
  socket: Duplex,
  options: {
    method: string;
    path: string;
    headers?: Record<string, string>;
    body?: AsyncIterable<Buffer>;
    signal?: AbortSignal;
  },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const req = over(socket, options);
    req.on('response', resolve);
    req.on('error', reject);
    options.signal?.addEventListener('abort', () => socket.destroy(), { once: true });
    void send(req, options.body).catch((err: Error) => req.destroy(err));
  });
}

function over(
  socket: Duplex,
  options: { method: string; path: string; headers?: Record<string, string> },
): ClientRequest {
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => socket;
  return request({
    method: options.method,
    path: options.path,
    headers: { host: 'kubelet', ...options.headers },
    agent,
  });
}

async function send(req: ClientRequest, body: AsyncIterable<Buffer> | undefined): Promise<void> {
  for await (const chunk of body ?? []) if (!req.write(chunk)) await new Promise((r) => req.once('drain', r));
  req.end();
}

/** Opens a connection to `host:port` from inside the node's network. */
export async function dialThrough(connect: Connect, host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  const socket = await connect(signal);
  return new Promise((resolve, reject) => {
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const req = over(socket, { method: 'CONNECT', path: target });
    req.on('connect', (response, tunnel, head) => {
      if (response.statusCode !== 200) {
        tunnel.destroy();
        reject(new Error(`dial tcp ${target}: ${response.statusMessage}`));
        return;
      }
      if (head.length > 0) tunnel.unshift(head);
      resolve(tunnel);
    });
    req.on('error', reject);
    req.end();
  });
}

export async function readText(response: AsyncIterable<Buffer>, limit = 64 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The kubelet answered the upgrade with something else; its words are the message. Clients put `unable to upgrade connection` before it. */
export class UpgradeRefused extends StatusError {
  constructor(code: number, text: string) {
    super({ code, reason: code < 500 ? 'BadRequest' : 'InternalError', message: text.trim() || `status ${code}` });
  }
}
