/**
 * exec and attach for WebSocket clients: channels on one side, SPDY streams of the kubelet on the other.
 * Upstream: apiserver/pkg/util/proxy/streamtranslator.go, websocket.go; KEP-4006
 */
import type { WebSocket } from 'ws';
import { internalError, type Status } from '../../machinery/errors/status-error.ts';
import type { SpdySession, SpdyStream } from './spdy/spdy-session.ts';
import { sendAll } from './websocket.ts';

export interface StreamOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** In the order a server prefers them; the client's own order decides. */
export const EXEC_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'base64.channel.k8s.io',
];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5: the client will send no more on the channel that follows. */
const CLOSE = 255;

/** Tells a client that nothing ran, where it would hear how a command ended. */
export async function sendVerdict(ws: WebSocket, protocol: string, verdict: Status): Promise<void> {
  const text = Buffer.from(JSON.stringify(verdict));
  const isBase64 = protocol.includes('base64');
  ws.on('error', () => ws.terminate());
  ws.resume();
  await sendAll(ws, isBase64 ? `${ERROR}${text.toString('base64')}` : Buffer.concat([Buffer.from([ERROR]), text]));
  ws.close(1000);
}

/** Runs until the command has ended or the client is gone. When the kubelet's side breaks the client is told so; it throws all the same. */
export async function translateExec(
  ws: WebSocket,
  protocol: string,
  session: SpdySession,
  options: StreamOptions,
): Promise<void> {
  try {
    await translate(ws, protocol, session, options);
  } catch (err) {
    if (ws.readyState === ws.OPEN) await sendVerdict(ws, protocol, internalError(err).status);
    throw err;
  }
}

async function translate(ws: WebSocket, protocol: string, session: SpdySession, options: StreamOptions): Promise<void> {
  const base64 = protocol.includes('base64');
  const send = (channel: number, data: Buffer) => {
    if (ws.readyState !== ws.OPEN) return Promise.resolve();
    return sendAll(ws, base64 ? `${channel}${data.toString('base64')}` : Buffer.concat([Buffer.from([channel]), data]));
  };
  const open = (streamType: string) => session.createStream({ streamtype: streamType });
  const error = await open('error');
  const stdin = options.stdin ? await open('stdin') : undefined;
  const stdout = options.stdout ? await open('stdout') : undefined;
  const stderr = options.stderr && !options.tty ? await open('stderr') : undefined;
  const resize = options.tty ? await open('resize') : undefined;

  ws.on('message', (message, isBinary) => {
    const raw = message as Buffer;
    const channel = isBinary ? (raw[0] ?? 0) : (raw[0] ?? 48) - 48;
    const data = isBinary ? raw.subarray(1) : Buffer.from(raw.subarray(1).toString(), 'base64');
    const target = channel === STDIN ? stdin : channel === RESIZE ? resize : undefined;
    if (channel === CLOSE) {
      if (data[0] === STDIN) stdin?.end();
    } else if (target !== undefined && data.length > 0 && !target.write(data)) {
      ws.pause();
      target.once('drain', () => ws.resume());
    }
  });
  ws.on('close', () => session.close());
  ws.on('error', () => session.close());
  ws.resume();
  // Tells the client that the streams are there, before there is anything to say.
  await send(stdout ? STDOUT : stderr ? STDERR : ERROR, Buffer.alloc(0));

  // Awaited only after the verdict: a failure meanwhile (a client's last word to a command that has ended) must not be left unhandled.
  const copy = async (stream: SpdyStream | undefined, channel: number) => {
    try {
      for await (const chunk of stream ?? []) await send(channel, chunk as Buffer);
    } catch {
      // The verdict says it, or the end of its stream.
    }
  };
  const output = Promise.all([copy(stdout, STDOUT), copy(stderr, STDERR)]);
  const verdict: Buffer[] = [];
  for await (const chunk of error) verdict.push(chunk as Buffer);
  await output;
  if (verdict.length > 0) await send(ERROR, Buffer.concat(verdict));
  ws.close(1000);
  session.close();
}
