/**
 * The stores of an API server, one per served row, made on first use; rows of one storage prefix share one watch cache.
 * Strategies come from `strategyOf`, so that custom resources need nothing here.
 */
import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { parseJson } from '../../machinery/codec/json.ts';
import type { GroupResource } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import {
  metadataSpan,
  parseWithoutManagedFields,
  spliceResourceVersion,
  storedJson,
} from '../../machinery/meta/resource-version.ts';
import type { CacheEntry } from '../../storage/cacher/cache-entry.ts';
import type { Cacher } from '../../storage/cacher/cacher.ts';
import type { WatchCache } from '../../storage/cacher/watch-cache.ts';
import type { ResourceRow } from '../resource.ts';
import { indexedFields, StoreCore, selectableFields, storageRoot } from './store-core.ts';
import type { Strategy } from './strategy.ts';

export interface StoresOptions {
  cacher: Cacher;
  clock: Clock;
  random: Random;
  strategyOf(row: ResourceRow): Strategy;
  /** The row that stands for the storage version of a row; the row itself when absent. */
  storageRowOf?(row: ResourceRow): ResourceRow | undefined;
}

const EMPTY: Readonly<Record<string, string>> = Object.freeze({});

export class Stores {
  readonly #options: StoresOptions;
  readonly #stores = new Map<ResourceRow, StoreCore>();
  readonly #caches = new Map<string, WatchCache<KubeObject>>();

  constructor(options: StoresOptions) {
    this.#options = options;
  }

  forRow(row: ResourceRow): StoreCore {
    let store = this.#stores.get(row);
    if (store === undefined) {
      const { cacher, clock, random, strategyOf } = this.#options;
      store = new StoreCore({
        row,
        strategy: strategyOf(row),
        storage: cacher,
        cache: this.#cacheOf(row),
        clock,
        random,
      });
      this.#stores.set(row, store);
    }
    return store;
  }

  /**
   * Forgets rows that are served no more, or no more as they were. Their caches end (watches on them are closed, clients watch
   * again), since what a cache knows of labels and fields came from the row. Answers the stores that are void now.
   */
  drop(rows: readonly ResourceRow[]): ReadonlySet<StoreCore> {
    const roots = new Set(rows.map(storageRoot));
    const dropped = new Set<StoreCore>();
    for (const [row, store] of this.#stores) {
      if (!roots.has(store.root)) continue;
      this.#stores.delete(row);
      dropped.add(store);
    }
    for (const root of roots) {
      if (!this.#caches.delete(root)) continue;
      background('release of a watch cache', this.#options.cacher.release(root));
    }
    return dropped;
  }

  /** What the caches hold and have received, one a place in storage: several versions, or groups, may share it. */
  *held(): Generator<{ resource: GroupResource; objects: number; received: number }> {
    const seen = new Set<string>();
    for (const { root, row } of this.#stores.values()) {
      const cache = this.#caches.get(root);
      if (cache === undefined || seen.has(root)) continue;
      seen.add(root);
      const resource = { group: row.storage.group, resource: row.resource };
      yield { resource, objects: cache.count(), received: cache.received };
    }
  }

  #cacheOf(row: ResourceRow): WatchCache<KubeObject> {
    const prefix = storageRoot(row);
    let cache = this.#caches.get(prefix);
    if (cache === undefined) {
      const storageRow = this.#options.storageRowOf?.(row) ?? row;
      const strategy = this.#options.strategyOf(storageRow);
      const defaulted = (object: KubeObject): KubeObject => {
        if (strategy.sharesUnchanged === true) strategy.default?.(object);
        return object;
      };
      cache = this.#options.cacher.cacheFor<KubeObject>({
        prefix,
        serve: (value, revision, _key, allocate) => spliceResourceVersion(storedJson(value), revision, allocate),
        parse: (bytes) => defaulted(parseJson(bytes) as KubeObject),
        glance: (bytes) => defaulted(parseWithoutManagedFields(bytes, metadataSpan(bytes)) as KubeObject),
        labels: (object) => object.metadata.labels ?? EMPTY,
        fields: (object) => selectableFields(storageRow, strategy, object),
        indexes: Object.fromEntries(
          indexedFields(storageRow).map((field) => [
            field,
            (entry: CacheEntry<KubeObject>) => [entry.fields[field] ?? ''],
          ]),
        ),
      });
      this.#caches.set(prefix, cache);
    }
    return cache;
  }
}
