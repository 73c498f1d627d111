/**
 * The only place where time comes from. Every component takes a Clock, so that a whole cluster can run on a
 * VirtualClock in one process. All durations and instants are milliseconds; instants are Unix time.
 */

/** A running timer. `cancel` is idempotent and safe after it has fired. */
export interface Timer {
  cancel(): void;
}

/** A source of time. Timers never fire before `ms` has passed and fire at most once (`every`: until cancelled). */
export interface Clock {
  /** Unix milliseconds; may jump with the machine's clock. */
  now(): number;
  /** Milliseconds that never go backwards; only differences mean something. */
  monotonic(): number;
  /** Calls `fn` once, `ms` from now. The timer alone does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
  /** Calls `fn` every `ms`, first after `ms`. The timer alone does not keep the process alive. */
  every(ms: number, fn: () => void): Timer;
  /** Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

function sleepOn(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now();
  }
  after(ms: number, fn: () => void): Timer {
    const t = setTimeout(fn, Math.min(ms, 0x7fffffff));
    t.unref();
    return { cancel: () => clearTimeout(t) };
  }
  every(ms: number, fn: () => void): Timer {
    const t = setInterval(fn, ms);
    t.unref();
    return { cancel: () => clearInterval(t) };
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
}

export const systemClock: Clock = new SystemClock();

interface Pending {
  at: number;
  seq: number;
  fn: () => void;
  period: number;
}

/**
 * A clock that moves only when told. `advance` fires due timers in time order (ties: in order of creation) and lets
 * the promises and immediates that each instant wakes run dry before it goes to the next one.
 */
export class VirtualClock implements Clock {
  #now: number;
  #start: number;
  #seq = 0;
  #pending = new Map<number, Pending>();

  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#now = start;
    this.#start = start;
  }
  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now - this.#start;
  }
  after(ms: number, fn: () => void): Timer {
    return this.#add(ms, fn, 0);
  }
  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, fn, Math.max(ms, 1));
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  /** Moves time forward by `ms`. Resolves when everything due has fired and the process has come to rest. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#pending.delete(next.seq);
      if (next.period > 0) this.#pending.set(next.seq, { ...next, at: next.at + next.period });
      next.fn();
      const peer = this.#next(this.#now);
      if (peer === undefined) await settle();
    }
    this.#now = end;
    await settle();
  }
  #add(ms: number, fn: () => void, period: number): Timer {
    const seq = ++this.#seq;
    this.#pending.set(seq, { at: this.#now + Math.max(ms, 0), seq, fn, period });
    return { cancel: () => this.#pending.delete(seq) };
  }
  #next(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const p of this.#pending.values()) {
      if (p.at > end) continue;
      if (best === undefined || p.at < best.at || (p.at === best.at && p.seq < best.seq)) best = p;
    }
    return best;
  }
}

/** Lets microtasks and immediates run for `turns` turns of the event loop; in-process work needs no more than that. */
export async function settle(turns = 8): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
