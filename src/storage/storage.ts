/**
 * The storage contract: an ordered map of keys to bytes with etcd's semantics. Four implementations (memory, sqlite,
 * etcd3, cacher) pass one suite (testing/storage-suite.ts); nothing above this line may tell them apart except by
 * `capabilities`.
 *
 * Revisions are positive integers from one counter for the whole store. Every successful write takes the next one
 * (never reused, also after a crash), and it becomes the key's mod revision. A write is acknowledged only when it is as
 * durable as the implementation promises; an acknowledged write survives kill -9.
 *
 * Keys are text without characters beyond the basic plane, so that JavaScript's order is byte order.
 *
 * Values are opaque and immutable: an implementation hands out the same Buffer to many callers, nobody writes into it.
 * Values do not contain their own resourceVersion; the registry splices the mod revision in.
 */

/** One key at one revision. */
export interface KeyValue {
  key: string;
  value: Buffer;
  /** Revision of the key's newest write: the object's resourceVersion. */
  modRevision: number;
  /** Revision of the write that created the key. */
  createRevision: number;
}

export interface ListResult {
  items: KeyValue[];
  /** The revision the list is exact at: every item is as of this revision, none newer. */
  revision: number;
  /** True when `limit` cut the list. */
  more: boolean;
  /** Keys after the last one returned (exact at `revision`); 0 when `more` is false. */
  remaining: number;
}

/** A committed change, delivered in revision order, each exactly once a watcher. */
export interface WatchEvent {
  type: 'put' | 'delete';
  key: string;
  /** Revision of this change. For a delete: the revision of the deletion. */
  revision: number;
  /** The bytes after a put; absent for a delete. */
  value?: Buffer;
  /** What the key held before; absent when it did not exist. */
  previous?: KeyValue;
  /** Set on put: the key did not exist before this change. */
  created?: boolean;
  createRevision?: number;
}

/**
 * Nothing has happened up to `revision` that was not delivered. Sent on request (`progress`), also while idle;
 * a watcher learns from it that it is up to date.
 */
export interface WatchProgress {
  type: 'progress';
  revision: number;
}

export interface GetOptions {
  /** The answer is at least as new as this revision (0: any, may be old); absent: newest committed. */
  minRevision?: number;
  signal?: AbortSignal;
}

export interface ListOptions {
  /** Exactly at this revision. `StorageError('Compacted')` when gone, 'FutureRevision' when not reached yet. */
  revision?: number;
  /** At least as new as this revision (0: any, may be old). Not together with `revision`. */
  minRevision?: number;
  /** First key to return, inclusive; must lie under the prefix. For a continue, the last key returned + '\0'. */
  start?: string;
  /** At most this many items; 0 or absent: all. */
  limit?: number;
  /** The caller needs keys and revisions only: values may be left empty where that saves their transport. */
  withoutValues?: boolean;
  /**
   * Takes the items one by one, in any order, `at` being an item's place; `items` of the result is empty then. A value is the caller's
   * during the call only: it is copied or done with. So a list of everything need not hold all of it twice.
   */
  each?(item: KeyValue, at: number): void;
  signal?: AbortSignal;
}

export interface WatchOptions {
  /** Deliver changes with revision > `after`. Absent: from now on. 'Compacted' when changes after it are gone. */
  after?: number;
  /** Also deliver `progress` about every `progressMs` while the watcher is up to date. */
  progressMs?: number;
  /** Leave `previous` out of the events: cheaper where the implementation would have to read it back. */
  withoutPrevious?: boolean;
  signal: AbortSignal;
}

export interface SubscribeOptions {
  /** As in `WatchOptions`. */
  after?: number;
  withoutPrevious?: boolean;
  signal: AbortSignal;
}

/** Where a subscription pushes to. Called synchronously and never awaited; it must not throw. */
export interface WatchSink {
  /** Changes in revision order, without gap or repeat. The array belongs to the caller and may be shared. */
  events(events: readonly WatchEvent[]): void;
  /** The subscription has ended: undefined after an abort or when the store was closed in order, the error otherwise. */
  closed(error: StorageError | undefined): void;
}

