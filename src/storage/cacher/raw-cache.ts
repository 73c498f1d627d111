/**
 * The contract's reads answered from a watch cache that holds stored bytes unchanged. On a shared store the cache first
 * confirms that it is as new as the store; revisions ahead of it are the store's to judge.
 */
import { closed } from '../errors.ts';
import { prefixEnd } from '../memory/sorted-map.ts';
import type {
  GetOptions,
  KeyValue,
  ListOptions,
  ListResult,
  Storage,
  StorageError,
  SubscribeOptions,
  Subscription,
  WatchSink,
} from '../storage.ts';
import { CacheSource, type CacheSourceOptions, type Content, rawEvent, rawKeyValue } from './cache-source.ts';

export class RawCache implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #source: CacheSource<unknown>;

  constructor(prefix: string, options: CacheSourceOptions) {
    this.#storage = options.storage;
    this.#source = new CacheSource<unknown>({ prefix }, options, { changed() {}, lost() {} });
  }

  async ready(signal?: AbortSignal): Promise<void> {
    await this.#source.content(signal);
  }

  async get(key: string, options: GetOptions): Promise<KeyValue | undefined> {
    options.signal?.throwIfAborted();
    const { map } = await this.#source.content(options.signal);
    if (options.minRevision === undefined && this.#source.shared) return this.#storage.get(key, options);
    if ((options.minRevision ?? 0) > this.#source.revision) return this.#storage.get(key, options);
    const entry = map.get(key);
    return entry && rawKeyValue(entry);
  }

  async list(prefix: string, options: ListOptions): Promise<ListResult> {
    options.signal?.throwIfAborted();
    await this.#source.content(options.signal);
    const wanted = options.revision ?? options.minRevision;
    if (wanted !== undefined && wanted > this.#source.revision) return this.#storage.list(prefix, options);
    const fetched =
      wanted === undefined && this.#source.shared ? await this.#source.confirm(options.signal) : undefined;
    const { map } = this.#content();
    const limit = options.limit || Number.POSITIVE_INFINITY;
    const revision = fetched?.revision ?? options.revision ?? this.#source.revision;
    const newest = options.revision === undefined && limit === Number.POSITIVE_INFINITY ? map.now : map.at(revision);
    const content = fetched?.map ?? newest;
    if (content === undefined) return this.#storage.list(prefix, options);
    const end = prefixEnd(prefix);
    const entries = content.range(options.start ?? prefix, end, limit);
    const remaining = entries.length < limit ? 0 : content.countRange(`${entries[entries.length - 1]!.key}\0`, end);
    const items = entries.map(rawKeyValue);
    options.each && items.forEach(options.each);
    return { items: options.each ? [] : items, revision, more: remaining > 0, remaining };
  }

  async count(prefix: string): Promise<number> {
    await this.#source.content();
    return this.#source.shared
      ? this.#storage.count(prefix)
      : this.#content().map.now.countRange(prefix, prefixEnd(prefix));
  }

  async subscribe(
    prefix: string,
    options: SubscribeOptions,
    sink: WatchSink,
    compacted: (revision: number, compactedRevision: number) => StorageError,
  ): Promise<Subscription> {
    options.signal.throwIfAborted();
    await this.#source.content(options.signal);
    // "From now on" on a shared store: the cache may be behind, and changes before this call are not wanted.
    const after = options.after ?? (this.#source.shared ? await this.#storage.currentRevision() : undefined);
    const { map, hub, subscription } = this.#content();
    if (after === undefined) return covering(await hub.subscribe(prefix, options, sink), subscription);
    if (after < map.compacted) return this.#storage.subscribe(prefix, options, sink);
    const own = await hub.subscribe(prefix, { ...options, after }, sink, () => {
      const changes = map.changesAfter(after);
      if (changes === undefined) throw compacted(after, map.compacted);
      return { events: changes.filter((c) => c.key.startsWith(prefix)).map(rawEvent), upTo: map.revision };
    });
    return covering(own, subscription);
  }

  compact(revision: number): void {
    this.#source.compact(revision);
  }

  /** As `CacheSource.tidy`. */
  tidy(): Generator<void, void, undefined> {
    return this.#source.tidy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }

  #content(): Content<unknown> {
    const content = this.#source.peek();
    if (content === undefined) throw closed();
    return content;
  }
}

/** The hub of a cache knows only the changes of its prefix; how far they reach, the cache's own subscription knows. */
function covering(own: Subscription, source: Subscription): Subscription {
  return {
    get revision() {
      return Math.max(own.revision, source.revision);
    },
    reached: (revision, signal) => source.reached(revision, signal),
    requestProgress: () => source.requestProgress(),
    reportsProgress: source.reportsProgress,
  };
}
