/**
 * The watch cache of one resource: all keys under one prefix, kept current by a subscription to the store, with enough
 * history to resume watches and to list at recent revisions. The registry reads from here; every answer is entries, whose
 * bytes are ready to be sent. Upstream: apiserver/pkg/storage/cacher/{cacher,watch_cache}.go
 */
import { Turns } from '../../base/turns.ts';
import { futureRevision } from '../errors.ts';
import { prefixEnd, type SortedMap } from '../memory/sorted-map.ts';
import { StorageError } from '../storage.ts';
import type { CacheEntry } from './cache-entry.ts';
import { CacheIndex } from './cache-index.ts';
import { CacheSource, type CacheSourceOptions, type Content } from './cache-source.ts';
import { CacheWatch, type CacheWatchOptions } from './cache-watch.ts';
import { ChangeDeliveries, type Delivery, type Selector } from './delivery.ts';
import type { WatchCacheOptions } from './watch-cache-options.ts';
import { WatchRouter, type WatchScope } from './watch-router.ts';

/** A superset of what the selector selects, found without looking at every entry. */
export interface IndexHint {
  name: string;
  value: string;
}

export interface CacheGetOptions {
  /** Absent: newest committed. 0: whatever is there. */
  minRevision?: number;
  signal?: AbortSignal;
  /** How long to wait for a revision that lies ahead. Default 3 s, as upstream. */
  waitMs?: number;
}

export interface CacheListOptions<T> extends CacheGetOptions {
  /** Full key prefix; default the cache's. */
  prefix?: string;
  /** Full key to start at, inclusive. */
  start?: string;
  limit?: number;
  /** Exactly at this revision. */
  revision?: number;
  selector?: Selector<T>;
  index?: IndexHint;
}

export interface CacheList<T> {
  entries: CacheEntry<T>[];
  revision: number;
  more: boolean;
  /** Keys after the last one; absent when a selector or index makes it unknown. */
  remaining?: number;
  /** Where the next page starts, when there is more. */
  next?: string;
}

export interface CacheWatchRequest<T> extends CacheWatchOptions<T> {
  /** Changes with a greater revision. Absent: from now on. */
  after?: number;
  /** First the present state, then everything after it. Not together with `after`. */
  initial?: boolean;
  /** For `initial`: as in `CacheGetOptions`. */
  minRevision?: number;
  /** One of: keys under this prefix (ends with '/'; default all), this key, this value of an index. */
  prefix?: string;
  key?: string;
  index?: IndexHint;
  selector?: Selector<T>;
  waitMs?: number;
  signal: AbortSignal;
}

// Upstream: watch_cache.go blockTimeout
const WAIT_MS = 3_000;
// How often selecting looks whether its turn is over.
const SLICE_ENTRIES = 32;
// How often a store that does not report progress is asked whether a revision exists.
const POLL_MS = 100;

interface Found<T> {
  map: SortedMap<CacheEntry<T>>;
  revision: number;
  /** It is what the indexes describe. */
  current: boolean;
}

export class WatchCache<T> {
  readonly prefix: string;
  readonly #source: CacheSource<T>;
  readonly #router: WatchRouter<T>;
  readonly #indexes = new Map<string, CacheIndex<T>>();

  constructor(options: WatchCacheOptions<T>, source: CacheSourceOptions) {
    if (!options.prefix.endsWith('/')) throw new TypeError(`prefix ${options.prefix} does not end with '/'`);
    this.prefix = options.prefix;
    for (const [name, values] of Object.entries(options.indexes ?? {})) {
      this.#indexes.set(name, new CacheIndex(name, values));
    }
    this.#router = new WatchRouter(source.clock, (name, entry) => this.#index(name).values(entry));
    this.#source = new CacheSource<T>(options, source, {
      changed: (change) => {
        this.#router.route(change);
        for (const index of this.#indexes.values()) index.changed(change);
        change.previous?.retire();
      },
      lost: (error) => {
        this.#router.close(error);
        for (const index of this.#indexes.values()) index.reset();
      },
    });
  }

