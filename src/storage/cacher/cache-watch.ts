/**
 * One watcher of a watch cache, and the group of watchers that see exactly the same deliveries (same scope, same
 * selector). Nothing here ever waits: a paused watcher keeps references to the shared batches, and one that keeps too many is closed.
 */
import { StorageError } from '../storage.ts';
import type { CacheEntry } from './cache-entry.ts';
import { type ChangeDeliveries, type Delivery, type Selector, WatchBatch } from './delivery.ts';

export interface CacheWatchOptions<T> {
  /** Called synchronously, at most once per tick while running, more often right after `resume`. */
  onBatch(batch: WatchBatch<T>): void;
  /** Called once. undefined: aborted or closed by the owner; 'Overrun', 'Unavailable', 'Closed' otherwise. */
  onClose(error: StorageError | undefined): void;
  /** Deliveries held while paused; beyond it the watch ends with 'Overrun'. */
  maxPending?: number;
}

export interface WatchStart<T> {
  /** What happened after `after`, up to now. */
  history: Delivery<T>[];
  after: number;
  /** How far the cache is. */
  revision(): number;
}

export class CacheWatch<T> {
  /** What was there when the watch began, when asked for. Drop the reference once it is sent. */
  initial: { entries: CacheEntry<T>[]; revision: number } | undefined;
  readonly #options: CacheWatchOptions<T>;
  readonly #group: WatchGroup<T>;
  readonly #after: number;
  readonly #revisionOfCache: () => number;
  #backlog: WatchBatch<T>[] = [];
  #pending = 0;
  #limit: number;
  #running = false;
  #closed = false;

  constructor(group: WatchGroup<T>, options: CacheWatchOptions<T>, start: WatchStart<T>) {
    const { history } = start;
    this.#group = group;
    this.#options = options;
    this.#after = start.after;
    this.#revisionOfCache = start.revision;
    // In slices, so that a response that fills up can stop in between.
    for (let i = 0; i < history.length; i += 256) this.#backlog.push(new WatchBatch(history.slice(i, i + 256)));
    this.#pending = history.length;
    this.#limit = history.length + (options.maxPending ?? 10_000);
  }

  /** Begins or goes on with delivering. A watch begins paused. */
  resume(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#drain();
  }

  /** Stops delivering until `resume`: the response's buffer is full. */
  pause(): void {
    this.#running = false;
  }

  /** Every change up to here was handed over, so a bookmark may say so; undefined while something is pending. */
  get progress(): number | undefined {
    if (this.#backlog.length > 0 || this.#group.hasPending) return undefined;
    // A watch may begin ahead of the cache, and of the store: a bookmark never takes its client back.
    return Math.max(this.#revisionOfCache(), this.#after);
  }

  close(error?: StorageError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#running = false;
    this.#backlog = [];
    this.#group.remove(this);
    this.#options.onClose(error);
  }

  /** Called by the group. */
  deliver(shared: WatchBatch<T>): void {
    if (this.#closed) return;
    let batch = shared;
    if (batch.deliveries[0]!.revision <= this.#after) {
      // The snapshot this watch began with was newer than the cache.
      const wanted = batch.deliveries.filter((d) => d.revision > this.#after);
      if (wanted.length === 0) return;
      batch = new WatchBatch(wanted);
    }
    if (this.#running && this.#backlog.length === 0) {
      this.#hand(batch);
      return;
    }
    this.#pending += batch.deliveries.length;
    if (this.#pending > this.#limit) {
      this.close(new StorageError('Overrun', 'the watcher is too slow'));
      return;
    }
    this.#backlog.push(batch);
  }

  #hand(batch: WatchBatch<T>): void {
    try {
      this.#options.onBatch(batch);
    } catch (err) {
      // One watcher's failure is nobody else's: the store that is committing and the other watchers go on.
      this.close(new StorageError('Unavailable', 'the watch failed', { cause: err }));
    }
  }

  #drain(): void {
    let next = 0;
    while (this.#running && next < this.#backlog.length) {
      const batch = this.#backlog[next++]!;
      this.#pending -= batch.deliveries.length;
      this.#hand(batch);
    }
    if (next > 0) this.#backlog = this.#backlog.slice(next);
  }
}

/** A batch on its way to those who watched when it was made. */
interface Handing<T> {
  readonly batch: WatchBatch<T>;
  readonly watches: readonly CacheWatch<T>[];
  /** Of its objects. */
  readonly bytes: number;
  next: number;
}

export class WatchGroup<T> {
  readonly selector: Selector<T> | undefined;
  readonly #watches = new Set<CacheWatch<T>>();
  readonly #onEmpty: () => void;
  #pending: Delivery<T>[] = [];
  #handing: Handing<T> | undefined;

  constructor(selector: Selector<T> | undefined, onEmpty: () => void) {
    this.selector = selector;
    this.#onEmpty = onEmpty;
  }
  get hasPending(): boolean {
    return this.#pending.length > 0 || this.#handing !== undefined;
  }
  add(watch: CacheWatch<T>): void {
    this.#watches.add(watch);
  }
  remove(watch: CacheWatch<T>): void {
    if (this.#watches.delete(watch) && this.#watches.size === 0) this.#onEmpty();
  }
  /** Takes a change in; true when it shows and a flush is due. */
  offer(deliveries: ChangeDeliveries<T>): boolean {
    const delivery = deliveries.through(this.selector);
    if (delivery === undefined) return false;
    this.#pending.push(delivery);
    return true;
  }
  /** Makes a batch of what is pending, to be handed over; answers how many bytes that is for all watches. The one before must be through. */
  gather(): number {
    if (this.#pending.length === 0) return 0;
    let bytes = 0;
    for (const { entry } of this.#pending) bytes += entry.size;
    this.#handing = { batch: new WatchBatch(this.#pending), watches: [...this.#watches], bytes, next: 0 };
    this.#pending = [];
    return bytes * this.#watches.size;
  }
  /** Hands the batch to as many watches as it takes to write `room` bytes; answers what is left of them. 0 or less: there may be more to do. */
  handOver(room: number): number {
    for (let left = room; ; ) {
      const handing = this.#handing;
      const watch = handing?.watches[handing.next];
      if (handing === undefined || watch === undefined) {
        this.#handing = undefined;
        return left;
      }
      if (left <= 0) return left;
      handing.next++;
      left -= handing.bytes;
      watch.deliver(handing.batch);
    }
  }
  /** Hands everything over. */
  flush(): void {
    this.handOver(Number.POSITIVE_INFINITY);
    this.gather();
    this.handOver(Number.POSITIVE_INFINITY);
  }
  close(error: StorageError | undefined): void {
    for (const watch of [...this.#watches]) watch.close(error);
  }
}
