/**
 * pods/exec, pods/attach and pods/portforward. SPDY clients are joined to the kubelet as they are; WebSocket clients are translated.
 * Upstream: pkg/registry/core/pod/rest/subresources.go
 */
import type { Duplex } from 'node:stream';
import type { Node, Pod } from '../../api/core-v1.ts';
import { badRequest, internalError } from '../../machinery/errors/status-error.ts';
import type { ApiServices } from '../create-api-server.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { admitConnect } from './connect-admission.ts';
import { type KubeletConnections, UpgradeRefused, type UpgradeResponse } from './kubelet-connection.ts';
import { containerOf, nodeOf, podOf } from './pod-target.ts';
import { PORT_FORWARD_PROTOCOLS, TUNNEL_PROTOCOL, translatePorts, tunnel } from './port-forward.ts';
import { EXEC_PROTOCOLS, type StreamOptions, sendVerdict, translateExec } from './remote-command.ts';
import { SpdySession } from './spdy/spdy-session.ts';
import { acceptWebSocket, chooseProtocol, isSpdyRequest, isWebSocketRequest } from './websocket.ts';

export async function execOrAttach(
  request: ResourceRequest,
  services: ApiServices,
  kubelets: KubeletConnections,
): Promise<void> {
  const { query, context, subresource } = request;
  const isExec = subresource === 'exec';
  const flag = (name: string, fallback = false) =>
    query.has(name) ? ['true', '1', ''].includes(query.get(name) ?? '') : fallback;
  const streams: StreamOptions = {
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr'),
    tty: flag('tty'),
  };
  const command = query.getAll('command');
  const kind = isExec ? 'PodExecOptions' : 'PodAttachOptions';
  const asked = query.get('container') ?? '';
  await admitConnect(request, kind, { ...streams, container: asked, ...(isExec ? { command } : {}) });
  const pod = await podOf(services, request);
  const container = containerOf(pod, asked);
  const node = await nodeOf(services, pod);
  if (isExec && command.length === 0) throw badRequest('you must specify at least 1 command for the container');
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');

  const onward = new URLSearchParams();
  const give = (name: string, on: boolean) => on && onward.set(name, '1');
  give('input', streams.stdin);
  give('output', streams.stdout);
  give('error', streams.stderr && !streams.tty);
  give('tty', streams.tty);
  for (const c of command) onward.append('command', c);
  const { namespace, name } = pod.metadata;
  const path = `/${subresource}/${namespace}/${name}/${container}?${onward}`;
  if (isSpdyRequest(context.exchange)) return joinRaw(request, kubelets, node, path);
  if (!isWebSocketRequest(context.exchange)) throw badRequest('Upgrade request required');
  const protocol = chooseProtocol(context.exchange, EXEC_PROTOCOLS);
  let upstream: UpgradeResponse;
  try {
    upstream = await kubelets.upgrade(node, path, { 'x-stream-protocol-version': 'v4.channel.k8s.io' }, context.signal);
  } catch (err) {
    if (!(err instanceof UpgradeRefused)) throw err;
    const why = internalError(new Error(`unable to upgrade connection: ${err.message}`));
    return sendVerdict(await acceptWebSocket(context.exchange, protocol), protocol, why.status);
  }
  const ws = await acceptWebSocket(context.exchange, protocol);
  const session = new SpdySession(upstream.socket, upstream.head);
  try {
    await untilDone(request, translateExec(ws, protocol, session, streams));
  } finally {
    session.close();
    ws.terminate();
  }
}

export async function portForward(
  request: ResourceRequest,
  services: ApiServices,
  kubelets: KubeletConnections,
): Promise<void> {
  const { context, query } = request;
  const ports = query
    .getAll('ports')
    .flatMap((p) => p.split(','))
    .map(Number);
  await admitConnect(request, 'PodPortForwardOptions', { ports });
  const pod = await podOf(services, request);
  const node = await nodeOf(services, pod);
  const path = `/portForward/${pod.metadata.namespace}/${pod.metadata.name}`;
  if (isSpdyRequest(context.exchange)) return joinRaw(request, kubelets, node, path);
  if (!isWebSocketRequest(context.exchange)) throw badRequest('Upgrade request required');
  const protocol = chooseProtocol(context.exchange, PORT_FORWARD_PROTOCOLS);
  if (protocol !== TUNNEL_PROTOCOL) checkPorts(ports, pod);
  const upstream = await kubelets.upgrade(
    node,
    path,
    { 'x-stream-protocol-version': 'portforward.k8s.io' },
    context.signal,
  );
  const ws = await acceptWebSocket(context.exchange, protocol);
  try {
    const { socket, head } = upstream;
    const work =
      protocol === TUNNEL_PROTOCOL
        ? tunnel(ws, socket, head)
        : translatePorts(ws, protocol, new SpdySession(socket, head), ports);
    await untilDone(request, work);
  } finally {
    upstream.socket.destroy();
    ws.terminate();
  }
}

/** After the handshake there is nobody to answer: a client or a container that goes away ends the stream, no more. */
async function untilDone(request: ResourceRequest, stream: Promise<void>): Promise<void> {
  try {
    await stream;
  } catch (err) {
    request.server.log.debug('stream ended', { path: request.context.exchange.path, err });
  }
}

function checkPorts(ports: readonly number[], pod: Pod): void {
  if (ports.length === 0) throw badRequest(`query parameter "port" is required`);
  const bad = ports.find((p) => !Number.isInteger(p) || p < 1 || p > 65535);
  if (bad !== undefined) throw badRequest(`port "${bad}" must be > 0 and <= 65535 (pod ${pod.metadata.name})`);
}

/** Repeats the client's own upgrade towards the kubelet and copies bytes both ways. */
async function joinRaw(
  request: ResourceRequest,
  kubelets: KubeletConnections,
  node: Node,
  path: string,
): Promise<void> {
  const { exchange, signal } = request.context;
  const versions = exchange.headers['x-stream-protocol-version'];
  const upstream = await kubelets.upgrade(
    node,
    path,
    versions === undefined ? {} : { 'x-stream-protocol-version': versions },
    signal,
  );
  const upgraded = exchange.upgrade();
  if (upgraded === undefined) throw badRequest('unable to upgrade: this connection cannot be upgraded');
  const { socket, head } = upgraded;
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  const chosen = upstream.headers['x-stream-protocol-version'];
  if (chosen !== undefined) lines.push(`X-Stream-Protocol-Version: ${String(chosen)}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (upstream.head.length > 0) socket.write(upstream.head);
  if (head.length > 0) upstream.socket.write(head);
  await copyBoth(socket, upstream.socket, signal);
}

/** Until either side has ended for good. */
export function copyBoth(a: Duplex, b: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const finish = () => {
      a.destroy();
      b.destroy();
      done();
    };
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.pipe(to);
      from.on('error', finish);
      from.on('close', finish);
    }
    signal.addEventListener('abort', finish, { once: true });
  });
}
