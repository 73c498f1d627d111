/**
 * Own writes a cache must have seen before a key is synced again. A StatefulSet's sync on a cache that misses its own last
 * write would count wrongly and undo it. Upstream: pkg/controller/util/consistency
 */
import type { Informer } from '../client/informer.ts';
import type { KubeObject } from '../machinery/meta/object.ts';

export class Consistency {
  readonly #written = new Map<string, Map<Informer<KubeObject>, bigint>>();

  /** The server answered a write on behalf of `key` with `object`, which `informer` will show. */
  wrote<T extends KubeObject>(key: string, informer: Informer<T>, object: T): void {
    const byInformer = this.#written.get(key) ?? new Map<Informer<KubeObject>, bigint>();
    this.#written.set(key, byInformer);
    const revision = BigInt(object.metadata.resourceVersion ?? '0');
    const wide = informer as unknown as Informer<KubeObject>;
    if (revision > (byInformer.get(wide) ?? 0n)) byInformer.set(wide, revision);
  }

  /** True when all caches are at least as new as our last writes for `key`. */
  isReady(key: string): boolean {
    const byInformer = this.#written.get(key);
    if (!byInformer) return true;
    for (const [informer, revision] of byInformer) {
      if (BigInt(informer.revision || '0') < revision) return false;
    }
    this.#written.delete(key);
    return true;
  }

  clear(key: string): void {
    this.#written.delete(key);
  }
}
