/**
 * Accepts a WebSocket on an Exchange, with Kubernetes' channel subprotocols. Upstream: apimachinery/pkg/util/httpstream/wsstream
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { Exchange } from '../request/exchange.ts';

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  clientTracking: false,
  handleProtocols: () => false,
});

export function isWebSocketRequest(exchange: Exchange): boolean {
  return /websocket/i.test(exchange.headers.upgrade ?? '') && /upgrade/i.test(exchange.headers.connection ?? '');
}

export function isSpdyRequest(exchange: Exchange): boolean {
  return /spdy\/3\.1/i.test(exchange.headers.upgrade ?? '') && /upgrade/i.test(exchange.headers.connection ?? '');
}

/** The first subprotocol the client offers that `supported` has; '' when it offers none at all. @throws StatusError 400 when none fits. */
export function chooseProtocol(exchange: Exchange, supported: readonly string[]): string {
  const offered = (exchange.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((p) => p.trim())
    .filter((p) => p !== '' && !p.startsWith('base64url.bearer.'));
  if (offered.length === 0) return '';
  const chosen = offered.find((p) => supported.includes(p));
  if (chosen === undefined)
    throw badRequest(`unable to upgrade: unsupported websocket protocols ${offered.join(', ')}`);
  return chosen;
}

/** Completes the handshake. `protocol` is echoed when it is not empty. The socket is paused: listen first, then resume. */
export function acceptWebSocket(exchange: Exchange, protocol: string): Promise<WebSocket> {
  const upgraded = exchange.upgrade();
  if (upgraded === undefined) throw badRequest('unable to upgrade: this connection cannot be upgraded');
  const { socket, head } = upgraded;
  const headers: Record<string, string | undefined> = { ...exchange.headers };
  if (protocol === '') delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = protocol;
  const request = { method: 'GET', url: exchange.path, headers } as unknown as IncomingMessage;
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the connection was closed')));
    const chooser = protocol === '' ? server : serverFor(protocol);
    chooser.handleUpgrade(request, socket as Duplex, head, (ws) => {
      ws.binaryType = 'nodebuffer';
      // Clients speak at once; a message that nobody listens for would be lost.
      ws.pause();
      resolve(ws);
    });
  });
}

const servers = new Map<string, WebSocketServer>();
function serverFor(protocol: string): WebSocketServer {
  let s = servers.get(protocol);
  if (s === undefined) {
    s = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: () => protocol,
    });
    servers.set(protocol, s);
  }
  return s;
}

/** Sends, and waits when the client does not keep up. */
export function sendAll(ws: WebSocket, data: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) =>
    ws.send(data, { binary: typeof data !== 'string' }, (err) => (err ? reject(err) : resolve())),
  );
}
