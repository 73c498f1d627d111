/**
 * The kubelet's own HTTP server: logs, exec, attach, port-forward, pods, health. Exec and its kin are handed on, as raw upgraded
 * connections, to the runtime's streaming server. CONNECT opens a connection from inside the node's network. Whoever can connect is
 * trusted: a unix socket of mode 0600, a connection in this process, or TLS that has verified the client. Upstream: pkg/kubelet/server/server.go
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ContainerRecord, ContainerRuntime, PodRecord } from '../runtime/container-runtime.ts';
import { serveLogs } from './container-logs.ts';
import { KubeletError } from './kubelet-error.ts';

/** What the server needs of a kubelet. One server may stand for many nodes of a process. */
export interface ServedPods {
  find(namespace: string, name: string): Promise<ServedPod | undefined>;
  list(): unknown[];
}

export interface ServedPod {
  pod: { metadata: { name?: string; namespace?: string; uid?: string }; status?: unknown };
  record: PodRecord | undefined;
}

/** Ms to wait for a connection from inside the node's network. */
const DIAL_TIMEOUT = 30_000;

export interface KubeletServerOptions {
  pods: ServedPods;
  runtime: ContainerRuntime;
  clock: Clock;
  log: Logger;
}

/** Not listening yet: the caller binds it, or hands it connections by `emit('connection', duplex)`. */
export function newKubeletServer(options: KubeletServerOptions): Server {
  const server = createServer((req, res) => background('kubelet request', respond(req, res, options), options.log));
  server.on('upgrade', (req, socket, head) =>
    background('kubelet upgrade', upgrade(req, socket, head, options), options.log),
  );
  server.on('connect', (req, socket) => background('kubelet connect', connect(req, socket, options), options.log));
  // Followed logs and watches last; slow requests are the caller's to end.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  return server;
}

async function respond(req: IncomingMessage, res: ServerResponse, options: KubeletServerOptions): Promise<void> {
  try {
    const url = new URL(req.url ?? '/', 'http://kubelet');
    const parts = url.pathname
      .split('/')
      .filter((p) => p !== '')
      .map(decodeURIComponent);
    switch (parts[0]) {
      case 'healthz':
        res.end('ok');
        return;
      case 'pods':
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: options.pods.list() }));
        return;
      case 'containerLogs': {
        const found = await findContainer(parts, options, url.searchParams.get('previous') === 'true');
        await serveLogs(found.record, url.searchParams, req, res, options);
        return;
      }
      default:
        throw new KubeletError(404, '404 page not found');
    }
  } catch (err) {
    fail(res, err);
  }
}

function fail(res: ServerResponse, err: unknown): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.statusCode = err instanceof KubeletError ? err.code : 500;
  res.setHeader('content-type', 'text/plain; charset=utf-8');
  res.end(err instanceof Error ? err.message : String(err));
}

/** `/<verb>/<namespace>/<pod>[/<uid>]/<container>` */
async function findContainer(
  parts: readonly string[],
  options: KubeletServerOptions,
  previous = false,
): Promise<{ served: ServedPod; record: ContainerRecord }> {
  const [, namespace = '', name = ''] = parts;
  const container = parts.length > 4 ? parts[4] : parts[3];
  const served = await options.pods.find(namespace, name);
  if (served === undefined) throw new KubeletError(404, `pod "${name}" not found`);
  const records = served.record?.containers.filter((r) => r.name === container && r.state !== 'created') ?? [];
  if (previous) {
    const ended = records[0]?.state === 'running' ? records[1] : records.length > 1 ? records[1] : undefined;
    if (ended === undefined)
      throw new KubeletError(400, `previous terminated container "${container}" in pod "${name}" not found`);
    return { served, record: ended };
  }
  const record = records[0];
  if (record === undefined)
    throw new KubeletError(
      400,
      `container "${container}" in pod "${name}" is waiting to start: ${waitingReason(served, container ?? '')}`,
    );
  return { served, record };
}

