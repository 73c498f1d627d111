/**
 * Queue of keys between informers and workers. Fair (in order of adding), deduplicating (a key added twice before it is
 * taken is taken once), never handed to two workers at the same time (a key added while it is worked on comes back
 * after `done`), and able to shut down. Upstream: client-go/util/workqueue
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { ItemExponentialFailureRateLimiter } from './rate-limiter.ts';

export interface WorkQueueOptions<K> {
  clock: Clock;
  /** For metrics. */
  name?: string;
  /** Default: 5 ms doubling to 1000 s a key, as upstream. */
  rateLimiter?: RateLimiter<K>;
  metrics?: WorkQueueMetrics;
}

/** What a queue tells of itself; names of the metrics are given by who implements this. */
export interface WorkQueueMetrics {
  add(depth: number): void;
  /** `waited`: seconds in the queue. */
  get(depth: number, waited: number): void;
  /** `worked`: seconds from get to done. */
  done(worked: number): void;
  retry(): void;
}

export class WorkQueue<K> {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter<K>;
  readonly #metrics: WorkQueueMetrics | undefined;
  /** Keys in the order they will be taken; each is in `#dirty` and not in `#processing`. */
  #queue: K[] = [];
  #head = 0;
  /** Keys that need work. A key may also be in `#processing`: then `done` puts it back into `#queue`. */
  readonly #dirty = new Set<K>();
  /** Keys some worker holds, with the monotonic time of `get`. */
  readonly #processing = new Map<K, number>();
  /** Keys that become due later; a key waits once, for the earliest of its times. */
  readonly #waiting = new Map<K, { at: number; timer: Timer }>();
  readonly #addedAt = new Map<K, number>();
  #getters: ((key: K | undefined) => void)[] = [];
  #drained: (() => void)[] = [];
  #shutdown = false;

  constructor(options: WorkQueueOptions<K>) {
    this.#clock = options.clock;
    this.#limiter = options.rateLimiter ?? new ItemExponentialFailureRateLimiter<K>(5, 1_000_000);
    this.#metrics = options.metrics;
  }

  /** Keys waiting to be taken now (not those due later or being worked on). */
  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** Nothing to take, nothing in work; keys due later do not count. */
  get idle(): boolean {
    return this.length === 0 && this.#processing.size === 0;
  }

  add(key: K): void {
    if (this.#shutdown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#addedAt.set(key, this.#clock.monotonic());
    if (!this.#processing.has(key)) this.#push(key);
    this.#metrics?.add(this.length);
  }

  /** Adds `key` in `ms`; at once when not positive. */
  addAfter(key: K, ms: number): void {
    if (this.#shutdown) return;
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const waiting = this.#waiting.get(key);
    if (waiting && waiting.at <= at) return;
    waiting?.timer.cancel();
    const timer = this.#clock.after(ms, () => {
      this.#waiting.delete(key);
      this.add(key);
    });
    this.#waiting.set(key, { at, timer });
  }

  /** Adds `key` when its rate limiter says it may be tried again. */
  addRateLimited(key: K): void {
    this.#metrics?.retry();
    this.addAfter(key, this.#limiter.when(key));
  }

  /** Ends the history of failures of `key`; call after a success or when giving up. */
  forget(key: K): void {
    this.#limiter.forget(key);
  }

  /** Failures of `key` since the last `forget`. */
  retries(key: K): number {
    return this.#limiter.retries(key);
  }

  /** The next key, for this caller alone until it calls `done`. Undefined: shut down and empty. */
  get(): Promise<K | undefined> {
    if (this.length > 0) return Promise.resolve(this.#take());
    if (this.#shutdown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  /** Must follow every `get`. */
  done(key: K): void {
    const since = this.#processing.get(key);
    if (since === undefined) return;
    this.#processing.delete(key);
    this.#metrics?.done((this.#clock.monotonic() - since) / 1000);
    if (this.#dirty.has(key)) this.#push(key);
    if (this.#processing.size === 0 && this.length === 0) {
      for (const resolve of this.#drained.splice(0)) resolve();
    }
  }

  /** Takes no more keys, lets workers finish what is queued, then ends them. */
  shutdown(): void {
    this.#shutdown = true;
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    for (const resolve of this.#getters.splice(0)) resolve(undefined);
  }

  /** `shutdown`, and resolves when everything queued has been done. */
  async shutdownWithDrain(): Promise<void> {
    this.shutdown();
    if (!this.idle) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #push(key: K): void {
    this.#queue.push(key);
    const getter = this.#getters.shift();
    if (getter) getter(this.#take());
  }

  #take(): K {
    const key = this.#queue[this.#head]!;
    this.#head++;
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const now = this.#clock.monotonic();
    this.#dirty.delete(key);
    this.#processing.set(key, now);
    this.#metrics?.get(this.length, (now - (this.#addedAt.get(key) ?? now)) / 1000);
    this.#addedAt.delete(key);
    return key;
  }
}
