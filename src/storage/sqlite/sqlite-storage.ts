/**
 * Storage in one SQLite file, the embedded default: durable, for one process. This side gathers the writes of a tick
 * into one message for the worker, keeps the writers' promises, and fans out what the worker has committed; SQLite itself never runs here.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import { Slots } from '../../base/slots.ts';
import { closed, conflict, keyExists, keyNotFound } from '../errors.ts';
import { Expirer } from '../expirer.ts';
import {
  type GetOptions,
  isStorageError,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Storage,
  type StorageCapabilities,
  StorageError,
  type SubscribeOptions,
  type Subscription,
  type WatchEvent,
  type WatchOptions,
  type WatchProgress,
  type WatchSink,
  type WriteOptions,
} from '../storage.ts';
import { type PastEvents, WatchHub } from '../watch-hub.ts';
import { watchBySubscribing } from '../watch-stream.ts';
import {
  CHANGE_NUMBERS,
  type ChangesMessage,
  FAILED_EXISTS,
  FAILED_NOT_FOUND,
  OP_CREATE,
  OP_DELETE,
  OP_NUMBERS,
  OP_UPDATE,
  type OpenedMessage,
  RESULT_NUMBERS,
  type Reply,
  type Request,
  ROW_NUMBERS,
  type RowsMessage,
  type WrittenMessage,
} from './messages.ts';

export interface SqliteStorageOptions {
  /** Directory of the database; made when absent. */
  dir: string;
  clock: Clock;
  /** Writes beyond this size of the file fail with 'NoSpace'. Default: the disk decides. */
  maxBytes?: number;
  /** Events a consumer of `watch` may be behind. */
  watchBuffer?: number;
}

const WORKER_YOUNG_MB = 6;

/** Opens the store, or fails with a StorageError whose message can stand alone: in use, corrupt, no space, not writable. */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<Storage> {
  // The checkout runs as it is (.ts), the package's library is compiled (.js), its command a bundle (.cjs).
  const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
    workerData: { dir: options.dir, maxBytes: options.maxBytes },
    name: 'storage',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // What it allocates is done with when a message is answered: a large young generation would only be memory that is never given back.
    resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_MB },
  });
  worker.unref();
  const opened = await new Promise<OpenedMessage>((resolve, reject) => {
    worker.ref();
    worker.once('message', (reply: Reply) => {
      if (reply.type === 'opened') resolve(reply);
      else if (reply.type === 'failed') reject(new StorageError(reply.code, reply.message));
    });
    const failed = (cause?: unknown) =>
      reject(new StorageError('Unavailable', 'the storage worker did not start', { cause }));
    worker.once('error', failed);
    worker.once('exit', () => failed());
  });
  return new SqliteStorage(worker, opened, options);
}

interface Operation {
  kind: number;
  key: string;
  value: Buffer | undefined;
  expected: number;
  expires: number;
  resolve(revision: number): void;
  reject(err: unknown): void;
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(err: unknown): void;
}

const NOTHING = Buffer.alloc(0);
const FLUSH_OPERATIONS = 1024;
/** Buffers for values are a multiple of this long, so that one fits another message; longer ones are not kept. */
const SPARE_STEP = 64 << 10;
const SPARE_BYTES = 1 << 20;
const SPARES = 2;