function waitingReason(served: ServedPod, container: string): string {
  type Statuses = { name: string; state?: { waiting?: { reason?: string } } }[] | undefined;
  const status = served.pod.status as { containerStatuses?: Statuses; initContainerStatuses?: Statuses } | undefined;
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const reason = all.find((s) => s.name === container)?.state?.waiting?.reason ?? 'ContainerCreating';
  return (
    { ErrImagePull: "image can't be pulled", ImagePullBackOff: 'trying and failing to pull image' }[reason] ?? reason
  );
}

async function upgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: KubeletServerOptions,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const target = new URL(await streamUrl(req, options));
    handOn(req, socket, head, target);
  } catch (err) {
    const code = err instanceof KubeletError ? err.code : 500;
    const text = err instanceof Error ? err.message : String(err);
    socket.end(
      `HTTP/1.1 ${code} Error\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  }
}

async function streamUrl(req: IncomingMessage, options: KubeletServerOptions): Promise<string> {
  const url = new URL(req.url ?? '/', 'http://kubelet');
  const parts = url.pathname
    .split('/')
    .filter((p) => p !== '')
    .map(decodeURIComponent);
  const is = (name: string) => ['1', 'true'].includes(url.searchParams.get(name) ?? '');
  const streams = { stdin: is('input'), stdout: is('output'), stderr: is('error'), tty: is('tty') };
  switch (parts[0]) {
    case 'exec': {
      const { record } = await findRunning(parts, options);
      return options.runtime.exec(record.id, { ...streams, command: url.searchParams.getAll('command') });
    }
    case 'attach': {
      const { record } = await findRunning(parts, options);
      return options.runtime.attach(record.id, streams);
    }
    case 'portForward': {
      const served = await options.pods.find(parts[1] ?? '', parts[2] ?? '');
      const sandbox = served?.record?.sandboxes.find((s) => s.ready);
      if (sandbox === undefined) throw new KubeletError(404, `pod "${parts[2]}" is not running`);
      return options.runtime.portForward(sandbox.id);
    }
    default:
      throw new KubeletError(404, '404 page not found');
  }
}

async function findRunning(
  parts: readonly string[],
  options: KubeletServerOptions,
): Promise<{ record: ContainerRecord }> {
  const { record } = await findContainer(parts, options);
  if (record.state !== 'running')
    throw new KubeletError(400, `cannot exec in a stopped container: container "${record.name}" is not running`);
  return { record };
}

/** Repeats the upgrade against the runtime and joins the two connections. */
function handOn(req: IncomingMessage, socket: Duplex, head: Buffer, target: URL): void {
  const headers = { ...req.headers, host: target.host };
  const onward = request({
    host: target.hostname,
    port: target.port,
    path: `${target.pathname}${target.search}`,
    method: req.method,
    headers,
  });
  onward.on('upgrade', (response, upstream, upstreamHead) => {
    const lines = [`HTTP/1.1 101 Switching Protocols`];
    for (let i = 0; i < response.rawHeaders.length; i += 2)
      lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (upstreamHead.length > 0) socket.write(upstreamHead);
    if (head.length > 0) upstream.write(head);
    join(socket, upstream);
  });
  onward.on('response', (response) => {
    socket.write(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\nconnection: close\r\n\r\n`);
    response.pipe(socket);
  });
  onward.on('error', (err) => socket.end(`HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n${err.message}`));
  onward.end();
}

/** Copies both ways until either side is done; a half-close is passed on. */
function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    // What it had said is on its way: cutting the other end off now would lose that, and break whoever is still speaking.
    from.on('close', () => {
      if (from.readableEnded) to.resume();
      else to.destroy();
    });
  }
}

async function connect(req: IncomingMessage, socket: Duplex, { runtime, clock }: KubeletServerOptions): Promise<void> {
  const limit = new AbortController();
  const timer = clock.after(DIAL_TIMEOUT, () => limit.abort(new Error('i/o timeout')));
  socket.on('error', () => socket.destroy());
  const target = new URL(`tcp://${req.url ?? ''}`);
  try {
    const upstream = await runtime.dial(target.hostname.replace(/^\[|\]$/g, ''), Number(target.port), limit.signal);
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    join(socket, upstream);
  } catch (err) {
    const text = (err instanceof Error ? err.message : String(err)).replace(/[\r\n]/g, ' ');
    socket.end(`HTTP/1.1 502 ${text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  } finally {
    timer.cancel();
  }
}
