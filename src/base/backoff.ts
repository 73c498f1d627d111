/** Exponential back-off with jitter, one instance per retried thing. Pure: the caller sleeps. */
import type { Random } from './random.ts';

export interface BackoffOptions {
  /** First delay, ms. */
  initial: number;
  /** Largest delay, ms. */
  max: number;
  /** Growth per step; 2 when absent. */
  factor?: number;
  /** Adds up to this share of the delay at random; 0 when absent. */
  jitter?: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #next: number;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#next = options.initial;
  }
  /** The delay before the next attempt, ms; each call grows it. */
  next(): number {
    const delay = this.#next;
    this.#next = Math.min(this.#next * (this.#options.factor ?? 2), this.#options.max);
    return delay * (1 + (this.#options.jitter ?? 0) * this.#random.float());
  }
  /** Call after a success. */
  reset(): void {
    this.#next = this.#options.initial;
  }
}
