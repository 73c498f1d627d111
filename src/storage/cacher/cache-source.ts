/**
 * Where a watch cache gets its content from: fills it by a list, follows by a subscription, begins again when that is
 * lost. Also the reads that go past the cache: newest single keys and freshness on shared stores, revisions older than the history.
 */

import { background } from '../../base/background.ts';
import { Backoff } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { Slots } from '../../base/slots.ts';
import { closed } from '../errors.ts';
import { SortedMap } from '../memory/sorted-map.ts';
import { type Change, VersionedMap } from '../memory/versioned-map.ts';
import { type KeyValue, type Storage, StorageError, type Subscription, type WatchEvent } from '../storage.ts';
import { WatchHub } from '../watch-hub.ts';
import { CacheEntry, type EntryCodec } from './cache-entry.ts';
import type { FormBudget } from './form-budget.ts';
import type { ObjectBudget } from './object-budget.ts';
import { Packing } from './packing.ts';
import { Slabs } from './slabs.ts';
import type { WatchCacheOptions } from './watch-cache-options.ts';

export interface CacheSourceOptions {
  storage: Storage;
  budget?: ObjectBudget;
  forms?: FormBudget;
  clock: Clock;
  log: Logger;
}

export interface Content<T> {
  readonly map: VersionedMap<CacheEntry<T>>;
  readonly subscription: Subscription;
  /** The contract's face of the cache: raw events for `Storage.subscribe`. */
  readonly hub: WatchHub;
}

/** The object of a write that is under way. */
interface Seed<T> {
  readonly value: Buffer;
  readonly object: T;
}

export interface CacheListener<T> {
  changed(change: Change<CacheEntry<T>>): void;
  /** The content is no longer followed; it will be filled again unless the error is undefined (closed). */
  lost(error: StorageError | undefined): void;
}

// Contents from the store that are kept for the next page.
const KEPT_FETCHED = 4;
const FETCHED_MS = 60_000;
// Single reads that are better than one list.
const MANY = 64;
// How old a bookmark of an idle resource may be on a shared store, ms.
const PROGRESS_MS = 5_000;
// What was replaced: a part of what there is, within bounds.
const HISTORY = 1 / 8;
const MIN_HISTORY_BYTES = 8 << 20;
const MAX_HISTORY_BYTES = 32 << 20;
// A change in history without what it replaced.
const CHANGE_BYTES = 100;

export class CacheSource<T> implements AsyncDisposable {
  readonly clock: Clock;
  readonly shared: boolean;
  readonly codec: EntryCodec<T>;
  /** Changes that the store told of. */
  received = 0;
  readonly #prefix: string;
  readonly #storage: Storage;
  readonly #log: Logger;
  readonly #listener: CacheListener<T>;
  readonly #maxEvents: number;
  readonly #maxBytes: number | undefined;
  readonly #abort = new AbortController();
  #content: Content<T> | undefined;
  #filled: PromiseWithResolvers<Content<T>> = Promise.withResolvers();
  /** Kept over a refill: entries that did not change are taken over. */
  #old: VersionedMap<CacheEntry<T>> | undefined;
  /** Where the entries of the content, its history included, have their bytes. */
  #slabs = new Slabs();
  /** Bytes served of what is there now, and of what it replaced. */
  #presentBytes = 0;
  #historyBytes = 0;
  readonly #packing = new Packing();
  #forgetting: Timer | undefined;
  readonly #fetched = new Map<number, SortedMap<CacheEntry<T>>>();
  /** Objects of writes that are under way, by their bytes. */
  readonly #seeds = new Slots<Seed<T>>();