class SqliteStorage implements Storage {
  readonly capabilities: StorageCapabilities = { durable: true, shared: false };
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #watchBuffer: number | undefined;
  readonly #hub: WatchHub;
  readonly #expirer: Expirer;
  /** Writes of this tick. */
  #queue: Operation[] = [];
  #flushDue = false;
  /** What the worker has not answered yet; the slot is the message's id. */
  readonly #asked = new Slots<readonly Operation[] | Waiting>();
  /** Came back from the worker: a new buffer a message would be garbage of both threads, which neither collects soon. */
  readonly #spares: ArrayBuffer[] = [];
  #failure: StorageError | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, opened: OpenedMessage, { clock, watchBuffer }: SqliteStorageOptions) {
    this.#worker = worker;
    this.#clock = clock;
    this.#watchBuffer = watchBuffer;
    this.#hub = new WatchHub(opened.revision);
    this.#expirer = new Expirer(clock, (keys) => {
      for (const { key, revision } of keys) void this.#expire(key, revision);
    });
    for (const { key, revision, at } of opened.expiring) this.#expirer.add(key, revision, at);
    worker.removeAllListeners('message');
    worker.removeAllListeners('error');
    worker.removeAllListeners('exit');
    worker.on('message', (reply: Reply) => this.#onReply(reply));
    worker.on('error', (err) =>
      this.#fail(new StorageError('Unavailable', 'the storage worker failed', { cause: err })),
    );
    worker.on('exit', () => this.#fail(closed()));
    this.#idle();
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    this.#check(options.signal);
    const rows = await this.#ask<RowsMessage>({ type: 'get', id: 0, key, minRevision: options.minRevision ?? 0 });
    options.signal?.throwIfAborted();
    let found: KeyValue | undefined;
    forEachRow(rows, (item) => {
      found = item;
    });
    return found;
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#check(options.signal);
    let rows = await this.#ask<RowsMessage>({
      type: 'list',
      id: 0,
      prefix,
      start: options.start ?? prefix,
      limit: options.limit ?? 0,
      revision: options.revision ?? 0,
      minRevision: options.minRevision ?? 0,
    });
    const { revision, remaining } = rows;
    const { each } = options;
    const items: KeyValue[] = each === undefined ? new Array(rows.total) : [];
    const take = (item: KeyValue, at: number) => {
      if (each === undefined) items[at] = item;
      else each(item, at);
    };
    /** What the worker packs the next part but one into: two buffers go to and fro. */
    let spare: ArrayBuffer | undefined;
    for (;;) {
      if (options.signal?.aborted) {
        if (rows.cursor !== undefined) this.#post({ type: 'drop', id: 0, cursor: rows.cursor });
        throw options.signal.reason;
      }
      // Asked for before this part is unpacked: both threads work at once.
      const next =
        rows.cursor === undefined
          ? undefined
          : this.#ask<RowsMessage>({ type: 'next', id: 0, cursor: rows.cursor, spare }, spare && [spare]);
      forEachRow(rows, take);
      if (next === undefined) break;
      spare = each === undefined ? undefined : rows.values.buffer;
      rows = await next;
    }
    return { items, revision, more: remaining > 0, remaining };
  }

  count(prefix: string): Promise<number> {
    return this.#number({ type: 'count', id: 0, prefix });
  }

  create(key: string, value: Buffer, options?: WriteOptions): Promise<number> {
    return this.#write(OP_CREATE, key, value, 0, options);
  }

  update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<number> {
    return this.#write(OP_UPDATE, key, value, expected, options);
  }

  delete(key: string, expected: number, options?: WriteOptions): Promise<number> {
    return this.#write(OP_DELETE, key, undefined, expected, options);
  }

  watch(prefix: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent | WatchProgress>> {
    return watchBySubscribing(this, this.#clock, prefix, options, this.#watchBuffer);
  }

  async subscribe(prefix: string, options: SubscribeOptions, sink: WatchSink): Promise<Subscription> {
    this.#check(options.signal);
    const after = options.after ?? this.#hub.revision;
    const wantPrevious = options.withoutPrevious !== true;
    if (!wantPrevious && after >= this.#hub.revision) return this.#hub.subscribe(prefix, options, sink);
    // Also a watch "from now on" reads the log: batches under way were sent before anybody wanted `previous`.
    return this.#hub.subscribe(prefix, { ...options, after }, sink, () => this.#past(prefix, after, wantPrevious));
  }

  async currentRevision(): Promise<number> {
    return this.#number({ type: 'ping', id: 0 });
  }

  async compact(revision: number): Promise<void> {
    await this.#number({ type: 'compact', id: 0, revision });
  }

  size(): Promise<number> {
    return this.#number({ type: 'size', id: 0 });
  }

  async healthy(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#number({ type: 'ping', id: 0 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#expirer[Symbol.dispose]();
    if (this.#failure === undefined) {
      // Messages are answered in order: after this one everything that was asked for is done.
      const end = this.#number({ type: 'close', id: 0 });
      this.#failure = closed();
      await end.catch(() => {});
    }
    this.#fail(closed());
    await this.#worker.terminate();
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #write(
    kind: number,
    key: string,
    value: Buffer | undefined,
    expected: number,
    options?: WriteOptions,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#check(options?.signal);
      const expires = options?.ttlSeconds ? this.#clock.now() + options.ttlSeconds * 1000 : 0;
      this.#queue.push({ kind, key, value, expected, expires, resolve, reject });
      if (this.#queue.length >= FLUSH_OPERATIONS) this.#flush();
      else if (!this.#flushDue) {
        this.#flushDue = true;
        // Everything that this turn of the loop brings goes to the worker together: a message a write, and a transaction a
        // message, cost both threads more than the write.
        setImmediate(() => this.#flush());
      }
    });
  }

  #flush(): void {
    this.#flushDue = false;
    const operations = this.#queue;
    if (operations.length === 0) return;
    this.#queue = [];
    if (this.#failure !== undefined) {
      for (const op of operations) op.reject(this.#failure);
      return;
    }
    let size = 0;
    for (const { value } of operations) size += value?.length ?? 0;
    const values = new Uint8Array(this.#spare(size), 0, size);
    const numbers = new Float64Array(operations.length * OP_NUMBERS);
    const keys: string[] = new Array(operations.length);
    let at = 0;
    for (let i = 0; i < operations.length; i++) {
      const { kind, key, value, expected, expires } = operations[i]!;
      keys[i] = key;
      const n = i * OP_NUMBERS;
      numbers[n] = kind;
      numbers[n + 1] = expected;
      numbers[n + 2] = expires;
      if (value !== undefined) {
        numbers[n + 3] = value.length;
        values.set(value, at);
        at += value.length;
      }
    }
    const id = this.#asked.add(operations);
    this.#busy();
    this.#worker.postMessage({ type: 'write', id, keys, numbers, values, wantPrevious: this.#hub.wantsPrevious }, [
      numbers.buffer,
      values.buffer,
    ]);
  }

  #spare(size: number): ArrayBuffer {
    const i = this.#spares.findIndex((s) => s.byteLength >= size);
    if (i >= 0) return this.#spares.splice(i, 1)[0]!;
    return new ArrayBuffer(Math.max(Math.ceil(size / SPARE_STEP), 1) * SPARE_STEP);
  }

  #keepSpare(spare: ArrayBuffer): void {
    if (spare.byteLength > SPARE_BYTES) return;
    // The smallest goes: what is kept grows to what messages need.
    this.#spares.push(spare);
    this.#spares.sort((a, b) => a.byteLength - b.byteLength);
    if (this.#spares.length > SPARES) this.#spares.shift();
  }

  #post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#flush();
    this.#worker.postMessage(request, transfer);
  }

  async #ask<R extends Reply>(request: Request, transfer?: ArrayBuffer[]): Promise<R> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const id = this.#asked.add({ resolve, reject });
    this.#busy();
    this.#post({ ...request, id }, transfer);
    return (await promise) as R;
  }

  async #number(request: Request): Promise<number> {
    return (await this.#ask<Extract<Reply, { type: 'number' }>>(request)).value;
  }

  #onReply(reply: Reply): void {
    const asked = this.#asked.remove(reply.id);
    if (asked !== undefined) {
      if (reply.type === 'failed') {
        const { code, message, key, revision } = reply;
        const error = new StorageError(code, message, {
          ...(key === undefined ? {} : { key }),
          ...(revision === undefined ? {} : { revision }),
        });
        reject(asked, error);
      } else if (reply.type === 'written') this.#onWritten(asked as readonly Operation[], reply);
      else (asked as Waiting).resolve(reply);
    }
    this.#idle();
  }

  #onWritten(operations: readonly Operation[], { numbers, previous, spare, revision }: WrittenMessage): void {
    this.#keepSpare(spare);
    const listening = !this.#hub.idle;
    const events: WatchEvent[] = [];
    let at = 0;
    for (let i = 0; i < operations.length; i++) {
      const op = operations[i]!;
      const r = i * RESULT_NUMBERS;
      const rev = numbers[r]!;
      if (rev === 0) continue;
      if (op.expires !== 0) this.#expirer.add(op.key, rev, op.expires);
      if (!listening) continue;
      const createRevision = numbers[r + 1]!;
      const prev = numbers[r + 2]!;
      const event: WatchEvent =
        op.value === undefined
          ? { type: 'delete', key: op.key, revision: rev }
          : { type: 'put', key: op.key, revision: rev, value: op.value, createRevision };
      const length = numbers[r + 3]!;
      if (length >= 0) {
        const value = bufferOf(previous, at, length);
        at += length;
        event.previous = { key: op.key, value, modRevision: prev, createRevision };
      }
      if (prev === 0) event.created = true;
      events.push(event);
    }
    this.#hub.commit(events, revision);
    for (let i = 0; i < operations.length; i++) {
      const op = operations[i]!;
      const r = i * RESULT_NUMBERS;
      if (numbers[r] !== 0) op.resolve(numbers[r]!);
      else op.reject(failure(op, numbers[r + 1]!, numbers[r + 2]!));
    }
  }

  async #past(prefix: string, after: number, wantPrevious: boolean): Promise<PastEvents> {
    const events: WatchEvent[] = [];
    for (let from = after; ; ) {
      const answer = await this.#ask<ChangesMessage>({ type: 'changes', id: 0, prefix, after: from, wantPrevious });
      changesOf(answer, events);
      from = answer.upTo;
      if (!answer.more) return { events, upTo: answer.upTo };
    }
  }

  async #expire(key: string, revision: number): Promise<void> {
    try {
      await this.delete(key, revision);
    } catch (err) {
      // Written again, deleted, or the store is going away; after any other failure it is tried again.
      if (isStorageError(err, 'Conflict') || isStorageError(err, 'KeyNotFound') || this.#failure !== undefined) return;
      this.#expirer.add(key, revision, this.#clock.now() + 10_000);
    }
  }

  #fail(error: StorageError): void {
    this.#failure ??= error;
    const failure = this.#failure;
    this.#flush();
    for (const asked of this.#asked.clear()) reject(asked, failure);
    this.#hub.close(failure.code === 'Closed' ? undefined : failure);
    this.#idle();
  }

  /** The worker keeps the process alive only while somebody waits for it. */
  #busy(): void {
    if (this.#asked.size === 1) this.#worker.ref();
  }
  #idle(): void {
    if (this.#asked.size === 0) this.#worker.unref();
  }
}

