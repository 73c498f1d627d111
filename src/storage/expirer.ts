/**
 * Time to live of keys, for stores that keep it themselves (memory, sqlite). Remembers which key at which revision goes
 * away when, in buckets of one second, and calls back; a key written again in the meantime has another revision and is
 * left alone by the compare-and-swap of the delete.
 */
import type { Clock, Timer } from '../base/clock.ts';

export class Expirer implements Disposable {
  readonly #clock: Clock;
  readonly #expire: (keys: readonly { key: string; revision: number }[]) => void;
  /** By second. */
  readonly #buckets = new Map<number, { key: string; revision: number }[]>();
  #timer: Timer | undefined;
  #timerSecond = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, expire: (keys: readonly { key: string; revision: number }[]) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** The key at this revision goes at `at` (Unix ms), or up to a second later. */
  add(key: string, revision: number, at: number): void {
    const second = Math.ceil(at / 1000);
    const bucket = this.#buckets.get(second);
    if (bucket === undefined) this.#buckets.set(second, [{ key, revision }]);
    else bucket.push({ key, revision });
    if (second < this.#timerSecond) this.#arm(second);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#buckets.clear();
  }

  #arm(second: number): void {
    this.#timer?.cancel();
    this.#timerSecond = second;
    this.#timer = this.#clock.after(Math.max(second * 1000 - this.#clock.now(), 0), () => this.#fire());
  }

  #fire(): void {
    const now = this.#clock.now();
    const due: { key: string; revision: number }[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [second, keys] of [...this.#buckets].sort((a, b) => a[0] - b[0])) {
      if (second * 1000 > now) {
        next = second;
        break;
      }
      this.#buckets.delete(second);
      due.push(...keys);
    }
    this.#timerSecond = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
    if (due.length > 0) this.#expire(due);
  }
}
