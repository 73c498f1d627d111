/**
 * Keys by a value derived from their entries (pods by spec.nodeName). Costs nothing until somebody asks; then it is built
 * once and follows every change.
 */
import type { SortedMap } from '../memory/sorted-map.ts';
import type { Change } from '../memory/versioned-map.ts';
import type { CacheEntry } from './cache-entry.ts';

export class CacheIndex<T> {
  readonly #slot: string;
  readonly #derive: (entry: CacheEntry<T>) => readonly string[];
  #keys: Map<string, Set<string>> | undefined;

  constructor(name: string, derive: (entry: CacheEntry<T>) => readonly string[]) {
    this.#slot = `index:${name}`;
    this.#derive = derive;
  }

  values(entry: CacheEntry<T>): readonly string[] {
    return entry.slot(this.#slot, (e) => {
      try {
        return this.#derive(e);
      } catch {
        // Cannot be parsed: it has no values.
        return [];
      }
    });
  }

  /** The entries of `map` (the present content) with this value and `start` <= key < `end`, in key order. */
  lookup(value: string, map: SortedMap<CacheEntry<T>>, start: string, end: string | undefined): CacheEntry<T>[] {
    if (this.#keys === undefined) {
      this.#keys = new Map();
      for (const [key, entry] of map.entries()) for (const v of this.values(entry)) this.#add(v, key);
    }
    const keys = [...(this.#keys.get(value) ?? [])].filter((k) => k >= start && (end === undefined || k < end)).sort();
    const out: CacheEntry<T>[] = [];
    for (const key of keys) {
      const entry = map.get(key);
      if (entry !== undefined) out.push(entry);
    }
    return out;
  }

  changed({ key, current, previous }: Change<CacheEntry<T>>): void {
    if (this.#keys === undefined) return;
    const now = current === undefined ? [] : this.values(current);
    if (previous !== undefined) for (const v of this.values(previous)) if (!now.includes(v)) this.#remove(v, key);
    for (const v of now) this.#add(v, key);
  }

  /** The content was replaced as a whole. */
  reset(): void {
    this.#keys = undefined;
  }

  #add(value: string, key: string): void {
    const keys = this.#keys!.get(value);
    if (keys === undefined) this.#keys!.set(value, new Set([key]));
    else keys.add(key);
  }

  #remove(value: string, key: string): void {
    const keys = this.#keys!.get(value);
    if (keys === undefined) return;
    keys.delete(key);
    if (keys.size === 0) this.#keys!.delete(value);
  }
}
