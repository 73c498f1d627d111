/** One probe of one container: exec, HTTP, TCP or gRPC health. Upstream: pkg/kubelet/prober/prober.go, pkg/probe */

import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Container, Probe } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { ContainerRuntime } from '../runtime/container-runtime.ts';

export interface ProbeTarget {
  runtime: ContainerRuntime;
  clock: Clock;
  containerId: string;
  container: Container;
  podIP: string;
}

export interface ProbeOutcome {
  success: boolean;
  output: string;
  /** A success that somebody should look at. */
  warning?: boolean;
}

const MAX_OUTPUT = 10 * 1024;
const TOO_LATE = 'context deadline exceeded';

/** Never rejects: what goes wrong is the outcome. */
export async function runProbe(target: ProbeTarget, probe: Probe): Promise<ProbeOutcome> {
  const answer = target.runtime.answerProbe?.(target.containerId, probe);
  if (answer !== undefined) return answer;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const limit = new AbortController();
  const timer = target.clock.after(timeoutMs, () => limit.abort(new Error(TOO_LATE)));
  try {
    if (probe.exec) return await execProbe(target, probe.exec.command ?? [], timeoutMs);
    if (probe.httpGet) return await httpProbe(target, probe.httpGet, limit.signal);
    if (probe.tcpSocket) return await tcpProbe(target, probe.tcpSocket, limit.signal);
    if (probe.grpc) return await grpcProbe(target, probe.grpc, limit.signal);
    return { success: true, output: '' };
  } catch (err) {
    return { success: false, output: failure(target, probe, limit.signal.aborted ? limit.signal.reason : err) };
  } finally {
    timer.cancel();
  }
}

/** As Go's HTTP client names what it was asking for. */
function failure(target: ProbeTarget, probe: Probe, err: unknown): string {
  const words = err instanceof Error ? err.message : String(err);
  if (probe.httpGet === undefined) return words;
  const { host, port, path = '/', scheme = 'HTTP' } = probe.httpGet;
  const container = target.container.ports?.find((p) => p.name === port)?.containerPort ?? port;
  const url = `${scheme.toLowerCase()}://${host || target.podIP}:${container}${path.startsWith('/') ? path : `/${path}`}`;
  const late = words === TOO_LATE ? ' (Client.Timeout exceeded while awaiting headers)' : '';
  return `Get ${JSON.stringify(url)}: ${words}${late}`;
}

/** A port number, or the container port of that name. */
export function resolvePort(port: string | number, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((p) => p.name === port);
  const n = named?.containerPort ?? Number(port);
  if (!Number.isInteger(n) || n < 1 || n > 65535)
    throw new Error(`couldn't find port: ${JSON.stringify(port)} in container`);
  return n;
}

async function execProbe(
  { runtime, containerId }: ProbeTarget,
  command: string[],
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs);
  return { success: exitCode === 0, output: Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT).toString() };
}

async function tcpProbe(
  target: ProbeTarget,
  probe: NonNullable<Probe['tcpSocket']>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const socket = await target.runtime.dial(
    probe.host || target.podIP,
    resolvePort(probe.port, target.container),
    signal,
  );
  socket.destroy();
  return { success: true, output: '' };
}

type HttpAction = NonNullable<Probe['httpGet']>;

const MAX_REDIRECTS = 10;

/** Any status from 200 to 399 is health. Redirects are followed, but not to another host: those are worth a warning. */
async function httpProbe(target: ProbeTarget, action: HttpAction, signal: AbortSignal): Promise<ProbeOutcome> {
  let url = httpUrl(target, action);
  for (let i = 0; ; i++) {
    const { code, location, body } = await httpGet(target, url, action, 'kube-probe', signal);
    if (code < 200 || code >= 400) return { success: false, output: `HTTP probe failed with statuscode: ${code}` };
    if (code < 300 || location === undefined) return { success: true, output: body };
    const next = new URL(location, url);
    if (next.hostname !== url.hostname)
      return { success: true, warning: true, output: `Probe terminated redirects, Response body: ${body}` };
    if (i === MAX_REDIRECTS)
      return { success: false, output: `Get ${JSON.stringify(location)}: stopped after 10 redirects` };
    url = next;
  }
}

/** Where a probe or a lifecycle hook calls. @throws Error when its port has no meaning */
export function httpUrl(target: ProbeTarget, action: HttpAction): URL {
  const host = action.host || target.podIP;
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const path = action.path || '/';
  return new URL(
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${resolvePort(action.port, target.container)}${path.startsWith('/') ? path : `/${path}`}`,
  );
}

/** One request from inside the node's network; what answers is not trusted, its certificate not looked at. */
export async function httpGet(
  target: ProbeTarget,
  url: URL,
  action: HttpAction,
  agent: 'kube-probe' | 'kube-lifecycle',
  signal: AbortSignal,
): Promise<{ code: number; location: string | undefined; body: string }> {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (secure ? 443 : 80);
  const headers: Record<string, string> = { 'user-agent': `${agent}/1.36`, accept: '*/*', connection: 'close' };
  for (const h of action.httpHeaders ?? []) headers[h.name.toLowerCase()] = h.value;
  const socket = await target.runtime.dial(host, port, signal);
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = (secure ? https : http).request(
        {
          host,
          port,
          path: `${url.pathname}${url.search}`,
          headers,
          signal,
          agent: false,
          rejectUnauthorized: false,
          setHost: !('host' in headers),
          ...(secure ? { socket } : { createConnection: () => socket }),
        } as https.RequestOptions,
        resolve,
      );
      request.on('error', reject);
      request.end();
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, MAX_OUTPUT - size));
      size += chunk.length;
      if (size >= MAX_OUTPUT) break;
    }
    return {
      code: response.statusCode ?? 0,
      location: response.headers.location,
      body: Buffer.concat(chunks).toString(),
    };
  } finally {
    socket.destroy();
  }
}

/** grpc.health.v1.Health/Check, encoded by hand: one string in, one enum out. */
async function grpcProbe(
  target: ProbeTarget,
  probe: NonNullable<Probe['grpc']>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const socket: Duplex = await target.runtime.dial(target.podIP, probe.port, signal);
  const session = http2.connect(`http://${target.podIP}:${probe.port}`, { createConnection: () => socket });
  try {
    const service = Buffer.from(probe.service ?? '');
    const message =
      service.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, service.length]), service]);
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': '/grpc.health.v1.Health/Check',
          'content-type': 'application/grpc',
          te: 'trailers',
        },
        { signal },
      );
      const chunks: Buffer[] = [];
      stream.on('data', (c: Buffer) => chunks.push(c));
      stream.on('error', reject);
      session.on('error', reject);
      stream.on('end', () => resolve(Buffer.concat(chunks)));
      stream.end(frame);
    });
    // 5 bytes of frame header, then field 1 (0x08) = 1 (SERVING).
    const serving = answer.length >= 7 && answer[5] === 0x08 && answer[6] === 1;
    return {
      success: serving,
      output: serving ? 'service healthy' : 'service unhealthy (responded with "NOT_SERVING")',
    };
  } finally {
    session.destroy();
  }
}
