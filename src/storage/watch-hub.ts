/**
 * Fan-out of committed changes to subscriptions by prefix, for stores whose commits all pass through this process
 * (memory, sqlite). `commit` pushes synchronously, so that a writer's own change is everywhere before its promise resolves.
 */
import { StorageError, type SubscribeOptions, type Subscription, type WatchEvent, type WatchSink } from './storage.ts';

class HubSubscription implements Subscription {
  readonly prefix: string;
  readonly sink: WatchSink;
  readonly reportsProgress = true;
  readonly withoutPrevious: boolean;
  /** Changes up to here are not wanted. */
  readonly after: number;
  readonly #hub: WatchHub;
  /** Changes that were committed while older ones were still being read; undefined once live. */
  held: WatchEvent[] | undefined;
  ended: { error: StorageError | undefined } | undefined;

  constructor(hub: WatchHub, prefix: string, sink: WatchSink, options: SubscribeOptions) {
    this.#hub = hub;
    this.prefix = prefix;
    this.sink = sink;
    this.withoutPrevious = options.withoutPrevious === true;
    this.after = options.after ?? 0;
  }
  get revision(): number {
    return this.#hub.revision;
  }
  reached(revision: number, signal?: AbortSignal): Promise<void> {
    return this.#hub.reached(revision, signal);
  }
  requestProgress(): void {}
}

/** All changes under the prefix after the wanted revision, up to and including `upTo`. */
export interface PastEvents {
  events: readonly WatchEvent[];
  upTo: number;
}

export class WatchHub {
  #revision: number;
  /** Prefixes that end with '/': found by cutting the key at its slashes. */
  readonly #byPath = new Map<string, Set<HubSubscription>>();
  /** All other prefixes. */
  readonly #others = new Set<HubSubscription>();
  #waiters: { revision: number; resolve: () => void; reject: (err: unknown) => void }[] = [];
  #wantPrevious = 0;
  #closed = false;

  constructor(revision: number) {
    this.#revision = revision;
  }
  /** All changes up to here were pushed. */
  get revision(): number {
    return this.#revision;
  }
  /** Whether anybody needs `previous` in events. */
  get wantsPrevious(): boolean {
    return this.#wantPrevious > 0;
  }
  get idle(): boolean {
    return this.#byPath.size === 0 && this.#others.size === 0;
  }

  /**
   * Adds a subscription. When `past` is given it supplies the older changes, which are pushed first while newer ones
   * are held back; its answer may come at once or later.
   */
  async subscribe(
    prefix: string,
    options: SubscribeOptions,
    sink: WatchSink,
    past?: () => PastEvents | Promise<PastEvents>,
  ): Promise<Subscription> {
    options.signal.throwIfAborted();
    if (this.#closed) throw new StorageError('Closed', 'storage is closed');
    const sub = new HubSubscription(this, prefix, sink, options);
    if (past !== undefined) sub.held = [];
    this.#add(sub);
    options.signal.addEventListener('abort', () => this.#end(sub, undefined), { once: true });
    if (past === undefined) return sub;
    try {
      const found = past();
      const { events, upTo } = found instanceof Promise ? await found : found;
      options.signal.throwIfAborted();
      if (sub.ended !== undefined) throw sub.ended.error ?? new StorageError('Closed', 'storage is closed');
      if (events.length > 0) sink.events(events);
      const held = sub.held!.filter((e) => e.revision > upTo);
      sub.held = undefined;
      if (held.length > 0) sink.events(held);
      return sub;
    } catch (err) {
      sub.ended = { error: undefined };
      this.#remove(sub);
      throw err;
    }
  }

  /** Pushes committed changes, in revision order, and moves the revision on. */
  commit(events: readonly WatchEvent[], revision: number): void {
    this.#revision = revision;
    if (events.length === 1) {
      const batch = events;
      this.#match(events[0]!.key, (sub) => this.#push(sub, batch));
    } else if (events.length > 1 && !this.idle) {
      const batches = new Map<HubSubscription, WatchEvent[]>();
      for (const event of events) {
        this.#match(event.key, (sub) => {
          const batch = batches.get(sub);
          if (batch === undefined) batches.set(sub, [event]);
          else batch.push(event);
        });
      }
      for (const [sub, batch] of batches) this.#push(sub, batch);
    }
    if (this.#waiters.length > 0) {
      const due = this.#waiters.filter((w) => w.revision <= revision);
      this.#waiters = this.#waiters.filter((w) => w.revision > revision);
      for (const w of due) w.resolve();
    }
  }

  reached(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    if (this.#closed) return Promise.reject(new StorageError('Closed', 'storage is closed'));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((w) => w !== waiter);
        reject(signal?.reason);
      };
      const done = () => signal?.removeEventListener('abort', onAbort);
      const waiter = {
        revision,
        resolve: () => {
          done();
          resolve();
        },
        reject: (err: unknown) => {
          done();
          reject(err);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Ends every subscription. */
  close(error?: StorageError): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const set of [...this.#byPath.values()]) for (const sub of [...set]) this.#end(sub, error);
    for (const sub of [...this.#others]) this.#end(sub, error);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w.reject(error ?? new StorageError('Closed', 'storage is closed'));
  }

  #push(sub: HubSubscription, batch: readonly WatchEvent[]): void {
    if (sub.after >= batch[0]!.revision) {
      const wanted = batch.filter((e) => e.revision > sub.after);
      if (wanted.length > 0) this.#push(sub, wanted);
    } else if (sub.held !== undefined) sub.held.push(...batch);
    else sub.sink.events(batch);
  }

  #match(key: string, visit: (sub: HubSubscription) => void): void {
    if (this.#byPath.size > 0) {
      for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
        const set = this.#byPath.get(key.slice(0, slash + 1));
        if (set !== undefined) for (const sub of set) visit(sub);
      }
    }
    for (const sub of this.#others) if (key.startsWith(sub.prefix)) visit(sub);
  }

  #add(sub: HubSubscription): void {
    if (!sub.withoutPrevious) this.#wantPrevious++;
    if (!sub.prefix.endsWith('/')) {
      this.#others.add(sub);
      return;
    }
    const set = this.#byPath.get(sub.prefix);
    if (set === undefined) this.#byPath.set(sub.prefix, new Set([sub]));
    else set.add(sub);
  }

  #remove(sub: HubSubscription): boolean {
    const set = this.#byPath.get(sub.prefix);
    const removed = (set?.delete(sub) ?? false) || this.#others.delete(sub);
    if (set?.size === 0) this.#byPath.delete(sub.prefix);
    if (removed && !sub.withoutPrevious) this.#wantPrevious--;
    return removed;
  }

  #end(sub: HubSubscription, error: StorageError | undefined): void {
    if (!this.#remove(sub) || sub.ended !== undefined) return;
    sub.ended = { error };
    // While older changes are being read the caller of subscribe() hears of the end by its promise.
    if (sub.held === undefined) sub.sink.closed(error);
  }
}