  /** Everything up to here is in the cache. */
  get revision(): number {
    return this.#source.revision;
  }

  /** Resolves when the cache is filled. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#source.content(signal);
  }

  get isReady(): boolean {
    return this.#source.peek() !== undefined;
  }

  /** What is there now; undefined also while the cache fills. */
  peek(key: string): CacheEntry<T> | undefined {
    return this.#source.peek()?.map.get(key);
  }

  /** What `get` would answer, where it need not wait; else 'wait'. */
  getNow(key: string, minRevision?: number): CacheEntry<T> | undefined | 'wait' {
    const content = this.#source.peek();
    if (content === undefined) return 'wait';
    if (minRevision === undefined ? this.#source.shared : minRevision > this.revision) return 'wait';
    return content.map.get(key);
  }

  /** What is there now under a prefix; 'wait' while the cache fills. */
  listNow(prefix: string): readonly CacheEntry<T>[] | 'wait' {
    return this.#source.peek()?.map.now.range(prefix, prefixEnd(prefix)) ?? 'wait';
  }

  async get(key: string, options: CacheGetOptions = {}): Promise<CacheEntry<T> | undefined> {
    options.signal?.throwIfAborted();
    const content = this.#source.peek() ?? (await this.#source.content(options.signal));
    if (options.minRevision === undefined) {
      return this.#source.shared ? this.#source.readThrough(key, options.signal) : content.map.get(key);
    }
    if (!(await this.#reach(options.minRevision, options))) return this.#source.readThrough(key, options.signal);
    return (this.#source.peek() ?? content).map.get(key);
  }

  async list(options: CacheListOptions<T> = {}): Promise<CacheList<T>> {
    options.signal?.throwIfAborted();
    const prefix = options.prefix ?? this.prefix;
    const prepared = await this.#prepare(options);
    // Nothing is awaited between here and the reading: content and revision belong together.
    const found = prepared ?? this.#present(options.limit !== undefined || options.selector !== undefined);
    const start = options.start ?? prefix;
    const end = prefixEnd(prefix);
    const limit = options.limit || Number.POSITIVE_INFINITY;
    const { selector, index } = options;
    if (selector === undefined && index === undefined) {
      const entries = found.map.range(start, end, limit);
      const after = entries.length < limit ? undefined : `${entries[entries.length - 1]!.key}\0`;
      const remaining = after === undefined ? 0 : found.map.countRange(after, end);
      return { entries, revision: found.revision, more: remaining > 0, remaining, ...nextOf(remaining > 0, after) };
    }
    const candidates =
      found.current && index !== undefined
        ? this.#index(index.name).lookup(index.value, found.map, start, end)
        : found.map.range(start, end);
    const matches = this.#matcher(selector, index);
    const { entries, scanned } = await this.#select(candidates, matches, limit, options.signal);
    const more = scanned < candidates.length;
    const last = entries[entries.length - 1];
    return { entries, revision: found.revision, more, ...nextOf(more, last && `${last.key}\0`) };
  }

  /** Changes that came from the store since the cache was made. */
  get received(): number {
    return this.#source.received;
  }

  /** How many keys are there now. */
  count(prefix: string = this.prefix): number {
    return this.#source.peek()?.map.now.countRange(prefix, prefixEnd(prefix)) ?? 0;
  }

  /** 'FutureRevision' when the revision is not reached within the wait. */
  async waitForRevision(revision: number, options: { signal?: AbortSignal; waitMs?: number } = {}): Promise<void> {
    await this.#source.content(options.signal);
    if (this.revision >= revision) return;
    const waitMs = options.waitMs ?? WAIT_MS;
    if (waitMs === 0) throw futureRevision(revision, this.revision);
    const late = new AbortController();
    const timer = this.#source.clock.after(waitMs, () => late.abort(futureRevision(revision, this.revision)));
    try {
      await this.#source.reached(
        revision,
        options.signal === undefined ? late.signal : AbortSignal.any([options.signal, late.signal]),
      );
    } finally {
      timer.cancel();
    }
  }

  /**
   * Hands over the object that `value` encodes, before writing it, so that the cache need not parse it. The caller must
   * not touch it afterwards; it gets its resourceVersion here. Answers what `unseed` wants.
   */
  seed(value: Buffer, object: T): number {
    return this.#source.seed(value, object);
  }

  /** The write has ended, well or not. */
  unseed(seed: number): void {
    this.#source.unseed(seed);
  }

  async watch(request: CacheWatchRequest<T>): Promise<CacheWatch<T>> {
    const { signal, selector } = request;
    signal.throwIfAborted();
    await this.#source.content(signal);
    const fetched = request.initial === true ? await this.#fresh(request) : undefined;
    // Nothing waits for `after`: while the cache, or the store itself, is not there yet, the watch leaves out what is not after it.
    signal.throwIfAborted();
    // From here to the registration nothing is awaited: no change can slip through.
    const content = this.#source.peek();
    if (content === undefined) throw refilling();
    const scope = this.#scope(request);
    const matches = this.#matcher(selector, request.index);
    const narrowed = selector ?? (request.index && indexSelector(request.index, matches!));
    const after = request.initial === true ? fetched?.revision : request.after;
    const history = after === undefined ? [] : this.#history(content, after, scope, narrowed);
    const group = this.#router.group(scope, narrowed);
    const watch = new CacheWatch<T>(group, request, { history, after: after ?? 0, revision: () => this.revision });
    group.add(watch);
    const onAbort = () => watch.close();
    signal.addEventListener('abort', onAbort, { once: true });
    if (request.initial !== true) return watch;
    const revision = fetched?.revision ?? this.revision;
    const candidates =
      fetched === undefined
        ? this.#initial(content, scope)
        : fetched.map.range(this.prefix, undefined).filter((e) => isInScope(scope, e.key));
    try {
      const entries =
        matches === undefined
          ? candidates
          : (await this.#select(candidates, matches, Number.POSITIVE_INFINITY, signal)).entries;
      watch.initial = { entries, revision };
      return watch;
    } catch (err) {
      watch.close();
      throw err;
    }
  }

  /** As `CacheSource.tidy`. */
  tidy(): Generator<void, void, undefined> {
    return this.#source.tidy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }

  /** History up to here is gone from the store: the cache, too, says so from now on. */
  compact(revision: number): void {
    this.#source.compact(revision);
  }

  /** Waits until the cache can answer; a result means that the answer comes from elsewhere and stays as it is. */
  async #prepare(options: CacheListOptions<T>): Promise<Found<T> | undefined> {
    if (options.revision === undefined) return this.#fresh(options);
    const { revision } = options;
    const isHere = await this.#reach(revision, options);
    const content = this.#source.peek() ?? (await this.#source.content(options.signal));
    const here = isHere ? content.map.at(revision) : undefined;
    return { map: here ?? (await this.#source.readAt(revision, options.signal)), revision, current: false };
  }

  /**
   * Waits until the revision exists. False: it does, but the cache may not have it yet and cannot find out (the store
   * does not report progress); the store must be asked.
   */
  async #reach(revision: number, options: CacheGetOptions): Promise<boolean> {
    if (revision <= this.revision && this.isReady) return true;
    const { subscription } = await this.#source.content(options.signal);
    if (subscription.reportsProgress) {
      await this.waitForRevision(revision, options);
      return true;
    }
    const end = this.#source.clock.monotonic() + (options.waitMs ?? WAIT_MS);
    while (revision > this.revision) {
      const current = await this.#source.currentRevision();
      if (current >= revision) return false;
      if (this.#source.clock.monotonic() >= end) throw futureRevision(revision, current);
      await this.#source.clock.sleep(POLL_MS, options.signal);
    }
    return true;
  }

  /** The content now; `still`: as a snapshot, because the answer awaits or later pages will walk on it. */
  #present(still: boolean): Found<T> {
    const content = this.#source.peek();
    if (content === undefined) throw refilling();
    const { map } = content;
    return {
      map: (still ? map.at(Math.max(map.revision, map.compacted)) : undefined) ?? map.now,
      revision: this.revision,
      current: true,
    };
  }

  /** Brings the cache up to what the options want. A result means: it could not, here is the store's own answer. */
  async #fresh(options: CacheGetOptions): Promise<Found<T> | undefined> {
    await this.#source.content(options.signal);
    if (options.minRevision !== undefined) {
      if (await this.#reach(options.minRevision, options)) return undefined;
    }
    const fetched = this.#source.shared ? await this.#source.confirm(options.signal) : undefined;
    return fetched && { ...fetched, current: false };
  }

  #index(name: string): CacheIndex<T> {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new TypeError(`no index ${name} on ${this.prefix}`);
    return index;
  }

  #scope(request: CacheWatchRequest<T>): WatchScope {
    if (request.key !== undefined) return { kind: 'key', key: request.key };
    if (request.index !== undefined) {
      this.#index(request.index.name);
      return { kind: 'index', ...request.index };
    }
    return { kind: 'prefix', prefix: request.prefix ?? this.prefix };
  }

  #matcher(selector: Selector<T> | undefined, index: IndexHint | undefined) {
    if (selector !== undefined) return (entry: CacheEntry<T>) => selector.matches(entry);
    if (index === undefined) return undefined;
    return (entry: CacheEntry<T>) => this.#index(index.name).values(entry).includes(index.value);
  }

  #history(content: Content<T>, after: number, scope: WatchScope, selector: Selector<T> | undefined): Delivery<T>[] {
    const changes = content.map.changesAfter(after);
    if (changes === undefined) {
      throw new StorageError('Compacted', `too old resource version: ${after} (${content.map.compacted})`, {
        revision: content.map.compacted,
      });
    }
    const out: Delivery<T>[] = [];
    for (const change of changes) {
      if (!isInScope(scope, change.key)) continue;
      const delivery = new ChangeDeliveries<T>(change).through(selector);
      if (delivery !== undefined) out.push(delivery);
    }
    return out;
  }

  #initial(content: Content<T>, scope: WatchScope): CacheEntry<T>[] {
    const { now } = content.map;
    if (scope.kind === 'prefix') return now.range(scope.prefix, prefixEnd(scope.prefix));
    if (scope.kind === 'index') return this.#index(scope.name).lookup(scope.value, now, this.prefix, undefined);
    const entry = now.get(scope.key);
    return entry === undefined ? [] : [entry];
  }

