/**
 * Generations of the EndpointSlices this process has written. A cache that does not show them yet is stale: planning on
 * it would create slices twice. Upstream: k8s.io/endpointslice/util/endpointslice_tracker.go
 */
import type { EndpointSlice } from '../../api/discovery-v1.ts';

const DELETED = -1;

export class SliceTracker {
  /** Service key -> slice uid -> generation, or DELETED when we have deleted it. */
  readonly #written = new Map<string, Map<string, number>>();

  wrote(service: string, slice: EndpointSlice): void {
    this.#of(service).set(slice.metadata.uid!, slice.metadata.generation ?? 0);
  }
  deleted(service: string, slice: EndpointSlice): void {
    this.#of(service).set(slice.metadata.uid!, DELETED);
  }
  forget(service: string): void {
    this.#written.delete(service);
  }
  /** True when `cached` is older than what was written. */
  isStale(service: string, cached: readonly EndpointSlice[]): boolean {
    const written = this.#written.get(service);
    if (!written) return false;
    const seen = new Map(cached.map((s) => [s.metadata.uid!, s.metadata.generation ?? 0]));
    for (const [uid, generation] of written) {
      const have = seen.get(uid);
      if (generation === DELETED ? have !== undefined : have === undefined || have < generation) return true;
    }
    return false;
  }
  /** Somebody else has written the slice: its Service must be looked at. */
  isForeign(service: string, slice: EndpointSlice): boolean {
    const generation = this.#written.get(service)?.get(slice.metadata.uid!);
    return generation === undefined || generation === DELETED || (slice.metadata.generation ?? 0) > generation;
  }
  /** The slice is gone. True when that was our doing. */
  observeDeletion(service: string, slice: EndpointSlice): boolean {
    const written = this.#written.get(service);
    const ours = written?.get(slice.metadata.uid!) === DELETED;
    written?.delete(slice.metadata.uid!);
    return ours;
  }
  #of(service: string): Map<string, number> {
    let m = this.#written.get(service);
    if (!m) {
      m = new Map();
      this.#written.set(service, m);
    }
    return m;
  }
}
