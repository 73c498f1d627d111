/**
 * A Transport straight into an API server of this process: no sockets, no timers, no copies of bodies. It speaks to the server
 * through a structural twin of the server's Exchange, since the client may not import the server. Everything settles within
 * microtasks, so a cluster on a virtual clock can run on it.
 */
import type { Duplex } from 'node:stream';
import { background } from '../base/background.ts';
import { StatusError } from '../machinery/errors/status-error.ts';
import { jsonFrames } from './frames.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

export interface InProcessUser {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** What the server's `handle` is given; the same shape as its Exchange. */
export interface InProcessExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly peer: { address: string; certificate?: Buffer; user?: InProcessUser };
  readonly acceptsObjects: boolean;
  readonly signal: AbortSignal;
  readonly responded: boolean;
  readonly status: number;
  readonly sent: number;
  readBody(limit: number): Promise<Buffer>;
  bodyStream(): AsyncIterable<Buffer>;
  setHeader(name: string, value: string): void;
  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void;
  stream(status: number, headers: Record<string, string>): InProcessStream;
  upgrade(): { socket: Duplex; head: Buffer } | undefined;
}

export interface InProcessStream {
  write(chunk: Buffer): boolean;
  writeEvents(events: readonly unknown[], size: number): boolean;
  readonly pending: number;
  drained(signal?: AbortSignal): Promise<void>;
  end(): void;
  abort(): void;
}

export type InProcessHandler = (exchange: InProcessExchange) => Promise<void> | void;

const NEVER = new AbortController().signal;
const EMPTY = Buffer.alloc(0);
/** Bytes a reader may be behind before the server is told to wait. */
const HIGH_WATER = 1024 * 1024;

/** `user` is who every request of this transport comes from; the server takes it as it is. */
export function inProcessTransport(handle: InProcessHandler, user: InProcessUser): Transport {
  const peer = { address: '127.0.0.1', user };
  return {
    send(request) {
      const call = new Call(request, peer);
      const running = handle(call);
      if (running === undefined) call.finished();
      else
        background(
          'in-process request',
          running.then(
            () => call.finished(),
            (err: unknown) => call.fail(err),
          ),
        );
      return call.response;
    },
    async [Symbol.asyncDispose]() {},
  };
}

