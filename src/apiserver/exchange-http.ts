/**
 * What an HTTP request and its response as an Exchange have in common, whichever the protocol: exchange-http1.ts and
 * exchange-http2.ts are the two. One object per request; what most requests never ask for is made only when asked.
 */
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { requestEntityTooLarge } from '../machinery/errors/status-error.ts';
import type { Exchange, Peer, ResponseStream } from './request/exchange.ts';

/** Where a response's body goes. */
type Outgoing = ServerResponse | ServerHttp2Stream;
/** Name, value, name, value: Node copies an object's members one by one before it looks at them. */
export type ResponseHeaders = (string | number)[];

const SMALL_BODY = 64 * 1024;

export abstract class HttpExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  responded = false;
  status = 0;
  sent = 0;
  #peer: Peer | undefined;
  #controller: AbortController | undefined;
  /** Of the response to come: set on Node's response at once, since it takes long over each one. */
  readonly #out: ResponseHeaders = [];
  /** All of the response was handed over. Node's own flags say so of a stream too that the client has cut off. */
  #ended = false;

  constructor(method: string, url: string, headers: Readonly<Record<string, string | undefined>>) {
    this.method = method;
    this.headers = headers;
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
  }

  /** Where the body comes from. */
  protected abstract readonly incoming: Readable;
  protected abstract readonly outgoing: Outgoing;
  /** What stays the same for the life of a connection, and its socket. */
  protected abstract readonly connection: object;
  protected abstract readonly socket: TLSSocket;
  /** False: the client went away before it could be told. */
  protected abstract begin(status: number, headers: ResponseHeaders): boolean;

  get peer(): Peer {
    this.#peer ??= peerOf(this.connection, () => this.socket);
    return this.#peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const gone = () => {
        if (!this.#ended) controller.abort(new DOMException('the client went away', 'AbortError'));
      };
      const { outgoing } = this;
      if (outgoing.destroyed || outgoing.closed) gone();
      else outgoing.once('close', gone);
    }
    return this.#controller.signal;
  }

  readBody(limit: number): Promise<Buffer> {
    const declared = this.headers['content-length'];
    if (declared === '0') return Promise.resolve(NO_BODY);
    if (declared !== undefined && Number(declared) > limit) return Promise.reject(tooLarge(limit));
    return readWhole(this.incoming, limit);
  }

  bodyStream(): AsyncIterable<Buffer> {
    return this.incoming;
  }

  setHeader(name: string, value: string): void {
    if (this.responded) return;
    if (name === 'Warning' || name === 'warning') this.#out.push(name, value);
    else this.#put(name, value);
  }

  #put(name: string, value: string | number): void {
    const out = this.#out;
    for (let i = 0; i < out.length; i += 2) {
      if (out[i] !== name) continue;
      out[i + 1] = value;
      return;
    }
    out.push(name, value);
  }

  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void {
    this.#ended = true;
    if (!Array.isArray(body)) {
      const whole = body as Buffer | string;
      const size = typeof whole === 'string' ? Buffer.byteLength(whole) : whole.length;
      if (this.#begin(status, headers, size) !== undefined) this.sendLast(whole);
      return;
    }
    let size = 0;
    for (const chunk of body) size += chunk.length;
    const out = this.#begin(status, headers, size);
    if (out === undefined) return;
    if (size <= SMALL_BODY) return this.sendLast(Buffer.concat(body, size));
    for (const chunk of body) out.write(chunk);
    out.end();
  }

  /** The whole body. */
  protected sendLast(body: Buffer | string): void {
    this.outgoing.end(body);
  }

  stream(status: number, headers: Record<string, string>): ResponseStream {
    const out = this.#begin(status, headers, undefined);
    if (out !== undefined && 'flushHeaders' in out) out.flushHeaders();
    return this.responseStream(() => {
      this.#ended = true;
    });
  }

  protected responseStream(onEnd: () => void): ResponseStream {
    return new HttpResponseStream(this.outgoing, this, onEnd);
  }

  upgrade(): { socket: Duplex; head: Buffer } | undefined {
    return undefined;
  }

  /** Undefined: there is nobody, or nothing more to send (HEAD). */
  #begin(status: number, headers: Record<string, string>, size: number | undefined): Outgoing | undefined {
    if (this.responded) throw new Error('the response has begun already');
    this.responded = true;
    this.status = status;
    for (const name in headers) this.#put(name, headers[name]!);
    if (size !== undefined) {
      this.#put('Content-Length', size);
      this.sent = size;
    }
    return this.begin(status, this.#out) ? this.outgoing : undefined;
  }
}

const NO_BODY = Buffer.alloc(0);

function tooLarge(limit: number) {
  return requestEntityTooLarge(`limit is ${limit}`);
}

/** By events: an async iterator over a body of one chunk costs more than the rest of reading it. */
function readWhole(incoming: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What is left of it flows away unread.
      if (size <= limit) chunks.push(chunk);
      else {
        chunks.length = 0;
        reject(tooLarge(limit));
      }
    });
    let isWhole = false;
    incoming.on('end', () => {
      isWhole = true;
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    });
    // A body that breaks off has no other reason; an error costs more to make than to throw away.
    incoming.on('close', () => {
      if (!isWhole) reject(new DOMException('the client went away', 'AbortError'));
    });
  });
}

// Who is at the other end stays the same for the life of a connection; asking OpenSSL at every request would cost more than
// most of what a GET does.
const peers = new WeakMap<object, Peer>();

function peerOf(connection: object, socketOf: () => TLSSocket): Peer {
  let peer = peers.get(connection);
  if (peer === undefined) {
    const socket = socketOf();
    const certificate = socket.getPeerX509Certificate?.();
    peer = {
      address: socket.remoteAddress ?? '',
      ...(certificate === undefined ? {} : { certificate: certificate.raw }),
    };
    peers.set(connection, peer);
  }
  return peer;
}

export class HttpResponseStream implements ResponseStream {
  protected readonly response: Outgoing;
  protected readonly count: { sent: number };
  readonly #onEnd: () => void;

  constructor(response: Outgoing, count: { sent: number }, onEnd: () => void) {
    this.response = response;
    this.count = count;
    this.#onEnd = onEnd;
  }

  write(chunk: Buffer, taken?: () => void): boolean {
    if (this.response.destroyed || this.response.writableEnded) return true;
    this.count.sent += chunk.length;
    if (taken === undefined) return this.response.write(chunk);
    // After a failure the chunk may lie in a queue still.
    return this.response.write(chunk, (err) => {
      if (err === undefined || err === null) taken();
    });
  }
  get pending(): number {
    return this.response.writableLength;
  }
  drained(signal?: AbortSignal): Promise<void> {
    return drainedOf(this.response, signal);
  }
  end(): void {
    this.#onEnd();
    if (!this.response.destroyed) this.response.end();
  }
  abort(): void {
    this.response.destroy();
  }
}

/** What `drained` promises of a stream, of a response or what lies under it. */
export function drainedOf(
  response: Pick<Writable, 'destroyed' | 'writableNeedDrain' | 'once' | 'off'>,
  signal?: AbortSignal,
): Promise<void> {
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
