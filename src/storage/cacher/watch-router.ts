/**
 * Finds the groups of watchers a change concerns without asking each: by exact key, by path prefix (all, namespace), by
 * the value of an index (pods of one node). Groups are flushed on a microtask, all changes of a tick together; where a flush takes long,
 * because thousands watch, it gives way to other work in between, and more changes are gathered before the next.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Change } from '../memory/versioned-map.ts';
import type { StorageError } from '../storage.ts';
import type { CacheEntry } from './cache-entry.ts';
import { WatchGroup } from './cache-watch.ts';
import { ChangeDeliveries, type Selector } from './delivery.ts';

export type WatchScope =
  | { kind: 'prefix'; prefix: string }
  | { kind: 'key'; key: string }
  | { kind: 'index'; name: string; value: string };

/** The values an entry has in an index. */
export type IndexValues<T> = (name: string, entry: CacheEntry<T>) => readonly string[];

/**
 * After a flush nothing is flushed for so many times as long as it took, and what the sockets do of it afterwards takes twice that: ten events in one
 * write cost a watcher little more than one.
 */
const REST = 10;
const LEAST_REST_MS = 1;
const MOST_REST_MS = 25;
/** What is handed over between two passes of the loop. Encrypting and sending it takes 1 ms, and what is sent at once is still in the processor's cache. */
const LEAST_SLICE = 2 ** 20;
/** Whoever writes as fast as possible would else get ahead of those who watch: each pass lets new changes in. */
const MOST_SLICES = 16;

/** Groups by selector id. */
type Groups<T> = Map<string, WatchGroup<T>>;

export class WatchRouter<T> {
  readonly #indexValues: IndexValues<T>;
  readonly #byKey = new Map<string, Groups<T>>();
  readonly #byPrefix = new Map<string, Groups<T>>();
  readonly #byIndex = new Map<string, Map<string, Groups<T>>>();
  readonly #dirty = new Set<WatchGroup<T>>();
  /** Those of the flush under way that are not through. */
  readonly #flushing: WatchGroup<T>[] = [];
  /** Of this flush, in bytes. */
  #slice = LEAST_SLICE;
  /** What this flush took so far, ms. */
  #spent = 0;
  readonly #clock: Clock;
  #flushDue = false;
  #restsUntil = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, indexValues: IndexValues<T>) {
    this.#clock = clock;
    this.#indexValues = indexValues;
  }

  /** The group for scope and selector, flushed: a watch that joins has seen everything routed so far. */
  group(scope: WatchScope, selector: Selector<T> | undefined): WatchGroup<T> {
    const { map, key } = this.#place(scope);
    let groups = map.get(key);
    if (groups === undefined) {
      groups = new Map();
      map.set(key, groups);
    }
    const id = selector?.id ?? '';
    let group = groups.get(id);
    if (group === undefined) {
      const own = groups;
      const made = new WatchGroup<T>(selector, () => {
        this.#dirty.delete(made);
        own.delete(id);
        if (own.size === 0) map.delete(key);
      });
      group = made;
      groups.set(id, group);
    }
    group.flush();
    return group;
  }

  route(change: Change<CacheEntry<T>>): void {
    const deliveries = new ChangeDeliveries<T>(change);
    const { key } = change;
    this.#offer(this.#byKey.get(key), deliveries);
    if (this.#byPrefix.size > 0) {
      for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
        this.#offer(this.#byPrefix.get(key.slice(0, slash + 1)), deliveries);
      }
    }
    for (const [name, byValue] of this.#byIndex) {
      if (byValue.size === 0) continue;
      const now = change.current === undefined ? [] : this.#indexValues(name, change.current);
      const before = change.previous === undefined ? [] : this.#indexValues(name, change.previous);
      for (const value of now) this.#offer(byValue.get(value), deliveries);
      for (const value of before) if (!now.includes(value)) this.#offer(byValue.get(value), deliveries);
    }
    if (this.#dirty.size > 0 && !this.#flushDue) this.#soon();
  }

  #soon(): void {
    this.#flushDue = true;
    const rest = this.#restsUntil - this.#clock.monotonic();
    if (rest < LEAST_REST_MS) queueMicrotask(() => this.#flush());
    else this.#timer = this.#clock.after(rest, () => this.#flush());
  }

  #flush(): void {
    this.#timer = undefined;
    let bytes = 0;
    for (const group of this.#dirty) {
      bytes += group.gather();
      this.#flushing.push(group);
    }
    this.#dirty.clear();
    this.#slice = Math.max(LEAST_SLICE, bytes / MOST_SLICES);
    this.#spent = 0;
    this.#handOver();
  }

  #handOver(): void {
    const began = this.#clock.monotonic();
    let room = this.#slice;
    for (let group = this.#flushing.at(-1); group !== undefined; group = this.#flushing.at(-1)) {
      room = group.handOver(room);
      if (room > 0) this.#flushing.pop();
      // On a virtual clock all goes at once.
      else if (this.#clock.monotonic() === began) room = this.#slice;
      else {
        this.#spent += this.#clock.monotonic() - began;
        setImmediate(() => this.#handOver());
        return;
      }
    }
    const ended = this.#clock.monotonic();
    this.#restsUntil = ended + Math.min(REST * (this.#spent + ended - began), MOST_REST_MS);
    this.#flushDue = false;
    if (this.#dirty.size > 0) this.#soon();
  }

  /** Ends every watch. */
  close(error: StorageError | undefined): void {
    this.#timer?.cancel();
    for (const group of [...this.#flushing, ...this.#dirty]) group.flush();
    this.#dirty.clear();
    const maps = [this.#byKey, this.#byPrefix, ...this.#byIndex.values()];
    for (const map of maps) {
      for (const groups of [...map.values()]) for (const group of [...groups.values()]) group.close(error);
    }
  }

  #offer(groups: Groups<T> | undefined, deliveries: ChangeDeliveries<T>): void {
    if (groups === undefined) return;
    for (const group of groups.values()) if (group.offer(deliveries)) this.#dirty.add(group);
  }

  #place(scope: WatchScope): { map: Map<string, Groups<T>>; key: string } {
    if (scope.kind === 'key') return { map: this.#byKey, key: scope.key };
    if (scope.kind === 'prefix') return { map: this.#byPrefix, key: scope.prefix };
    let byValue = this.#byIndex.get(scope.name);
    if (byValue === undefined) {
      byValue = new Map();
      this.#byIndex.set(scope.name, byValue);
    }
    return { map: byValue, key: scope.value };
  }
}
