/**
 * Crash-loop and image back-off: 10 s doubling to 5 min, forgotten after 10 min of peace. Pure of timers.
 * Upstream: client-go/util/flowcontrol/backoff.go as used by kuberuntime doBackOff and images
 */
const INITIAL = 10_000;
const MAX = 300_000;

interface Entry {
  delay: number;
  updated: number;
}

export class RestartBackoff {
  readonly #entries = new Map<string, Entry>();

  /** Ms that remain before `key`, which last ended at `ended` (Unix ms), may be tried again; 0 when now. */
  remaining(key: string, ended: number, now: number): number {
    const e = this.#entries.get(key);
    if (e === undefined || isOver(e, ended)) return 0;
    return Math.max(ended + e.delay - now, 0);
  }

  /** The same, counted from the last try instead of an end. */
  remainingSinceTry(key: string, now: number): number {
    const e = this.#entries.get(key);
    if (e === undefined || isOver(e, now)) return 0;
    return Math.max(e.updated + e.delay - now, 0);
  }

  /** The whole current delay of `key`, ms. */
  delay(key: string): number {
    return this.#entries.get(key)?.delay ?? 0;
  }

  /** Counts a try. */
  next(key: string, ended: number, now: number): void {
    const e = this.#entries.get(key);
    const delay = e === undefined || isOver(e, ended) ? INITIAL : Math.min(e.delay * 2, MAX);
    this.#entries.set(key, { delay, updated: now });
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }
}

/** What kept going for twice the longest delay is taken to be well again. */
function isOver(e: Entry, ended: number): boolean {
  return ended - e.updated > 2 * MAX;
}