export interface Subscription {
  /** Every change up to here was pushed to the sink. Moves on without events when changes lie under other prefixes. */
  readonly revision: number;
  /**
   * Resolves when `revision` has reached the given one, asking a shared store for its progress if need be. Rejects
   * with the signal's reason, or with the error that ended the subscription.
   */
  reached(revision: number, signal?: AbortSignal): Promise<void>;
  /** Asks a shared store how far it is; the answer moves `revision`. Nothing to do where that is always known. */
  requestProgress(): void;
  /** False when `reached` can only wait for the next change under the prefix (etcd servers that report progress wrongly). */
  readonly reportsProgress: boolean;
}

export interface WriteOptions {
  /** The key goes away by itself this many seconds after the write (events); a later write without it makes it stay. */
  ttlSeconds?: number;
  signal?: AbortSignal;
}

/** What differs between implementations and may matter above. */
export interface StorageCapabilities {
  /** False: all is lost when the process ends. */
  durable: boolean;
  /** True: other processes may write to the same store. A read "newest committed" then asks the store. */
  shared: boolean;
}

export interface Storage extends AsyncDisposable {
  readonly capabilities: StorageCapabilities;

  /** The key, or undefined when it does not exist. */
  get(key: string, options?: GetOptions): Promise<KeyValue | undefined>;

  /** All keys that start with `prefix`, in byte order of the key. */
  list(prefix: string, options?: ListOptions): Promise<ListResult>;

  /** How many keys start with `prefix`, now. */
  count(prefix: string): Promise<number>;

  /** Creates the key. `StorageError('KeyExists')` when it is there already. Returns the new mod revision. */
  create(key: string, value: Buffer, options?: WriteOptions): Promise<number>;

  /**
   * Replaces the value if the key's mod revision is still `expected`. `StorageError('Conflict')` (with the revision it has now)
   * when it is not, 'KeyNotFound' when the key does not exist. Callers own the retry: read, change, write again.
   */
  update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<number>;

  /** Deletes the key if its mod revision is still `expected`. Errors as `update`. Returns the deletion's revision. */
  delete(key: string, expected: number, options?: WriteOptions): Promise<number>;

  /**
   * Changes under `prefix` in revision order, without gap or repeat, until the signal aborts (the iterator then returns).
   * The consumer is never awaited: one that falls behind the implementation's buffer ends with `StorageError('Overrun')`;
   * one that asks for compacted revisions ends with 'Compacted'. The watch is established when the promise resolves:
   * a write that starts afterwards is delivered.
   */
  watch(prefix: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent | WatchProgress>>;

  /**
   * The callback door under `watch`: events are pushed as soon as they are committed, before the promise of the write
   * that made them resolves (shared stores: soon after). The subscription is established when the promise resolves;
   * changes between `after` and that moment are pushed first.
   */
  subscribe(prefix: string, options: SubscribeOptions, sink: WatchSink): Promise<Subscription>;

  /** The newest committed revision. */
  currentRevision(): Promise<number>;

  /** Forgets history up to and including `revision` (values that are still current stay). Idempotent. */
  compact(revision: number): Promise<void>;

  /** Bytes that the store takes where it lies: its files; in memory what keys and values are now. For metrics. */
  size(): Promise<number>;

  /** Resolves when the store answers; rejects with 'Unavailable' otherwise. For /readyz and /livez. */
  healthy(signal?: AbortSignal): Promise<void>;
}

export type StorageErrorCode =
  | 'KeyNotFound'
  | 'KeyExists'
  | 'Conflict'
  | 'Compacted'
  | 'FutureRevision'
  | 'Overrun'
  | 'Unavailable'
  | 'Corrupt'
  | 'NoSpace'
  | 'TooLarge'
  | 'Closed';

/** The only error that leaves src/storage (besides the reason of an aborted signal). */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  readonly key: string | undefined;
  /** Conflict: the revision the key has now. Compacted: the compacted revision. FutureRevision: the current one. */
  readonly revision: number | undefined;
  constructor(
    code: StorageErrorCode,
    message: string,
    options: { key?: string; revision?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StorageError';
    this.code = code;
    this.key = options.key;
    this.revision = options.revision;
  }
}

export function isStorageError(err: unknown, code: StorageErrorCode): boolean {
  return err instanceof StorageError && err.code === code;
}
