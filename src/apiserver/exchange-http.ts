/**
 * An HTTP request and response (Express, HTTP/1.1 or HTTP/2) as an Exchange. One object per request; what most requests never
 * ask for (abort signal, header copies) is made only when asked.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
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
  /** Of the response to come: set on Node's response at once, since it takes long over each one. */
  readonly #out: Record<string, string | string[] | number> = {};
  #gone = false;
  /** All of the response was handed over. Node's own flags say so of a stream too that the client has cut off. */
  #ended = false;

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
      if (!this.#ended) this.#controller?.abort(new DOMException('the client went away', 'AbortError'));
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
      if (this.#gone && !this.#ended) this.#controller.abort(new DOMException('the client went away', 'AbortError'));
    }
    return this.#controller.signal;
  }

  readBody(limit: number): Promise<Buffer> {
    const declared = this.#request.headers['content-length'];
    if (declared === '0') return Promise.resolve(NO_BODY);
    if (declared !== undefined && Number(declared) > limit) return Promise.reject(tooLarge(limit));
    return readWhole(this.#request, limit);
  }

  bodyStream(): AsyncIterable<Buffer> {
    return this.#request as AsyncIterable<Buffer>;
  }

  setHeader(name: string, value: string): void {
    if (this.responded) return;
    if (name === 'Warning' || name === 'warning') {
      const warnings = (this.#out.Warning ?? []) as string[];
      warnings.push(value);
      this.#out.Warning = warnings;
    } else this.#out[name] = value;
  }

  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void {
    this.#ended = true;
    if (!Array.isArray(body)) {
      const whole = body as Buffer | string;
      this.#begin(status, headers, Buffer.byteLength(whole)).end(whole);
      return;
    }
    const size = body.reduce((n, b) => n + b.length, 0);
    const out = this.#begin(status, headers, size);
    if (size <= SMALL_BODY) out.end(Buffer.concat(body, size));
    else {
      for (const chunk of body) out.write(chunk);
      out.end();
    }
  }

  stream(status: number, headers: Record<string, string>): ResponseStream {
    const out = this.#begin(status, headers, undefined);
    if ('flushHeaders' in out) out.flushHeaders();
    return new HttpResponseStream(out, () => {
      this.#ended = true;
    });
  }

  upgrade(): { socket: Duplex; head: Buffer } | undefined {
    if (this.#upgrade === undefined) return undefined;
    this.responded = true;
    this.status = 101;
    (this.#response as ServerResponse).detachSocket?.(this.#upgrade.socket as never);
    return this.#upgrade;
  }

  #begin(
    status: number,
    headers: Record<string, string>,
    size: number | undefined,
  ): ServerResponse | ServerHttp2Stream {
    if (this.responded) throw new Error('the response has begun already');
    this.responded = true;
    this.status = status;
    const out: Record<string, string | string[] | number> = Object.assign(this.#out, headers);
    if (size !== undefined) out['Content-Length'] = size;
    const response = this.#response;
    // Straight to the HTTP/2 stream: Node's response object would send trailers that nobody has, in a frame of their own. It
    // knows how HEAD ends, though.
    if ('stream' in response && this.method !== 'HEAD') {
      const { stream } = response;
      out[':status'] = status;
      if (!stream.destroyed && !stream.closed) stream.respond(out);
      return stream;
    }
    const h1 = response as ServerResponse;
    h1.writeHead(status, out);
    return h1;
  }
}

const NO_BODY = Buffer.alloc(0);

function tooLarge(limit: number) {
  return requestEntityTooLarge(`limit is ${limit}`);
}

/** By events: an async iterator over a body of one chunk costs more than the rest of reading it. */
function readWhole(request: HttpRequest, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What is left of it flows away unread.
      if (size <= limit) chunks.push(chunk);
      else {
        chunks.length = 0;
        reject(tooLarge(limit));
      }
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    request.once('error', reject);
    request.once('close', () => reject(new DOMException('the client went away', 'AbortError')));
  });
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
  readonly #response: ServerResponse | ServerHttp2Stream;
  readonly #onEnd: () => void;

  constructor(response: ServerResponse | ServerHttp2Stream, onEnd: () => void) {
    this.#response = response;
    this.#onEnd = onEnd;
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
    this.#onEnd();
    if (!this.#response.destroyed) this.#response.end();
  }
  abort(): void {
    this.#response.destroy();
  }
}
