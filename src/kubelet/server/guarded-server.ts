/** The kubelet's API over TLS for callers that pass a check; its requests are handed to the server that knows the API. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { background } from '../../base/background.ts';
import type { Logger } from '../../base/log.ts';
import type { Refusal } from './kubelet-auth.ts';

export interface GuardedServerOptions {
  api: Server;
  tls: { certificate: string; key: string; clientCA?: string };
  check(request: IncomingMessage): Promise<Refusal | undefined>;
  log: Logger;
}

/** Not listening yet. */
export function guardedServer({ api, tls, check, log }: GuardedServerOptions): TlsServer {
  const server = createServer({
    cert: tls.certificate,
    key: tls.key,
    ...(tls.clientCA === undefined ? {} : { ca: tls.clientCA }),
    requestCert: true,
    // What no certificate proves, a token may.
    rejectUnauthorized: false,
  });
  const checked = async (request: IncomingMessage): Promise<Refusal | { code: 500; text: string } | undefined> => {
    try {
      return await check(request);
    } catch (err) {
      log.warn('unable to authorize the request', { err });
      return { code: 500, text: 'Internal Error' };
    }
  };
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const refusal = await checked(request);
    if (refusal === undefined) return api.emit('request', request, response);
    response.writeHead(refusal.code, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(refusal.text);
  };
  const onTunnel = (event: 'upgrade' | 'connect') => async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refusal = await checked(request);
    if (refusal === undefined) return api.emit(event, request, socket, head);
    socket.end(
      `HTTP/1.1 ${refusal.code} Refused\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${refusal.text}`,
    );
  };
  server.on('request', (request, response) => background('kubelet request', onRequest(request, response), log));
  for (const event of ['upgrade', 'connect'] as const) {
    const handle = onTunnel(event);
    server.on(event, (request, socket, head) => background(`kubelet ${event}`, handle(request, socket, head), log));
  }
  return server;
}