function reject(asked: readonly Operation[] | Waiting, error: StorageError): void {
  if (isWaiting(asked)) asked.reject(error);
  else for (const op of asked) op.reject(error);
}

const isWaiting = (asked: readonly Operation[] | Waiting): asked is Waiting => !Array.isArray(asked);

function failure(op: Operation, kind: number, revision: number): StorageError {
  if (kind === FAILED_EXISTS) return keyExists(op.key, revision);
  if (kind === FAILED_NOT_FOUND) return keyNotFound(op.key);
  return conflict(op.key, op.expected, revision);
}

function bufferOf(bytes: Uint8Array, at: number, length: number): Buffer {
  return length === 0 ? NOTHING : Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
}

function forEachRow({ keys, numbers, values }: RowsMessage, take: (item: KeyValue, at: number) => void): void {
  let at = 0;
  for (let i = 0; i < keys.length; i++) {
    const n = i * ROW_NUMBERS;
    const length = numbers[n + 2]!;
    const item = {
      key: keys[i]!,
      value: bufferOf(values, at, length),
      modRevision: numbers[n]!,
      createRevision: numbers[n + 1]!,
    };
    take(item, numbers[n + 3]!);
    at += length;
  }
}

function changesOf({ keys, numbers, values }: ChangesMessage, events: WatchEvent[]): void {
  let at = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const n = i * CHANGE_NUMBERS;
    const revision = numbers[n]!;
    const createRevision = numbers[n + 1]!;
    const prev = numbers[n + 2]!;
    const length = numbers[n + 3]!;
    const previousLength = numbers[n + 4]!;
    let event: WatchEvent;
    if (length < 0) event = { type: 'delete', key, revision };
    else {
      event = { type: 'put', key, revision, value: bufferOf(values, at, length), createRevision };
      at += length;
    }
    if (previousLength >= 0) {
      event.previous = { key, value: bufferOf(values, at, previousLength), modRevision: prev, createRevision };
      at += previousLength;
    }
    if (prev === 0) event.created = true;
    events.push(event);
  }
}
