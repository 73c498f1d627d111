/**
 * Port-forward for WebSocket clients: either SPDY tunnelled through the WebSocket (kubectl), or two channels a port (older clients).
 * Upstream: apiserver/pkg/util/proxy/streamtunnel.go, kubelet/pkg/cri/streaming/portforward/websocket.go
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { SpdySession, SpdyStream } from './spdy/spdy-session.ts';
import { sendAll } from './websocket.ts';

export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
export const PORT_FORWARD_PROTOCOLS = [TUNNEL_PROTOCOL, 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];

/** Bytes of the client's SPDY connection are the payload of binary messages, in both directions. */
export function tunnel(ws: WebSocket, socket: Duplex, head: Buffer): Promise<void> {
  return new Promise((done) => {
    const finish = () => {
      socket.destroy();
      ws.close();
      done();
    };
    ws.on('message', (data) => {
      if (socket.write(data as Buffer)) return;
      ws.pause();
      socket.once('drain', () => ws.resume());
    });
    ws.on('close', finish);
    ws.on('error', finish);
    ws.resume();
    const forward = async () => {
      if (head.length > 0) await sendAll(ws, head);
      for await (const chunk of socket) await sendAll(ws, chunk as Buffer);
    };
    forward().then(finish, finish);
  });
}

/** Channel 2n carries the data of the n-th port, 2n+1 its errors; each begins with the port as two bytes, least significant first. */
export async function translatePorts(
  ws: WebSocket,
  protocol: string,
  session: SpdySession,
  ports: readonly number[],
): Promise<void> {
  const base64 = protocol.includes('base64');
  const send = (channel: number, data: Buffer) =>
    sendAll(ws, base64 ? `${channel}${data.toString('base64')}` : Buffer.concat([Buffer.from([channel]), data]));
  const streams: SpdyStream[] = [];
  ws.on('message', (message, isBinary) => {
    const raw = message as Buffer;
    const channel = isBinary ? (raw[0] ?? 0) : (raw[0] ?? 48) - 48;
    const target = channel % 2 === 0 ? streams[channel / 2] : undefined;
    if (
      target === undefined ||
      target.write(isBinary ? raw.subarray(1) : Buffer.from(raw.subarray(1).toString(), 'base64'))
    )
      return;
    ws.pause();
    target.once('drain', () => ws.resume());
  });
  ws.on('close', () => session.close());
  ws.on('error', () => session.close());
  const copies: Promise<void>[] = [];
  for (const [n, port] of ports.entries()) {
    const headers = { port: `${port}`, requestid: `${n}` };
    const error = await session.createStream({ ...headers, streamtype: 'error' });
    const data = await session.createStream({ ...headers, streamtype: 'data' });
    error.end();
    streams.push(data);
    const first = Buffer.from([port & 255, port >> 8]);
    await send(2 * n, first);
    await send(2 * n + 1, first);
    // Awaited only when all are open: a failure meanwhile must not be left unhandled.
    const copy = async (stream: SpdyStream, channel: number) => {
      try {
        for await (const chunk of stream) await send(channel, chunk as Buffer);
      } catch {
        // The connection is gone, and with it whoever could be told.
      }
    };
    copies.push(copy(data, 2 * n), copy(error, 2 * n + 1));
  }
  ws.resume();
  await Promise.all(copies);
  ws.close(1000);
  session.close();
}
