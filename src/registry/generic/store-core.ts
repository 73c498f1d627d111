/**
 * What every verb of a resource's store shares: the row, its strategy, its keys, and the ways between cached entries, served
 * bytes and objects. One per served row; versions of one resource share keys and watch cache. Stored bytes are in the row's
 * storage version and carry no resourceVersion; served bytes are in the row's own version and do.
 */

import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { encodeJson, parseJson } from '../../machinery/codec/json.ts';
import { badRequest, type GroupResource } from '../../machinery/errors/status-error.ts';
import { cloneJson } from '../../machinery/meta/clone.ts';
import { encodeShared, keptAs } from '../../machinery/meta/encode-shared.ts';
import { type GroupVersionKind, type KubeObject, parseApiVersion } from '../../machinery/meta/object.ts';
import {
  encodeForStorage,
  metadataSpan,
  parseWithoutManagedFields,
  spliceResourceVersion,
} from '../../machinery/meta/resource-version.ts';
import type { CacheEntry } from '../../storage/cacher/cache-entry.ts';
import type { WatchCache } from '../../storage/cacher/watch-cache.ts';
import type { Storage } from '../../storage/storage.ts';
import { convert } from '../convert.ts';
import type { ResourceRow } from '../resource.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

export interface StoreOptions {
  row: ResourceRow;
  strategy: Strategy;
  /** Where writes go; what it commits shows up in `cache`. */
  storage: Storage;
  /** Of the row's storage prefix. */
  cache: WatchCache<KubeObject>;
  clock: Clock;
  random: Random;
}

/** What a write knows of its request. */
export interface WriteContext extends StrategyContext {
  readonly signal: AbortSignal;
}

export type Entry = CacheEntry<KubeObject>;

/** Labels and selectable fields; what selectors look at. */
export interface Selectable {
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

export class StoreCore {
  readonly row: ResourceRow;
  readonly strategy: Strategy;
  readonly storage: Storage;
  readonly cache: WatchCache<KubeObject>;
  readonly clock: Clock;
  readonly random: Random;
  readonly resource: GroupResource;
  /** `/registry/pods/`: every key of the resource starts with it. */
  readonly root: string;
  /** Selectable fields the cache has an index of. */
  readonly indexes: readonly string[];
  /** Bytes in storage are in the row's own version. */
  readonly isStorageVersion: boolean;
  readonly #shares: boolean;
  readonly #gvk: GroupVersionKind;
  readonly #slot: string;

  constructor(options: StoreOptions) {
    const { row } = options;
    this.row = row;
    this.strategy = options.strategy;
    this.storage = options.storage;
    this.cache = options.cache;
    this.clock = options.clock;
    this.random = options.random;
    this.resource = { group: row.group, resource: row.resource };
    this.root = storageRoot(row);
    this.indexes = indexedFields(row);
    this.#shares = options.strategy.sharesUnchanged === true;
    this.#gvk = { group: row.group, version: row.version, kind: row.kind };
    this.#slot = `${row.group}/${row.version} ${row.readThrough ?? ''}`;
    this.isStorageVersion =
      row.readThrough === undefined &&
      row.storage.group === row.group &&
      row.storage.version === row.version &&
      row.storage.kind === row.kind;
  }

  /** Prefix of a namespace's keys; of all keys when `namespace` is ''. */
  prefix(namespace: string): string {
    return namespace === '' || !this.row.namespaced ? this.root : `${this.root}${namespace}/`;
  }

  key(namespace: string, name: string): string {
    if (this.row.namespaced && namespace === '') throw badRequest('Namespace parameter required.');
    if (name === '') throw badRequest('Name parameter required.');
    const problem = pathSegmentProblem(name);
    if (problem !== undefined) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problem}`);
    return this.prefix(namespace) + name;
  }

  /** Object in the row's version → bytes to store. Where updates share, the object's parts stay as they are from here on. */
  toStorage(object: KubeObject): Buffer {
    if (this.isStorageVersion) return this.#shares ? encodeShared(object) : encodeForStorage(object);
    return encodeForStorage(convert(cloneJson(object), this.#gvk, this.row.storage));
  }

  /**
   * Does the write of `stored`, the bytes of `object`. Where updates share, the cache takes the object over instead of parsing the bytes:
   * nobody may change it afterwards.
   */
  write(stored: Buffer, object: KubeObject, write: () => Promise<number>): Promise<number> {
    if (!this.#shares || !this.isStorageVersion) return write();
    const seed = this.cache.seed(stored, object);
    const writing = write();
    const done = () => this.cache.unseed(seed);
    writing.then(done, done);
    return writing;
  }

  /** The JSON a client receives. */
  bytes(entry: Entry): Buffer {
    return this.isStorageVersion ? entry.bytes : Buffer.from(this.lent(entry));
  }

  /** As `bytes`, for whoever is done with them before anything is asked of another entry. */
  lent(entry: Entry): Buffer {
    if (this.isStorageVersion) return entry.lent;
    return entry.lentForm(`json ${this.#slot}`, () => encodeJson(this.object(entry)));
  }

