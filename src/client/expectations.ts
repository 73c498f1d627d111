/**
 * What a controller has asked for and not yet seen in its cache. A sync that acts while creations are still unseen would
 * create them twice; so replicas are only counted when the expectations of a key are met, or have waited too long.
 * Upstream: pkg/controller/controller_utils.go ControllerExpectations, UIDTrackingControllerExpectations
 */
import type { Clock } from '../base/clock.ts';

const EXPECTATIONS_TIMEOUT_MS = 5 * 60_000;

interface Expectation {
  adds: number;
  dels: number;
  /** Keys of the objects whose deletion is awaited: one deletion is seen several times. */
  deleting: Set<string>;
  since: number;
}

export class ControllerExpectations {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Expectation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when everything expected was seen, nothing was ever expected, or the wait was too long. */
  satisfied(key: string): boolean {
    const e = this.#byKey.get(key);
    if (!e) return true;
    if (e.adds <= 0 && e.dels <= 0) return true;
    return this.#clock.monotonic() - e.since > EXPECTATIONS_TIMEOUT_MS;
  }
  expectCreations(key: string, adds: number): void {
    this.#byKey.set(key, { adds, dels: 0, deleting: new Set(), since: this.#clock.monotonic() });
  }
  /** `objects`: keys of what is being deleted. */
  expectDeletions(key: string, objects: readonly string[]): void {
    this.#byKey.set(key, { adds: 0, dels: objects.length, deleting: new Set(objects), since: this.#clock.monotonic() });
  }
  raise(key: string, adds: number, objects: readonly string[] = []): void {
    const e = this.#byKey.get(key);
    if (!e) return;
    e.adds += adds;
    for (const o of objects) {
      if (e.deleting.has(o)) continue;
      e.deleting.add(o);
      e.dels++;
    }
  }
  creationObserved(key: string): void {
    const e = this.#byKey.get(key);
    if (e) e.adds--;
  }
  deletionObserved(key: string, object: string): void {
    const e = this.#byKey.get(key);
    if (e?.deleting.delete(object)) e.dels--;
  }
  delete(key: string): void {
    this.#byKey.delete(key);
  }
}
