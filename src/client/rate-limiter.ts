/** When a failed key may be tried again, and token buckets. Pure: the caller waits. Upstream: client-go/util/workqueue, util/flowcontrol */
import type { Clock } from '../base/clock.ts';

export interface RateLimiter<K> {
  /** Milliseconds to wait before the next try of `key`; counts as a failure. */
  when(key: K): number;
  forget(key: K): void;
  retries(key: K): number;
}

/** `base * 2^failures`, at most `max` (ms). */
export class ItemExponentialFailureRateLimiter<K> implements RateLimiter<K> {
  readonly #base: number;
  readonly #max: number;
  readonly #failures = new Map<K, number>();
  constructor(base: number, max: number) {
    this.#base = base;
    this.#max = max;
  }
  when(key: K): number {
    const n = this.#failures.get(key) ?? 0;
    this.#failures.set(key, n + 1);
    return Math.min(this.#base * 2 ** n, this.#max);
  }
  forget(key: K): void {
    this.#failures.delete(key);
  }
  retries(key: K): number {
    return this.#failures.get(key) ?? 0;
  }
}

/** A bucket of `burst` tokens that fills with `qps` a second. */
export class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #last: number;
  constructor(qps: number, burst: number, clock: Clock) {
    this.#qps = qps;
    this.#burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#last = clock.monotonic();
  }
  /** Takes a token if there is one. */
  tryAccept(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
  /** Takes a token, now or in advance; the answer is how long (ms) to wait until it is there. */
  reserve(): number {
    this.#fill();
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000;
  }
  /** Milliseconds until there is a token; 0 when there is one. */
  untilNext(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#qps) * 1000);
  }
  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#last) / 1000) * this.#qps);
    this.#last = now;
  }
}