  /** Filters, giving the event loop back every few milliseconds: matching may have to parse. */
  async #select(
    candidates: readonly CacheEntry<T>[],
    matches: ((entry: CacheEntry<T>) => boolean) | undefined,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<{ entries: CacheEntry<T>[]; scanned: number }> {
    const entries: CacheEntry<T>[] = [];
    let scanned = 0;
    const turns = Turns.of(this.#source.clock);
    while (scanned < candidates.length && entries.length < limit) {
      const entry = candidates[scanned++]!;
      if (matches === undefined || matches(entry)) entries.push(entry);
      if (scanned % SLICE_ENTRIES === 0 && turns.isOver) {
        await turns.next();
        signal?.throwIfAborted();
      }
    }
    return { entries, scanned };
  }
}

function nextOf(more: boolean, next: string | undefined): { next?: string } {
  return more && next !== undefined ? { next } : {};
}

function refilling(): StorageError {
  return new StorageError('Unavailable', 'the watch cache is being filled again');
}

/** Whether the key may be in scope; an index is decided by its selector. */
function isInScope(scope: WatchScope, key: string): boolean {
  return scope.kind === 'key' ? key === scope.key : scope.kind === 'index' || key.startsWith(scope.prefix);
}

function indexSelector<T>(index: IndexHint, matches: (entry: CacheEntry<T>) => boolean): Selector<T> {
  return { id: `index:${index.name}=${index.value}`, matches };
}
