/**
 * Storage in memory: tests and ephemeral clusters. Every operation takes effect synchronously and its promise settles on
 * a microtask, so that clusters on a virtual clock are deterministic. Nothing survives the process.
 */
import type { Clock } from '../../base/clock.ts';
import { compacted, conflict, futureRevision, keyExists, keyNotFound } from '../errors.ts';
import { Expirer } from '../expirer.ts';
import {
  type GetOptions,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Storage,
  type StorageCapabilities,
  StorageError,
  type SubscribeOptions,
  type Subscription,
  type WatchEvent,
  type WatchOptions,
  type WatchProgress,
  type WatchSink,
  type WriteOptions,
} from '../storage.ts';
import { WatchHub } from '../watch-hub.ts';
import { watchBySubscribing } from '../watch-stream.ts';
import { prefixEnd } from './sorted-map.ts';
import { type Change, VersionedMap } from './versioned-map.ts';

export interface MemoryStorageOptions {
  clock: Clock;
  /** Events a consumer of `watch` may be behind. */
  watchBuffer?: number;
}

export async function openMemoryStorage(options: MemoryStorageOptions): Promise<Storage> {
  return new MemoryStorage(options);
}

// Upstream's etcd answers the first write with revision 2: revision 1 is the empty store.
const EMPTY_REVISION = 1;

class MemoryStorage implements Storage {
  readonly capabilities: StorageCapabilities = { durable: false, shared: false };
  readonly #clock: Clock;
  readonly #watchBuffer: number | undefined;
  readonly #map = new VersionedMap<KeyValue>(EMPTY_REVISION, 0);
  readonly #hub = new WatchHub(EMPTY_REVISION);
  readonly #expirer: Expirer;
  #closed = false;

  constructor({ clock, watchBuffer }: MemoryStorageOptions) {
    this.#clock = clock;
    this.#watchBuffer = watchBuffer;
    this.#expirer = new Expirer(clock, (keys) => {
      for (const { key, revision } of keys) {
        if (this.#map.get(key)?.modRevision === revision) this.#commit(key, undefined, undefined);
      }
    });
  }

  async get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    this.#check(options?.signal);
    this.#checkReached(options?.minRevision);
    return this.#map.get(key);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#check(options.signal);
    this.#checkReached(options.revision ?? options.minRevision);
    const revision = options.revision ?? this.#map.revision;
    const limit = options.limit || Number.POSITIVE_INFINITY;
    // The later pages of a walk ask for this revision again: `at` keeps it.
    const map =
      options.revision === undefined && limit === Number.POSITIVE_INFINITY ? this.#map.now : this.#map.at(revision);
    if (map === undefined) throw compacted(revision, this.#map.compacted);
    const start = options.start ?? prefix;
    const end = prefixEnd(prefix);
    const items = map.range(start, end, limit);
    const remaining = items.length < limit ? 0 : map.countRange(`${items[items.length - 1]!.key}\0`, end);
    options.each && items.forEach(options.each);
    return { items: options.each ? [] : items, revision, more: remaining > 0, remaining };
  }

  async count(prefix: string): Promise<number> {
    this.#check(undefined);
    return this.#map.now.countRange(prefix, prefixEnd(prefix));
  }

  async create(key: string, value: Buffer, options?: WriteOptions): Promise<number> {
    this.#check(options?.signal);
    const existing = this.#map.get(key);
    if (existing !== undefined) throw keyExists(key, existing.modRevision);
    return this.#commit(key, value, options);
  }

  async update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<number> {
    this.#check(options?.signal);
    this.#expect(key, expected);
    return this.#commit(key, value, options);
  }

  async delete(key: string, expected: number, options?: WriteOptions): Promise<number> {
    this.#check(options?.signal);
    this.#expect(key, expected);
    return this.#commit(key, undefined, undefined);
  }

  watch(prefix: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent | WatchProgress>> {
    return watchBySubscribing(this, this.#clock, prefix, options, this.#watchBuffer);
  }

  async subscribe(prefix: string, options: SubscribeOptions, sink: WatchSink): Promise<Subscription> {
    this.#check(options.signal);
    const { after } = options;
    if (after === undefined) return this.#hub.subscribe(prefix, options, sink);
    return this.#hub.subscribe(prefix, options, sink, () => {
      const changes = this.#map.changesAfter(after);
      if (changes === undefined) throw compacted(after, this.#map.compacted);
      return {
        events: changes.filter((c) => c.key.startsWith(prefix)).map(toWatchEvent),
        upTo: this.#map.revision,
      };
    });
  }

  async currentRevision(): Promise<number> {
    this.#check(undefined);
    return this.#map.revision;
  }

  async compact(revision: number): Promise<void> {
    this.#check(undefined);
    this.#checkReached(revision);
    this.#map.compact(revision);
  }

  async size(): Promise<number> {
    this.#check(undefined);
    let size = 0;
    for (const { key, value } of this.#map.now.range('', undefined)) size += key.length + value.length;
    return size;
  }

  async healthy(signal?: AbortSignal): Promise<void> {
    this.#check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#expirer[Symbol.dispose]();
    this.#hub.close();
  }

  #commit(key: string, value: Buffer | undefined, options: WriteOptions | undefined): number {
    const revision = this.#map.revision + 1;
    const createRevision = this.#map.get(key)?.createRevision ?? revision;
    const current = value === undefined ? undefined : { key, value, modRevision: revision, createRevision };
    const change = this.#map.apply(key, revision, current);
    if (options?.ttlSeconds) this.#expirer.add(key, revision, this.#clock.now() + options.ttlSeconds * 1000);
    this.#hub.commit(this.#hub.idle ? [] : [toWatchEvent(change)], revision);
    return revision;
  }

  #expect(key: string, expected: number): void {
    const existing = this.#map.get(key);
    if (existing === undefined) throw keyNotFound(key);
    if (existing.modRevision !== expected) throw conflict(key, expected, existing.modRevision);
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closed) throw new StorageError('Closed', 'storage is closed');
  }

  #checkReached(revision: number | undefined): void {
    if (revision !== undefined && revision > this.#map.revision) throw futureRevision(revision, this.#map.revision);
  }
}

function toWatchEvent({ key, revision, current, previous }: Change<KeyValue>): WatchEvent {
  const event: WatchEvent =
    current === undefined
      ? { type: 'delete', key, revision }
      : { type: 'put', key, revision, value: current.value, createRevision: current.createRevision };
  if (previous !== undefined) event.previous = previous;
  else if (current !== undefined) event.created = true;
  return event;
}
