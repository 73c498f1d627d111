/**
 * An HTTP request and response (Express, HTTP/1.1 or HTTP/2) as an Exchange. One object per request; what most requests never
 * ask for (abort signal, header copies) is made only when asked.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { requestEntityTooLarge } from '../machinery/errors/status-error.ts';
import type { Exchange, Peer, ResponseStream } from './request/exchange.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

const SMALL_BODY = 64 * 1024;

export class HttpExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  responded = false;
  status = 0;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #upgrade: { socket: Duplex; head: Buffer } | undefined;
  #headers: Record<string, string | undefined> | undefined;
  #peer: Peer | undefined;
  #controller: AbortController | undefined;
  #warnings: string[] | undefined;
  #gone = false;

  constructor(request: HttpRequest, response: HttpResponse, upgrade?: { socket: Duplex; head: Buffer }) {
    this.#request = request;
    this.#response = response;
    this.#upgrade = upgrade;
    this.method = request.method ?? 'GET';
    // Express rewrites `url` below mounts; there are none, but `originalUrl` is what came in.
    const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
    response.on('close', () => {
      this.#gone = true;
      if (!this.#response.writableFinished)
        this.#controller?.abort(new DOMException('the client went away', 'AbortError'));
    });
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    if (this.#headers === undefined) {
      const raw = this.#request.headers;
      // Node joins repeated headers itself, save Set-Cookie, which no client sends.
      this.#headers = raw as Record<string, string | undefined>;
    }
    return this.#headers;
  }

  get peer(): Peer {
    this.#peer ??= peerOf(this.#request);
    return this.#peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone && !this.#response.writableFinished)
        this.#controller.abort(new DOMException('the client went away', 'AbortError'));
    }
    return this.#controller.signal;
  }

  async readBody(limit: number): Promise<Buffer> {
    const declared = Number(this.#request.headers['content-length'] ?? 0);
    if (declared > limit) throw requestEntityTooLarge(`limit is ${limit}`);
    if (this.#request.headers['content-length'] === '0') return Buffer.alloc(0);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.bodyStream()) {
      size += chunk.length;
      if (size > limit) throw requestEntityTooLarge(`limit is ${limit}`);
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
  }

  bodyStream(): AsyncIterable<Buffer> {
    return this.#request as AsyncIterable<Buffer>;
  }

  setHeader(name: string, value: string): void {
    if (this.responded) return;
    if (name === 'Warning') {
      this.#warnings ??= [];
      this.#warnings.push(value);
      this.#response.setHeader(name, this.#warnings);
    } else this.#response.setHeader(name, value);
  }

  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void {
    this.#begin(status, headers);
    const response = this.#response as ServerResponse;
    if (Array.isArray(body)) {
      const size = body.reduce((n, b) => n + b.length, 0);
      response.setHeader('Content-Length', size);
      if (size <= SMALL_BODY) response.end(Buffer.concat(body, size));
      else {
        for (const chunk of body) response.write(chunk);
        response.end();
      }
      return;
    }
    const whole = body as Buffer | string;
    response.setHeader('Content-Length', Buffer.byteLength(whole));
    response.end(whole);
  }

  stream(status: number, headers: Record<string, string>): ResponseStream {
    this.#begin(status, headers);
    const response = this.#response as ServerResponse;
    response.flushHeaders();
    return new HttpResponseStream(response);
  }

  upgrade(): { socket: Duplex; head: Buffer } | undefined {
    if (this.#upgrade === undefined) return undefined;
    this.responded = true;
    this.status = 101;
    (this.#response as ServerResponse).detachSocket?.(this.#upgrade.socket as never);
    return this.#upgrade;
  }

  #begin(status: number, headers: Record<string, string>): void {
    if (this.responded) throw new Error('the response has begun already');
    this.responded = true;
    this.status = status;
    const response = this.#response as ServerResponse;
    response.statusCode = status;
    for (const name in headers) response.setHeader(name, headers[name]!);
  }
}

// Who is at the other end stays the same for the life of a connection; asking OpenSSL at every request would cost more than
// most of what a GET does.
const peers = new WeakMap<object, Peer>();

function peerOf(request: HttpRequest): Peer {
  // An HTTP/2 request's `socket` is a proxy that is made anew; its session is the connection.
  const connection = 'stream' in request ? (request.stream.session ?? request.socket) : request.socket;
  let peer = peers.get(connection);
  if (peer === undefined) {
    const socket = request.socket as TLSSocket;
    const certificate = socket.getPeerX509Certificate?.();
    peer = {
      address: socket.remoteAddress ?? '',
      ...(certificate === undefined ? {} : { certificate: certificate.raw }),
    };
    peers.set(connection, peer);
  }
  return peer;
}

class HttpResponseStream implements ResponseStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  write(chunk: Buffer): boolean {
    if (this.#response.destroyed || this.#response.writableEnded) return true;
    return this.#response.write(chunk);
  }
  get pending(): number {
    return this.#response.writableLength;
  }
  drained(signal?: AbortSignal): Promise<void> {
    const response = this.#response;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (response.destroyed || !response.writableNeedDrain) return resolve();
      const done = () => {
        response.off('drain', done);
        response.off('close', done);
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        response.off('drain', done);
        response.off('close', done);
        reject(signal?.reason);
      };
      response.once('drain', done);
      response.once('close', done);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }
  end(): void {
    if (!this.#response.destroyed) this.#response.end();
  }
  abort(): void {
    this.#response.destroy();
  }
}