  /** As `lent`, of which no more than the first `end` bytes are needed. */
  lentTo(entry: Entry, end: number): Buffer {
    return this.isStorageVersion ? entry.lentTo(end) : this.lent(entry);
  }

  /** An object an update may share with: one that was stored under this name, mostly the newest. Undefined where updates do not share. */
  known(namespace: string, name: string): KubeObject | undefined {
    if (!this.#shares) return undefined;
    const entry = this.cache.peek(this.prefix(namespace) + name);
    return entry && this.object(entry);
  }

  /** As `object`, for one look: without managedFields, which take longest, and not kept. For walks over everything. */
  glance(entry: Entry): KubeObject {
    if (!this.isStorageVersion) return this.object(entry);
    const bytes = entry.lent;
    const object = parseWithoutManagedFields(bytes, metadataSpan(bytes)) as KubeObject;
    if (this.#shares) this.strategy.default?.(object);
    return object;
  }

  /** Shared with everybody: never mutated. */
  object(entry: Entry): KubeObject {
    if (this.isStorageVersion) return entry.object;
    return entry.objectSlot(`object ${this.#slot}`, () => {
      const stored = parseJson(entry.lent) as KubeObject;
      const converted = convert(stored, this.#storedVersion(stored), this.#gvk);
      this.strategy.default?.(converted);
      return converted;
    });
  }

  /** Custom resources may be stored in any version that once was their storage version. */
  #storedVersion(stored: KubeObject): GroupVersionKind {
    if (this.row.readThrough === undefined) return this.row.storage;
    return { ...parseApiVersion(stored.apiVersion ?? ''), kind: stored.kind ?? '' };
  }

  /** The caller's own, with its resourceVersion. */
  copy(entry: Entry): KubeObject {
    return parseJson(this.lent(entry)) as KubeObject;
  }

  /** What a write answers: the served JSON of bytes just stored at `revision`; 0 (a dry run) leaves the revision out. */
  serve(object: KubeObject, stored: Buffer, revision: number, key?: string): Buffer {
    // The cache has heard of it before the writer: its bytes are the same, and made once for everybody.
    const entry = key !== undefined && this.isStorageVersion ? this.cache.peek(key) : undefined;
    if (entry !== undefined && entry.revision === revision) {
      if (this.#shares) entry.copiedFrom(keptAs(stored, entry.bytes));
      return entry.bytes;
    }
    const bytes = this.isStorageVersion ? stored : encodeForStorage(object);
    return revision === 0 ? bytes : spliceResourceVersion(bytes, revision);
  }

  selectable(entry: Entry): Selectable {
    if (this.isStorageVersion) return entry;
    return entry.slot(`selectable ${this.#slot}`, () => ({
      labels: this.object(entry).metadata.labels ?? NO_LABELS,
      fields: selectableFields(this.row, this.strategy, this.object(entry)),
    }));
  }
}

/** A kubelet watches its own pods: an index makes an event cost one node's watchers, not one selector for every kubelet. */
export function indexedFields(row: ResourceRow): readonly string[] {
  return row.group === '' && row.resource === 'pods' ? ['spec.nodeName'] : [];
}

export function storageRoot(row: ResourceRow): string {
  return `/registry/${row.storage.prefix}/`;
}

export function selectableFields(row: ResourceRow, strategy: Strategy, object: KubeObject): Record<string, string> {
  const fields: Record<string, string> = { ...strategy.fields?.(object), 'metadata.name': object.metadata.name ?? '' };
  if (row.namespaced) fields['metadata.namespace'] = object.metadata.namespace ?? '';
  return fields;
}

/** Upstream: apimachinery/pkg/api/validation/path/name.go */
export function pathSegmentProblem(name: string, prefix = false): string | undefined {
  if (!prefix && (name === '.' || name === '..')) return `may not be '${name}'`;
  if (!name.includes('/') && !name.includes('%')) return undefined;
  const found = ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
  return found.join(';');
}

/** Structural equality of JSON values. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isEqualJson(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  let n = 0;
  for (const k in x) {
    if (x[k] === undefined) continue;
    if (y[k] === undefined || !isEqualJson(x[k], y[k])) return false;
    n++;
  }
  for (const k in y) if (y[k] !== undefined) n--;
  return n === 0;
}
