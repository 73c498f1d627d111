/**
 * The AsyncIterable face of a subscription: `Storage.watch` of every implementation is this over its `subscribe`.
 * Holds a bounded buffer; the producer never waits for the consumer.
 */
import type { Clock, Timer } from '../base/clock.ts';
import {
  type Storage,
  StorageError,
  type Subscription,
  type WatchEvent,
  type WatchOptions,
  type WatchProgress,
  type WatchSink,
} from './storage.ts';

// Events a consumer may be behind before its watch ends with 'Overrun'.
const WATCH_BUFFER = 20_000;

class WatchStream implements WatchSink, AsyncIterableIterator<WatchEvent | WatchProgress> {
  #queue: (WatchEvent | WatchProgress)[] = [];
  #head = 0;
  #waiting:
    | { resolve: (r: IteratorResult<WatchEvent | WatchProgress>) => void; reject: (e: unknown) => void }
    | undefined;
  #end: { error: StorageError | undefined } | undefined;
  readonly #limit: number;
  readonly #abort: AbortController;
  #timer: Timer | undefined;

  constructor(limit: number, abort: AbortController) {
    this.#limit = limit;
    this.#abort = abort;
  }

  events(events: readonly WatchEvent[]): void {
    for (const event of events) this.#add(event);
  }
  closed(error: StorageError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#timer?.cancel();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve({ done: true, value: undefined });
    else waiting?.reject(error);
  }
  follow(subscription: Subscription, clock: Clock, progressMs: number): void {
    if (this.#end !== undefined) return;
    this.#timer = clock.every(progressMs, () => {
      if (this.#head === this.#queue.length) this.#add({ type: 'progress', revision: subscription.revision });
      subscription.requestProgress();
    });
  }

  #add(item: WatchEvent | WatchProgress): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: item });
      return;
    }
    if (this.#queue.length - this.#head >= this.#limit) {
      this.closed(new StorageError('Overrun', 'the watcher is too slow'));
      this.#abort.abort();
      return;
    }
    this.#queue.push(item);
  }

  next(): Promise<IteratorResult<WatchEvent | WatchProgress>> {
    if (this.#head < this.#queue.length) {
      const value = this.#queue[this.#head]!;
      this.#head++;
      if (this.#head === this.#queue.length || this.#head > 4096) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#end !== undefined) {
      const { error } = this.#end;
      this.#end = { error: undefined };
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
  return(): Promise<IteratorResult<WatchEvent | WatchProgress>> {
    this.#queue = [];
    this.#head = 0;
    this.closed(undefined);
    this.#abort.abort();
    return Promise.resolve({ done: true, value: undefined });
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Implements `Storage.watch` by `Storage.subscribe`. An abort drops what is still buffered. */
export async function watchBySubscribing(
  storage: Storage,
  clock: Clock,
  prefix: string,
  options: WatchOptions,
  buffer: number = WATCH_BUFFER,
): Promise<AsyncIterable<WatchEvent | WatchProgress>> {
  const abort = new AbortController();
  const stream = new WatchStream(buffer, abort);
  const onAbort = () => void stream.return();
  const subscription = await storage.subscribe(
    prefix,
    {
      ...(options.after === undefined ? {} : { after: options.after }),
      ...(options.withoutPrevious === undefined ? {} : { withoutPrevious: options.withoutPrevious }),
      signal: AbortSignal.any([options.signal, abort.signal]),
    },
    stream,
  );
  options.signal.throwIfAborted();
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.progressMs !== undefined) stream.follow(subscription, clock, options.progressMs);
  return stream;
}