class Call implements InProcessExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly peer: InProcessExchange['peer'];
  readonly acceptsObjects: boolean;
  responded = false;
  status = 0;
  sent = 0;
  readonly #body: Buffer;
  readonly #head: Record<string, string> = {};
  readonly #answer = Promise.withResolvers<TransportResponse>();
  readonly #outer: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #channel: Channel | undefined;
  #release: (() => void) | undefined;

  constructor(request: TransportRequest, peer: InProcessExchange['peer']) {
    this.method = request.method;
    const mark = request.url.indexOf('?');
    this.path = mark < 0 ? request.url : request.url.slice(0, mark);
    this.query = mark < 0 ? '' : request.url.slice(mark + 1);
    this.headers = request.headers ?? {};
    this.peer = peer;
    this.acceptsObjects = request.acceptsObjects ?? false;
    this.#body = request.body ?? EMPTY;
    this.#outer = request.signal;
  }

  get response(): Promise<TransportResponse> {
    return this.#answer.promise;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const outer = this.#outer;
      if (outer?.aborted) controller.abort(outer.reason);
      else if (outer !== undefined) {
        const onAbort = () => controller.abort(outer.reason);
        outer.addEventListener('abort', onAbort, { once: true });
        // A component's signal outlives its requests by far: each must take its listener along.
        this.#release = () => outer.removeEventListener('abort', onAbort);
      }
    }
    return this.#controller.signal;
  }

  async readBody(limit: number): Promise<Buffer> {
    if (this.#body.length <= limit) return this.#body;
    throw new StatusError({
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: `Request entity too large: limit is ${limit}`,
    });
  }

  async *bodyStream(): AsyncIterable<Buffer> {
    if (this.#body.length > 0) yield this.#body;
  }

  setHeader(name: string, value: string): void {
    const key = name.toLowerCase();
    this.#head[key] = key === 'warning' && this.#head[key] !== undefined ? `${this.#head[key]}, ${value}` : value;
  }

  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void {
    this.#begin(status, headers);
    const chunks: readonly Buffer[] =
      typeof body === 'string' ? [Buffer.from(body)] : Buffer.isBuffer(body) ? [body] : (body as readonly Buffer[]);
    for (const chunk of chunks) this.sent += chunk.length;
    this.#answer.resolve({ status, headers: this.#head, body: whole(chunks) });
  }

  stream(status: number, headers: Record<string, string>): InProcessStream {
    this.#begin(status, headers);
    const gone = () => {
      this.#controller ??= new AbortController();
      this.#controller.abort(new DOMException('the reader went away', 'AbortError'));
    };
    this.#channel = new Channel(this, gone, this.#outer ?? NEVER);
    const objects = this.acceptsObjects ? { objects: this.#channel.objects() } : {};
    this.#answer.resolve({ status, headers: this.#head, body: this.#channel.bytes(), ...objects });
    return this.#channel;
  }

  upgrade(): undefined {
    return undefined;
  }

  /** The handler is done; an answer it did not give will never come. */
  finished(): void {
    this.#release?.();
    if (!this.responded) this.fail(new Error('the server gave no answer'));
  }

  fail(err: unknown): void {
    this.#release?.();
    this.#answer.reject(err instanceof Error ? err : new Error(String(err)));
    this.#channel?.abort();
  }

  #begin(status: number, headers: Record<string, string>): void {
    if (this.responded) throw new Error('the response has begun already');
    this.responded = true;
    this.status = status;
    for (const name in headers) this.setHeader(name, headers[name]!);
  }
}

async function* whole(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Bytes, or events in their place. */
type Chunk = { bytes: Buffer; events?: undefined; size: number } | { events: readonly unknown[]; size: number };

/** A stream of bytes or events from server to client: an unbounded queue with a polite answer when it grows. */
class Channel implements InProcessStream {
  readonly #queue: Chunk[] = [];
  readonly #count: { sent: number };
  readonly #onReturn: () => void;
  readonly #signal: AbortSignal;
  #size = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #drain: PromiseWithResolvers<void> | undefined;

  constructor(count: { sent: number }, onReturn: () => void, signal: AbortSignal) {
    this.#count = count;
    this.#onReturn = onReturn;
    this.#signal = signal;
  }

  get pending(): number {
    return this.#size;
  }
  write(chunk: Buffer): boolean {
    return chunk.length === 0 || this.#push({ bytes: chunk, size: chunk.length });
  }
  writeEvents(events: readonly unknown[], size: number): boolean {
    return this.#push({ events, size });
  }
  #push(chunk: Chunk): boolean {
    if (this.#ended) return true;
    this.#queue.push(chunk);
    this.#count.sent += chunk.size;
    this.#size += chunk.size;
    this.#wake?.();
    return this.#size <= HIGH_WATER;
  }
  async drained(signal?: AbortSignal): Promise<void> {
    if (this.#size <= HIGH_WATER || this.#ended) return;
    this.#drain ??= Promise.withResolvers<void>();
    const { promise } = this.#drain;
    if (signal === undefined) return promise;
    const gone = Promise.withResolvers<never>();
    const onAbort = () => gone.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([promise, gone.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
  end(): void {
    this.#ended = true;
    this.#wake?.();
    this.#drain?.resolve();
  }
  abort(): void {
    this.#failure = new Error('the response was cut off');
    this.end();
  }

  /** What was written as bytes. */
  async *bytes(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#chunks()) if (chunk.events === undefined) yield chunk.bytes;
  }

  /** Events as they were written, and what lines of bytes between them stand for. */
  async *objects(): AsyncGenerator<unknown> {
    for await (const chunk of this.#chunks()) {
      if (chunk.events !== undefined) yield* chunk.events;
      else yield* jsonFrames(once(chunk.bytes));
    }
  }

  async *#chunks(): AsyncGenerator<Chunk> {
    const onAbort = () => this.#wake?.();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        if (this.#signal.aborted) throw this.#signal.reason;
        const chunk = this.#queue.shift();
        if (chunk !== undefined) {
          this.#size -= chunk.size;
          if (this.#size <= HIGH_WATER) {
            this.#drain?.resolve();
            this.#drain = undefined;
          }
          yield chunk;
        } else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#ended) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
      this.#ended = true;
      this.#onReturn();
    }
  }
}
