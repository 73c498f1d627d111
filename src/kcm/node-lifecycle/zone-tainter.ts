/**
 * Nodes of one zone that are to be tainted NoExecute, at a limited rate: when much fails at once it is more likely the
 * control plane's view that is broken than all the nodes. Upstream: pkg/controller/nodelifecycle/scheduler
 */
import { background } from '../../base/background.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { TokenBucket } from '../../client/rate-limiter.ts';

const BURST = 1;
const PERIOD_MS = 100;

export class ZoneTainter {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Tries to taint; false: again later. */
  readonly #taint: (name: string) => Promise<boolean>;
  /** Waiting, in order. */
  readonly #queue = new Set<string>();
  /** Asked for and not removed since, whether waiting or done. */
  readonly #known = new Set<string>();
  #qps: number;
  #bucket: TokenBucket;
  #timer: Timer | undefined;
  #busy = false;
  #stopped = false;

  constructor(options: { clock: Clock; log: Logger; qps: number; taint: (name: string) => Promise<boolean> }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#taint = options.taint;
    this.#qps = options.qps;
    this.#bucket = new TokenBucket(options.qps, BURST, options.clock);
  }

  /** True when the node was not asked for before. */
  add(name: string): boolean {
    if (this.#known.has(name)) return false;
    this.#known.add(name);
    this.#queue.add(name);
    // Not at once: the same round of monitoring may find that everything is dark, and stop the tainting.
    if (!this.#stopped && !this.#busy) this.#timer ??= this.#clock.after(PERIOD_MS, () => this.#wake());
    return true;
  }
  remove(name: string): boolean {
    this.#queue.delete(name);
    return this.#known.delete(name);
  }
  /** Nodes a second from now on; 0 stops tainting. A change gives no extra token. */
  setRate(qps: number): void {
    if (qps === this.#qps) return;
    const spent = this.#qps === 0 || !this.#bucket.tryAccept();
    this.#qps = qps;
    this.#bucket = new TokenBucket(qps, BURST, this.#clock);
    if (spent && qps > 0) this.#bucket.tryAccept();
    this.#wake();
  }
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wake(): void {
    if (this.#busy || this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#queue.size === 0 || this.#qps === 0) return;
    if (this.#bucket.tryAccept()) {
      this.#busy = true;
      background('zone tainter', this.#work(), this.#log);
      return;
    }
    const wait = this.#bucket.untilNext();
    this.#timer = this.#clock.after(wait, () => this.#wake());
  }

  async #work(): Promise<void> {
    const name = this.#queue.values().next().value as string;
    let done = false;
    try {
      done = await this.#taint(name);
    } catch (err) {
      this.#log.warn('failed to taint node', { node: name, err });
    } finally {
      this.#busy = false;
      if (done) this.#queue.delete(name);
      if (done || this.#stopped) this.#wake();
      else this.#timer = this.#clock.after(PERIOD_MS, () => this.#wake());
    }
  }
}
