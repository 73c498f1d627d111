/**
 * The cache behind an informer: objects by key, and by any number of indexes. Readers get a Lister; only the informer
 * writes. Cached objects are shared by everybody and never mutated (tests turn freezing on to catch who does).
 */
import type { KubeObject } from '../machinery/meta/object.ts';

/** `namespace/name`, or `name` of a cluster-scoped object. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyFor(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** Reading side of a cache. Arrays are the caller's own; the objects in them are not. */
export interface Lister<T> {
  readonly size: number;
  get(namespace: string | undefined, name: string): T | undefined;
  getByKey(key: string): T | undefined;
  /** All, or those of a namespace; in no particular order. */
  list(namespace?: string): T[];
  /** How many there are in a namespace. */
  count(namespace: string): number;
  /** Objects the index function of `index` gave `value` for. */
  byIndex(index: string, value: string): T[];
}

export type IndexFunction<T> = (object: T) => readonly string[];

let freezing = false;
/** Deep-freezes every object that goes into any cache of this process from now on. For tests. */
export function setCacheFreezing(on: boolean): void {
  freezing = on;
}
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const v of Object.values(value)) deepFreeze(v);
}

const NAMESPACE_INDEX = 'namespace';

export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #items = new Map<string, T>();
  readonly #indexes = new Map<string, { of: IndexFunction<T>; values: Map<string, Map<string, T>> }>();

  constructor() {
    this.addIndex(NAMESPACE_INDEX, (o) => [o.metadata.namespace ?? '']);
  }

  get size(): number {
    return this.#items.size;
  }
  /** Adds an index over what is there and what comes. The same name twice keeps the first. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index = { of, values: new Map<string, Map<string, T>>() };
    this.#indexes.set(name, index);
    for (const [key, item] of this.#items) for (const v of of(item)) insert(index.values, v, key, item);
  }
  get(namespace: string | undefined, name: string): T | undefined {
    return this.#items.get(keyFor(namespace, name));
  }
  getByKey(key: string): T | undefined {
    return this.#items.get(key);
  }
  keys(): string[] {
    return [...this.#items.keys()];
  }
  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#items.values()] : this.byIndex(NAMESPACE_INDEX, namespace);
  }
  count(namespace: string): number {
    return this.#indexes.get(NAMESPACE_INDEX)!.values.get(namespace)?.size ?? 0;
  }
  byIndex(index: string, value: string): T[] {
    const ix = this.#indexes.get(index);
    if (!ix) throw new Error(`no index ${index}`);
    const found = ix.values.get(value);
    return found ? [...found.values()] : [];
  }
  /** Puts `object` in; the answer is what it replaced. */
  put(key: string, object: T): T | undefined {
    if (freezing) deepFreeze(object);
    const old = this.#items.get(key);
    this.#items.set(key, object);
    for (const { of, values } of this.#indexes.values()) {
      if (old) for (const v of of(old)) remove(values, v, key);
      for (const v of of(object)) insert(values, v, key, object);
    }
    return old;
  }
  delete(key: string): T | undefined {
    const old = this.#items.get(key);
    if (!old) return undefined;
    this.#items.delete(key);
    for (const { of, values } of this.#indexes.values()) for (const v of of(old)) remove(values, v, key);
    return old;
  }
}

function insert<T>(values: Map<string, Map<string, T>>, value: string, key: string, item: T): void {
  const found = values.get(value);
  if (found) found.set(key, item);
  else values.set(value, new Map([[key, item]]));
}
function remove<T>(values: Map<string, Map<string, T>>, value: string, key: string): void {
  const found = values.get(value);
  found?.delete(key);
  if (found?.size === 0) values.delete(value);
}
