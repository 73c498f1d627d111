/**
 * One watch on etcd, on a stream of its own: etcd answers a request for progress per stream. Survives a lost connection by
 * watching on after the last delivered revision, for a while.
 */
import type { Etcd3, IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import { background } from '../../base/background.ts';
import { Backoff } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { closed } from '../errors.ts';
import { StorageError, type SubscribeOptions, type Subscription, type WatchEvent, type WatchSink } from '../storage.ts';
import { storageErrorOf } from './client.ts';

interface Stream {
  on(event: 'data', fn: (response: IWatchResponse) => void): unknown;
  on(event: 'error', fn: (err: Error) => void): unknown;
  on(event: 'end', fn: () => void): unknown;
  write(request: IWatchRequest): void;
  cancel(): void;
}

interface Waiter {
  revision: number;
  resolve(): void;
  reject(err: unknown): void;
}

const PROGRESS_MS = 100;
const RECONNECT_ATTEMPTS = 8;

export class EtcdSubscription implements Subscription {
  readonly reportsProgress: boolean;
  readonly #etcd: Etcd3;
  readonly #clock: Clock;
  readonly #key: Buffer;
  readonly #end: Buffer;
  readonly #withPrevious: boolean;
  readonly #sink: WatchSink;
  #revision = 0;
  /** Where to watch on after a lost connection; unknown until the server has said where "now" is. */
  #delivered: number | undefined;
  #stream: Stream | undefined;
  #ended: { error: StorageError | undefined } | undefined;
  #waiters: Waiter[] = [];
  #asking: Timer | undefined;

  constructor(
    etcd: Etcd3,
    clock: Clock,
    range: { key: Buffer; end: Buffer },
    options: SubscribeOptions & { reportsProgress: boolean },
    sink: WatchSink,
  ) {
    this.#etcd = etcd;
    this.#clock = clock;
    this.#key = range.key;
    this.#end = range.end;
    this.#withPrevious = options.withoutPrevious !== true;
    this.reportsProgress = options.reportsProgress;
    this.#sink = sink;
    this.#delivered = options.after;
    this.#revision = options.after ?? 0;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Establishes the watch. */
  async open(): Promise<void> {
    const established = Promise.withResolvers<void>();
    let isEstablished = false;
    const onEnd = (error: StorageError) => {
      if (isEstablished) this.#lost(error);
      else established.reject(error);
    };
    let stream: Stream;
    try {
      stream = (await this.#etcd.watchClient.watch()) as Stream;
    } catch (err) {
      throw storageErrorOf(err);
    }
    if (this.#ended !== undefined) {
      stream.cancel();
      throw closed();
    }
    this.#stream = stream;
    stream.on('data', (response) => {
      if (stream !== this.#stream) return;
      if (response.canceled) {
        this.#stream = undefined;
        stream.cancel();
        onEnd(cancellation(response));
      } else if (response.created) {
        isEstablished = true;
        if (this.#delivered === undefined) {
          this.#delivered = Number(response.header.revision);
          this.#revision = this.#delivered;
        }
        established.resolve();
      } else this.#receive(response);
    });
    const onFailure = (err: Error) => {
      if (stream !== this.#stream) return;
      this.#stream = undefined;
      onEnd(storageErrorOf(err));
    };
    stream.on('error', onFailure);
    stream.on('end', () => onFailure(new Error('the watch stream ended')));
    stream.write({
      create_request: {
        key: this.#key,
        range_end: this.#end,
        prev_kv: this.#withPrevious,
        ...(this.#delivered === undefined ? {} : { start_revision: this.#delivered + 1 }),
      },
    });
    await established.promise;
  }

  reached(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    if (this.#ended !== undefined) return Promise.reject(this.#ended.error ?? closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiters = this.#waiters.filter((w) => w !== waiter);
      reject(signal?.reason);
    };
    const done = () => signal?.removeEventListener('abort', onAbort);
    const waiter = { revision, resolve, reject };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiters.push(waiter);
    this.#ask();
    return promise.finally(done);
  }

  requestProgress(): void {
    if (this.reportsProgress) this.#stream?.write({ progress_request: {} });
  }

  close(error: StorageError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
    this.#asking?.cancel();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w.reject(error ?? closed());
    this.#sink.closed(error);
  }

  #receive(response: IWatchResponse): void {
    if (response.events.length === 0) {
      // Progress: everything up to here was sent before.
      this.#advance(Number(response.header.revision));
      return;
    }
    const events = response.events.map(eventOf);
    const wanted = events.filter((e) => e.revision > this.#delivered!);
    if (wanted.length === 0) return;
    const last = wanted[wanted.length - 1]!.revision;
    this.#delivered = last;
    this.#sink.events(wanted);
    this.#advance(last);
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    if (this.#delivered !== undefined && revision > this.#delivered) this.#delivered = revision;
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((w) => w.revision <= revision);
    this.#waiters = this.#waiters.filter((w) => w.revision > revision);
    for (const w of due) w.resolve();
  }

  /** Requests progress now and again as long as somebody waits. */
  #ask(): void {
    if (this.#asking !== undefined) return;
    this.requestProgress();
    this.#asking = this.#clock.after(PROGRESS_MS, () => {
      this.#asking = undefined;
      if (this.#waiters.length > 0 && this.#ended === undefined) this.#ask();
    });
  }

  #lost(error: StorageError): void {
    if (error.code !== 'Unavailable' || this.#ended !== undefined) this.close(error);
    else background('etcd watch', this.#reopen(error));
  }

  async #reopen(cause: StorageError): Promise<void> {
    const backoff = new Backoff({ initial: 50, max: 2_000, jitter: 0.2 }, systemRandom);
    let last = cause;
    for (let i = 0; i < RECONNECT_ATTEMPTS && this.#ended === undefined; i++) {
      await this.#clock.sleep(backoff.next());
      if (this.#ended !== undefined) return;
      try {
        await this.open();
        return;
      } catch (err) {
        last = storageErrorOf(err);
        if (last.code !== 'Unavailable') break;
      }
    }
    this.close(last);
  }
}

function cancellation({ compact_revision, cancel_reason }: IWatchResponse): StorageError {
  const compacted = Number(compact_revision);
  if (compacted > 0) {
    return new StorageError('Compacted', `etcd: the watched revision has been compacted (up to ${compacted})`, {
      revision: compacted,
    });
  }
  return storageErrorOf(new Error(cancel_reason || 'the watch was cancelled'));
}

function eventOf({ type, kv, prev_kv }: IEvent): WatchEvent {
  const key = kv.key.toString();
  const revision = Number(kv.mod_revision);
  const event: WatchEvent =
    type === 'Delete'
      ? { type: 'delete', key, revision }
      : { type: 'put', key, revision, value: kv.value, createRevision: Number(kv.create_revision) };
  if (prev_kv) {
    event.previous = {
      key,
      value: prev_kv.value,
      modRevision: Number(prev_kv.mod_revision),
      createRevision: Number(prev_kv.create_revision),
    };
  }
  if (type === 'Put' && kv.create_revision === kv.mod_revision) event.created = true;
  return event;
}
