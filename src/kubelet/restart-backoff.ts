/**
 * Crash-loop and image back-off: 10 s doubling to 5 min, forgotten after 10 min of peace. Pure of timers.
 * Upstream: client-go/util/flowcontrol/backoff.go as used by kuberuntime doBackOff
 */
const INITIAL = 10_000;
const MAX = 300_000;

interface Entry {
  delay: number;
  updated: number;
}

export class RestartBackoff {
  readonly #entries = new Map<string, Entry>();

  /** Ms that remain before `key` may be tried again; 0 when now. `since` (Unix ms) is when it last ended. */
  remaining(key: string, since: number, now: number): number {
    const e = this.#entries.get(key);
    if (e === undefined || since - e.updated > 2 * MAX) return 0;
    return Math.max(e.updated + e.delay - now, 0);
  }

  /** The whole current delay of `key`, ms. */
  delay(key: string): number {
    return this.#entries.get(key)?.delay ?? 0;
  }

  /** Counts a try. */
  next(key: string, since: number, now: number): void {
    const e = this.#entries.get(key);
    const delay = e === undefined || since - e.updated > 2 * MAX ? INITIAL : Math.min(e.delay * 2, MAX);
    this.#entries.set(key, { delay, updated: now });
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }
}