  constructor(
    options: WatchCacheOptions<T>,
    { storage, clock, log, budget, forms }: CacheSourceOptions,
    listener: CacheListener<T>,
  ) {
    this.clock = clock;
    this.shared = storage.capabilities.shared;
    this.codec = { ...codecOf(options, budget, forms), packForm: (name, bytes) => this.#packing.packForm(name, bytes) };
    this.#prefix = options.prefix;
    this.#storage = storage;
    this.#log = log;
    this.#listener = listener;
    this.#maxEvents = options.historyEvents ?? 20_000;
    this.#maxBytes = options.historyBytes;
    this.#filled.promise.catch(() => {});
    background(`watch cache ${options.prefix}`, this.#run(), log);
  }

  get revision(): number {
    return this.#content?.subscription.revision ?? 0;
  }

  peek(): Content<T> | undefined {
    return this.#content;
  }

  /** The content, once it is there. */
  async content(signal?: AbortSignal): Promise<Content<T>> {
    if (this.#content !== undefined) return this.#content;
    if (signal === undefined) return this.#filled.promise;
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#filled.promise, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async reached(revision: number, signal: AbortSignal): Promise<void> {
    const { subscription } = await this.content(signal);
    await subscription.reached(revision, signal);
  }

  seed(value: Buffer, object: T): number {
    return this.#seeds.add({ value, object });
  }

  unseed(slot: number): void {
    this.#seeds.remove(slot);
  }

  /** There are as many as there are writes under way: few, and found sooner one by one than by a table of them. */
  #seedOf(value: Buffer): T | undefined {
    return this.#seeds.find((seed) => seed.value === value)?.object;
  }

  /** The newest committed entry of a shared store. */
  async readThrough(key: string, signal: AbortSignal | undefined): Promise<CacheEntry<T> | undefined> {
    const kv = await this.#storage.get(key, signal && { signal });
    return kv === undefined ? undefined : this.#entryOf(kv);
  }

  currentRevision(): Promise<number> {
    return this.#storage.currentRevision();
  }

  /** The content at a revision that is not here: older than the history, or not known to be here yet. */
  async readAt(revision: number, signal: AbortSignal | undefined): Promise<SortedMap<CacheEntry<T>>> {
    const known = this.#fetched.get(revision);
    if (known !== undefined) return known;
    const { items } = await this.#storage.list(this.#prefix, { revision, ...(signal && { signal }) });
    const map = new SortedMap<CacheEntry<T>>();
    for (const kv of items) map.set(kv.key, this.#entryOf(kv));
    return this.#keep(revision, map);
  }

  /**
   * Makes sure, on a shared store, that the cache has everything that was committed when this was called. Where the
   * store cannot tell, the answer is made of the store's own list of keys and the entries that are here.
   */
  async confirm(
    signal: AbortSignal | undefined,
  ): Promise<{ map: SortedMap<CacheEntry<T>>; revision: number } | undefined> {
    const { subscription } = await this.content(signal);
    if (!subscription.reportsProgress) {
      const { items, revision } = await this.#storage.list(this.#prefix, {
        withoutValues: true,
        ...(signal && { signal }),
      });
      return { map: this.#keep(revision, await this.#complete(items, revision, signal)), revision };
    }
    const newest = await this.#storage.currentRevision();
    await subscription.reached(newest, signal);
    return undefined;
  }

  /** Forgets history up to `revision`, and answers kept from before it. */
  compact(revision: number): void {
    for (const change of this.#content?.map.compact(revision) ?? []) this.#forget(change);
    for (const kept of this.#fetched.keys()) if (kept < revision) this.#fetched.delete(kept);
  }

  /** Takes less memory, a little of the work at a time: for when there is nothing else to do. */
  *tidy(): Generator<void, void, undefined> {
    yield* this.#packing.pack(this.#slabs, () => this.#held());
    while (this.#slabs.tidy()) yield;
  }

  *#held(): Generator<CacheEntry<T>, void, undefined> {
    const { map } = this.#content ?? {};
    if (map === undefined) return;
    yield* map.now.range(this.#prefix, undefined);
    for (const { previous } of map.changesAfter(map.compacted) ?? []) if (previous !== undefined) yield previous;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#forgetting?.cancel();
    this.#lose(undefined);
    this.#filled.reject(closed());
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const backoff = new Backoff({ initial: 100, max: 5_000, jitter: 0.2 }, systemRandom);
    while (!signal.aborted) {
      const ended = Promise.withResolvers<StorageError | undefined>();
      const fill = new AbortController();
      try {
        await this.#fill(ended.resolve, AbortSignal.any([signal, fill.signal]));
        backoff.reset();
        const asking = this.shared
          ? this.clock.every(PROGRESS_MS, () => this.#content?.subscription.requestProgress())
          : undefined;
        const error = await ended.promise;
        asking?.cancel();
        if (signal.aborted) return;
        this.#lose(error ?? closed());
        if (error === undefined) {
          // The store was closed in order: nothing will come any more.
          this.#filled.reject(closed());
          return;
        }
        this.#log.warn('watch cache lost its source, filling again', { prefix: this.#prefix, err: error });
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof StorageError && err.code === 'Closed') {
          this.#filled.reject(err);
          return;
        }
        this.#log.warn('watch cache could not be filled, trying again', { prefix: this.#prefix, err });
        await this.clock.sleep(backoff.next(), signal).catch(() => {});
      } finally {
        fill.abort();
      }
    }
  }

  async #fill(onEnd: (error: StorageError | undefined) => void, signal: AbortSignal): Promise<void> {
    const slabs = new Slabs();
    const entries: CacheEntry<T>[] = [];
    const each = (kv: KeyValue, at: number) => {
      entries[at] = this.#entryOf(kv, slabs);
    };
    const { revision } = await this.#storage.list(this.#prefix, { signal, each });
    const map = new VersionedMap<CacheEntry<T>>(revision);
    this.#presentBytes = 0;
    for (const entry of entries) {
      map.load(entry.key, entry);
      this.#presentBytes += entry.size;
    }
    this.#packing.added();
    entries.length = 0;
    const hub = new WatchHub(revision);
    this.#slabs = slabs;
    this.#historyBytes = 0;
    let live = false;
    const early: (readonly WatchEvent[])[] = [];
    const subscription = await this.#storage.subscribe(
      this.#prefix,
      { after: revision, withoutPrevious: true, signal },
      {
        events: (events) => {
          if (live) this.#apply(map, hub, events);
          else early.push(events);
        },
        closed: (error) => onEnd(error),
      },
    );
    signal.throwIfAborted();
    live = true;
    for (const events of early) this.#apply(map, hub, events);
    this.#old = undefined;
    this.#content = { map, subscription, hub };
    this.#filled.resolve(this.#content);
  }

  #apply(map: VersionedMap<CacheEntry<T>>, hub: WatchHub, events: readonly WatchEvent[]): void {
    this.received += events.length;
    const raw: WatchEvent[] | undefined = hub.idle ? undefined : [];
    for (const event of events) {
      if (event.revision <= map.revision) continue;
      const entry =
        event.type === 'delete'
          ? undefined
          : this.#entryOf(
              {
                key: event.key,
                value: event.value!,
                modRevision: event.revision,
                createRevision: event.createRevision ?? event.revision,
              },
              this.#slabs,
            );
      // A delete of a key that was created and deleted while the list was being read.
      if (entry === undefined && map.get(event.key) === undefined) continue;
      const change = map.apply(event.key, event.revision, entry);
      this.#presentBytes += (entry?.size ?? 0) - (change.previous?.size ?? 0);
      this.#historyBytes += historySize(change);
      this.#packing.added();
      raw?.push(rawEvent(change));
      try {
        this.#listener.changed(change);
      } catch (err) {
        // Whatever goes wrong here must not stop the store that is committing.
        this.#log.error('a change could not be delivered', { key: event.key, revision: event.revision, err });
      }
    }
    const maxBytes = this.#maxHistoryBytes();
    while (map.historyLength > this.#maxEvents || this.#historyBytes > maxBytes) {
      const oldest = map.oldest;
      if (oldest === undefined) break;
      map.dropOldest();
      this.#forget(oldest);
    }
    if (events.length > 0) hub.commit(raw ?? [], events[events.length - 1]!.revision);
  }

  #maxHistoryBytes(): number {
    if (this.#maxBytes !== undefined) return this.#maxBytes;
    return Math.min(Math.max(this.#presentBytes * HISTORY, MIN_HISTORY_BYTES), MAX_HISTORY_BYTES);
  }

  /** The change is no longer history, and what it replaced no longer anywhere here. */
  #forget(change: Change<CacheEntry<T>>): void {
    this.#historyBytes -= historySize(change);
    if (change.previous !== undefined) this.#slabs.leave(change.previous);
  }

  #lose(error: StorageError | undefined): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#old = content.map;
    this.#content = undefined;
    this.#filled = Promise.withResolvers();
    this.#filled.promise.catch(() => {});
    this.#listener.lost(error ?? closed());
    content.hub.close(error);
  }

  /** The entry for a stored value: the one that is there already when it is the same write. With `slabs` it moves, or is made, there. */
  #entryOf(kv: KeyValue, slabs?: Slabs): CacheEntry<T> {
    const known = this.#known(kv.key);
    if (known?.revision === kv.modRevision) {
      if (slabs !== undefined) slabs.take(known);
      return known;
    }
    const at = { key: kv.key, revision: kv.modRevision, createRevision: kv.createRevision };
    return new CacheEntry<T>(this.codec, at, kv.value, { object: this.#seedOf(kv.value), ...(slabs && { slabs }) });
  }

  /** Entries for keys that were listed without values: nearly all are here; what is not yet is read. */
  async #complete(
    items: readonly KeyValue[],
    revision: number,
    signal: AbortSignal | undefined,
  ): Promise<SortedMap<CacheEntry<T>>> {
    const map = new SortedMap<CacheEntry<T>>();
    const missing: string[] = [];
    for (const { key, modRevision } of items) {
      const known = this.#known(key);
      if (known?.revision === modRevision) map.set(key, known);
      else missing.push(key);
    }
    if (missing.length > MANY) return this.readAt(revision, signal);
    await Promise.all(
      missing.map(async (key) => {
        const options = { revision, start: key, limit: 1, ...(signal && { signal }) };
        const [kv] = (await this.#storage.list(key, options)).items;
        if (kv?.key === key) map.set(key, this.#entryOf(kv));
      }),
    );
    return map;
  }

  /** Later pages of the same walk ask for the same revision. */
  #keep(revision: number, map: SortedMap<CacheEntry<T>>): SortedMap<CacheEntry<T>> {
    this.#fetched.set(revision, map);
    this.#forgetting?.cancel();
    this.#forgetting = this.clock.after(FETCHED_MS, () => this.#fetched.clear());
    for (const oldest of this.#fetched.keys()) {
      if (this.#fetched.size <= KEPT_FETCHED) break;
      this.#fetched.delete(oldest);
    }
    return map;
  }

  #known(key: string): CacheEntry<T> | undefined {
    return (this.#content?.map ?? this.#old)?.get(key);
  }
}

/** What a change in history takes: the bytes it replaced, and its own. */
function historySize<T>({ previous }: Change<CacheEntry<T>>): number {
  return (previous?.size ?? 0) + CHANGE_BYTES;
}

export function rawEvent<T>({ key, revision, current, previous }: Change<CacheEntry<T>>): WatchEvent {
  const event: WatchEvent =
    current === undefined
      ? { type: 'delete', key, revision }
      : { type: 'put', key, revision, value: current.bytes, createRevision: current.createRevision };
  if (previous !== undefined) event.previous = rawKeyValue(previous);
  else if (current !== undefined) event.created = true;
  return event;
}

export function rawKeyValue<T>(entry: CacheEntry<T>): KeyValue {
  return {
    key: entry.key,
    value: entry.bytes,
    modRevision: entry.revision,
    createRevision: entry.createRevision,
  };
}

interface Labelled {
  metadata?: { name?: string; namespace?: string; labels?: Record<string, string> };
}

function codecOf<T>(options: WatchCacheOptions<T>, budget?: ObjectBudget, forms?: FormBudget): EntryCodec<T> {
  const parse = options.parse ?? ((bytes) => JSON.parse(bytes.toString()) as T);
  return {
    ...(budget && { budget }),
    ...(forms && { forms }),
    serve: options.serve,
    parse,
    glance: options.glance ?? parse,
    labels: options.labels ?? ((object) => (object as Labelled).metadata?.labels ?? {}),
    fields:
      options.fields ??
      ((object) => {
        const { name = '', namespace = '' } = (object as Labelled).metadata ?? {};
        return { 'metadata.name': name, 'metadata.namespace': namespace };
      }),
  };
}
