/**
 * The HTTP shell: TLS with HTTP/1.1 and HTTP/2 on one port, upgrades. It turns requests into Exchanges: those under the paths
 * of resources at once, all others through Express (docs/decisions/009). Called by create-api-server.ts.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { createServer as createHttpServer, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import express, { type Express } from 'express';
import { background } from '../base/background.ts';
import type { Logger } from '../base/log.ts';
import { Slots } from '../base/slots.ts';
import { Http1Exchange } from './exchange-http1.ts';
import { Http2Exchange } from './exchange-http2.ts';
import type { Exchange } from './request/exchange.ts';

export interface TlsOptions {
  key: string | Buffer;
  cert: string | Buffer;
  /** CAs whose client certificates are asked for. */
  ca?: string | Buffer;
  /** Certificates by server name (`kubernetes.default.svc` ...), where one is not enough. */
}

export interface ListenOptions {
  host?: string;
  /** 0: any free one. */
  port?: number;
  /** A unix socket, in place of host and port. */
  path?: string;
  /** Absent: plain HTTP/1.1, for tests and for a loopback behind a proxy. */
  tls?: TlsOptions;
}

export interface Listening {
  host: string;
  port: number;
  /** Takes no new connections, ends idle ones, and the rest once `close` was given its grace. */
  close(): Promise<void>;
}

type Handle = (exchange: Exchange) => Promise<void> | void;

// A client that ends watches resets streams; Node's defaults would end its connection after a thousand of them.
const STREAM_RESET_BURST = 100_000;
const STREAM_RESET_RATE = 10_000;
// Upstream: http.Server.IdleTimeout in secure_serving.go; Node's 5 s would race with clients that keep connections.
const IDLE_TIMEOUT_MS = 90_000;
// Upstream: --http2-max-streams-per-connection
const MAX_CONCURRENT_STREAMS = 1000;

export async function listen(handle: Handle, options: ListenOptions, log: Logger): Promise<Listening> {
  const h1 = http1(handle, log);
  const server =
    options.tls === undefined
      ? createHttpServer({ keepAliveTimeout: IDLE_TIMEOUT_MS }, h1)
      : secureServer(options.tls, h1, http2(handle, log));
  const sockets = new Slots<Socket>();
  const sessions = new Slots<Http2Session>();
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    socket.setNoDelay(true);
    const slot = sockets.add(socket);
    socket.once('close', () => sockets.remove(slot));
  });
  server.on('session', (session: Http2Session) => {
    const slot = sessions.add(session);
    session.once('close', () => sessions.remove(slot));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    serveUpgrade(handle, request, socket, head, log),
  );
  server.on('tlsClientError', (err: Error) => log.debug('TLS handshake error', { err }));
  await bind(server, options);
  const address = server.address() as AddressInfo | string;
  const { host, port } =
    typeof address === 'string' ? { host: address, port: 0 } : { host: address.address, port: address.port };
  return { host, port, close: () => close(server, sockets, sessions) };
}

function secureServer(tls: TlsOptions, h1: OnRequest, h2: OnStream): Http2SecureServer {
  const server = createSecureServer({
    key: tls.key,
    cert: tls.cert,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    allowHTTP1: true,
    requestCert: true,
    // Authentication decides about certificates: a token may stand beside one that is not ours.
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS },
    streamResetBurst: STREAM_RESET_BURST,
    streamResetRate: STREAM_RESET_RATE,
    minVersion: 'TLSv1.2',
    keepAliveTimeout: IDLE_TIMEOUT_MS,
  } as Parameters<typeof createSecureServer>[0]);
  server.on('request', h1 as never);
  // Node makes its compatibility objects for whoever listens to 'request': one for every stream, used or not.
  server.removeAllListeners('stream');
  server.on('stream', h2);
  return server;
}

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;
type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => void;

/** Resources, which are nearly all requests. Express would double what the shell costs them, and has nothing to tell them apart by. */
function isOfResources(url: string): boolean {
  return url.startsWith('/api/') || url.startsWith('/apis/');
}

function http1(handle: Handle, log: Logger): OnRequest {
  const serve: OnRequest = (request, response) => run(handle, new Http1Exchange(request, response), log);
  const app = expressShell((request, response) => serve(request as never, response as never));
  return (request, response) => {
    if (isOfResources(request.url ?? '/')) serve(request, response);
    else app(request as never, response as never);
  };
}

function ignore(): void {}

/** Node's session keeps some of its closed streams referred to until a full collection (slots.ts tells how): not what listened to them, too. */
function letGo(this: ServerHttp2Stream): void {
  // First those who want to hear of the others' leaving, so that these can leave together.
  this.removeAllListeners('removeListener');
  this.removeAllListeners();
  this.on('error', ignore);
}

function http2(handle: Handle, log: Logger): OnStream {
  const serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
    run(handle, new Http2Exchange(stream, headers), log);
  const app = http2Shell((request) => serve(request.stream, request.headers));
  return (stream, headers, _flags, rawHeaders) => {
    // What becomes of a broken stream is told by its end.
    stream.on('error', ignore);
    stream.on('close', letGo);
    if (headers[':method'] === 'CONNECT') return stream.respond({ ':status': 405 }, { endStream: true });
    if (headers.expect !== undefined) {
      if (headers.expect !== '100-continue') return stream.respond({ ':status': 417 }, { endStream: true });
      stream.additionalHeaders({ ':status': 100 });
    }
    if (isOfResources(headers[':path'] ?? '/')) return serve(stream, headers);
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    app(request as never, new Http2ServerResponse(stream) as never);
  };
}

function expressShell(serve: (request: unknown, response: unknown) => void): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(serve);
  return app;
}

/** Express has no HTTP/2: the same app over prototypes that derive from Node's HTTP/2 classes. */
function http2Shell(serve: (request: Http2ServerRequest) => void): Express {
  const app = expressShell((request) => serve(request as Http2ServerRequest));
  const over = (base: object, own: object) => Object.create(base, Object.getOwnPropertyDescriptors(own)) as never;
  app.request = over(over(Http2ServerRequest.prototype, Object.getPrototypeOf(app.request) as object), app.request);
  app.response = over(over(Http2ServerResponse.prototype, Object.getPrototypeOf(app.response) as object), app.response);
  return app;
}

function run(handle: Handle, exchange: Exchange, log: Logger): void {
  const running = handle(exchange);
  if (running !== undefined) background('request', running, log);
}

function serveUpgrade(handle: Handle, request: IncomingMessage, socket: Duplex, head: Buffer, log: Logger): void {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.end());
  socket.on('error', (err) => log.debug('upgraded connection failed', { err }));
  run(handle, new Http1Exchange(request, response, { socket, head }), log);
}

function bind(server: HttpServer | Http2SecureServer, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = () => {
      server.off('error', reject);
      resolve();
    };
    if (options.path !== undefined) server.listen(options.path, listening);
    else server.listen(options.port ?? 0, options.host ?? '127.0.0.1', listening);
  });
}

async function close(
  server: HttpServer | Http2SecureServer,
  sockets: Slots<Socket>,
  sessions: Slots<Http2Session>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // GOAWAY lets streams finish; by now the gate has drained them.
  for (const session of sessions) session.close();
  if ('closeIdleConnections' in server) server.closeIdleConnections();
  await new Promise<void>((resolve) => setImmediate(resolve));
  for (const socket of sockets) socket.destroy();
  await closed;
}
