/** How long failed daemon pods are left alone: a kubelet that rejects them would otherwise get new ones without end. Upstream: flowcontrol.Backoff */
const INITIAL_MS = 1_000;
const MAX_MS = 15 * 60_000;

interface Entry {
  backoff: number;
  updated: number;
}

export class FailedPodsBackoff {
  readonly #entries = new Map<string, Entry>();

  /** Ms of the current back-off of `key`, while it lasts. */
  waiting(key: string, now: number): number | undefined {
    const e = this.#entries.get(key);
    return e && now - e.updated < e.backoff ? e.backoff : undefined;
  }

  /** A failed pod is deleted now: the next waits twice as long. */
  next(key: string, now: number): void {
    for (const [k, e] of this.#entries) if (now - e.updated > 2 * MAX_MS) this.#entries.delete(k);
    const e = this.#entries.get(key);
    this.#entries.set(key, { backoff: e ? Math.min(2 * e.backoff, MAX_MS) : INITIAL_MS, updated: now });
  }
}
