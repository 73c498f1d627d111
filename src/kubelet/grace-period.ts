/** The time a pod has to end, which its hooks and containers share. */
import type { Clock } from '../base/clock.ts';

/** Until when a pod may take to end. It can only become shorter, also while the pod is ending. */
export class GracePeriod {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #deadline: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#deadline = clock.now() + ms;
  }

  /** Ms that are left; never negative. */
  left(): number {
    return Math.max(this.#deadline - this.#clock.now(), 0);
  }

  shorten(ms: number): void {
    const deadline = this.#clock.now() + ms;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    for (const listener of [...this.#listeners]) listener();
  }

  onShorter(listener: () => void): { remove(): void } {
    this.#listeners.add(listener);
    return { remove: () => this.#listeners.delete(listener) };
  }

  /** Runs something until it is done or the time is up. @throws GraceOver when it is up */
  async within(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    const over = Promise.withResolvers<never>();
    const expire = () => {
      over.reject(new GraceOver());
      limit.abort(new GraceOver());
    };
    let timer = this.#clock.after(this.left(), expire);
    const listener = this.onShorter(() => {
      timer.cancel();
      timer = this.#clock.after(this.left(), expire);
    });
    try {
      await Promise.race([work(limit.signal), over.promise]);
    } finally {
      timer.cancel();
      listener.remove();
    }
  }
}

export class GraceOver extends Error {
  constructor() {
    super('the grace period is over');
  }
}
