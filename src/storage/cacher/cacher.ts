/**
 * A store with watch caches over some of its prefixes. The registry asks `cacheFor` and reads from the caches; the
 * contract's own reads are answered from a cache where one holds the stored bytes unchanged, and passed on otherwise. Writes
 * always go to the store: the caches learn of them by their subscriptions.
 */
import type { Clock } from '../../base/clock.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import { Turns } from '../../base/turns.ts';
import { compacted } from '../errors.ts';
import type {
  GetOptions,
  KeyValue,
  ListOptions,
  ListResult,
  Storage,
  StorageCapabilities,
  SubscribeOptions,
  Subscription,
  WatchEvent,
  WatchOptions,
  WatchProgress,
  WatchSink,
  WriteOptions,
} from '../storage.ts';
import { watchBySubscribing } from '../watch-stream.ts';
import { FormBudget } from './form-budget.ts';
import { ObjectBudget } from './object-budget.ts';
import { RawCache } from './raw-cache.ts';
import { WatchCache } from './watch-cache.ts';
import type { WatchCacheOptions } from './watch-cache-options.ts';

export interface CacherOptions {
  clock: Clock;
  log?: Logger;
  /** Events a consumer of `watch` may be behind. */
  watchBuffer?: number;
}

export function openCacher(storage: Storage, options: CacherOptions): Cacher {
  return new Cacher(storage, options);
}

interface AnyCache extends AsyncDisposable {
  ready(signal?: AbortSignal): Promise<void>;
  compact(revision: number): void;
  tidy(): Iterable<void>;
}

export class Cacher implements Storage {
  readonly capabilities: StorageCapabilities;
  /** What lies under the caches. */
  readonly inner: Storage;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watchBuffer: number | undefined;
  readonly #budget = new ObjectBudget();
  readonly #forms = new FormBudget();
  readonly #caches = new Map<string, AnyCache>();
  readonly #raw = new Map<string, RawCache>();

  constructor(inner: Storage, { clock, log, watchBuffer }: CacherOptions) {
    this.inner = inner;
    this.capabilities = inner.capabilities;
    this.#clock = clock;
    this.#log = log ?? silentLogger;
    this.#watchBuffer = watchBuffer;
  }

  /** A cache over a prefix; starts to fill at once. Disposed with the cacher, or earlier by `release`. */
  cacheFor<T>(options: WatchCacheOptions<T>): WatchCache<T> {
    if (this.#caches.has(options.prefix)) throw new TypeError(`there is a cache over ${options.prefix} already`);
    const cache = new WatchCache<T>(options, {
      storage: this.inner,
      clock: this.#clock,
      log: this.#log,
      budget: this.#budget,
      forms: this.#forms,
    });
    this.#caches.set(options.prefix, cache);
    return cache;
  }

  /** Ends a cache (its resource is no longer served). Its watches end with 'Closed'. */
  async release(prefix: string): Promise<void> {
    const cache = this.#caches.get(prefix);
    this.#caches.delete(prefix);
    this.#raw.delete(prefix);
    await cache?.[Symbol.asyncDispose]();
  }

  /** A cache that answers the contract's own reads under this prefix. */
  cacheStored(prefix: string): void {
    const cache = new RawCache(prefix, { storage: this.inner, clock: this.#clock, log: this.#log });
    this.#caches.set(prefix, cache);
    this.#raw.set(prefix, cache);
  }

  /** Resolves when every cache that exists now is filled. */
  async ready(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#caches.values()].map((c) => c.ready(signal)));
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    const cache = this.#rawFor(key);
    return cache === undefined ? this.inner.get(key, options) : cache.get(key, options);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    const cache = this.#rawFor(prefix);
    return cache === undefined ? this.inner.list(prefix, options) : cache.list(prefix, options);
  }

  count(prefix: string): Promise<number> {
    return this.#rawFor(prefix)?.count(prefix) ?? this.inner.count(prefix);
  }

  create(key: string, value: Buffer, options?: WriteOptions): Promise<number> {
    return this.inner.create(key, value, options);
  }

  update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<number> {
    return this.inner.update(key, value, expected, options);
  }

  delete(key: string, expected: number, options?: WriteOptions): Promise<number> {
    return this.inner.delete(key, expected, options);
  }

  watch(prefix: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent | WatchProgress>> {
    return watchBySubscribing(this, this.#clock, prefix, options, this.#watchBuffer);
  }

  async subscribe(prefix: string, options: SubscribeOptions, sink: WatchSink): Promise<Subscription> {
    const cache = this.#rawFor(prefix);
    return cache === undefined
      ? this.inner.subscribe(prefix, options, sink)
      : cache.subscribe(prefix, options, sink, compacted);
  }

  currentRevision(): Promise<number> {
    return this.inner.currentRevision();
  }

  async compact(revision: number): Promise<void> {
    await this.inner.compact(revision);
    this.compacted(revision);
  }

  /** The store below was compacted, by whomever: pages and watches from before are refused here as they are there. */
  compacted(revision: number): void {
    for (const cache of this.#caches.values()) cache.compact(revision);
  }

  /** Gives up what can be made again, packs entries and closes the gaps between them, a slice at a time: for when there is nothing else to do. */
  async giveBack(signal: AbortSignal): Promise<void> {
    this.#budget.clear();
    const turns = Turns.of(this.#clock);
    for (const cache of this.#caches.values()) {
      for (const _ of cache.tidy()) {
        if (turns.isOver) await turns.next();
        if (signal.aborted) return;
      }
    }
  }

  size(): Promise<number> {
    return this.inner.size();
  }

  healthy(signal?: AbortSignal): Promise<void> {
    return this.inner.healthy(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#caches.values()].map((c) => c[Symbol.asyncDispose]()));
    await this.inner[Symbol.asyncDispose]();
  }

  #rawFor(key: string): RawCache | undefined {
    if (this.#raw.size === 0) return undefined;
    for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      const cache = this.#raw.get(key.slice(0, slash + 1));
      if (cache !== undefined) return cache;
    }
    return undefined;
  }
}
