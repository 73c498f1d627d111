/** How one resource is cached. Given by the registry, read by the watch cache and its source. */
import type { CacheEntry, Serve } from './cache-entry.ts';

export interface WatchCacheOptions<T> {
  /** `/registry/pods/`; ends with '/'. */
  prefix: string;
  /** Stored bytes → served JSON with resourceVersion. Must also take served bytes of an older revision. Absent: unchanged. */
  serve?: Serve;
  /** Default: JSON.parse. */
  parse?(bytes: Buffer): T;
  /** As `parse`, of what `labels` and `fields` look at. */
  glance?(bytes: Buffer): T;
  /** Default: metadata.labels. */
  labels?(object: T): Readonly<Record<string, string>>;
  /** Default: metadata.name and metadata.namespace. */
  fields?(object: T): Readonly<Record<string, string>>;
  /** Made when first asked for, kept current from then on. */
  indexes?: Readonly<Record<string, (entry: CacheEntry<T>) => readonly string[]>>;
  /** Bounds of the history. Default 20 000 changes; superseded bytes: an eighth of what there is, between 8 and 32 MB. */
  historyEvents?: number;
  historyBytes?: number;
}
