/**
 * An ordered map of string keys in copy-on-write sorted chunks: `snapshot()` costs nothing until the next write, which
 * then copies one chunk and the list of chunks. Used by the memory store, the sqlite index and the watch caches; a
 * snapshot is what a paged list or a list at a revision reads from while writes go on.
 */

// A chunk is split when it grows past this. Larger chunks make inserts and copies dearer, smaller ones the chunk list.
const MAX_CHUNK = 128;

interface Chunk<V> {
  /** The map that may change this chunk in place. */
  owner: object;
  keys: string[];
  values: V[];
}

/** The smallest string that is greater than every string starting with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xffff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return undefined;
}

/** Index of the first key >= `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (keys[mid]! < key) low = mid + 1;
    else high = mid;
  }
  return low;
}

export class SortedMap<V> {
  #owner: object = {};
  #chunks: Chunk<V>[] = [];
  #chunksShared = false;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Index of the chunk that holds `key` or would take it. */
  #chunkFor(key: string): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (chunks[mid]!.keys[0]! <= key) low = mid + 1;
      else high = mid;
    }
    return low === 0 ? 0 : low - 1;
  }

  get(key: string): V | undefined {
    const chunk = this.#chunks[this.#chunkFor(key)];
    if (chunk === undefined) return undefined;
    const i = lowerBound(chunk.keys, key);
    return chunk.keys[i] === key ? chunk.values[i] : undefined;
  }

  /** Sets the key and returns what it held. */
  set(key: string, value: V): V | undefined {
    if (this.#chunks.length === 0) {
      this.#ownChunks().push({ owner: this.#owner, keys: [key], values: [value] });
      this.#size = 1;
      return undefined;
    }
    const c = this.#chunkFor(key);
    const chunk = this.#own(c);
    const i = lowerBound(chunk.keys, key);
    if (chunk.keys[i] === key) {
      const old = chunk.values[i];
      chunk.values[i] = value;
      return old;
    }
    chunk.keys.splice(i, 0, key);
    chunk.values.splice(i, 0, value);
    this.#size++;
    if (chunk.keys.length > MAX_CHUNK) this.#split(c, chunk);
    return undefined;
  }

  /** Removes the key and returns what it held. */
  delete(key: string): V | undefined {
    const c = this.#chunkFor(key);
    const shared = this.#chunks[c];
    if (shared === undefined) return undefined;
    const i = lowerBound(shared.keys, key);
    if (shared.keys[i] !== key) return undefined;
    const chunk = this.#own(c);
    const old = chunk.values[i];
    this.#size--;
    if (chunk.keys.length === 1) {
      this.#ownChunks().splice(c, 1);
    } else {
      chunk.keys.splice(i, 1);
      chunk.values.splice(i, 1);
    }
    return old;
  }

  /** A map with the same content; neither sees the other's later changes. */
  snapshot(): SortedMap<V> {
    const copy = new SortedMap<V>();
    copy.#chunks = this.#chunks;
    copy.#chunksShared = true;
    copy.#size = this.#size;
    this.#chunksShared = true;
    this.#owner = {};
    return copy;
  }

  /** How many keys are >= `start` and < `end`. */
  countRange(start: string, end: string | undefined): number {
    if (this.#chunks.length === 0) return 0;
    const from = this.#position(start);
    const to = end === undefined ? { chunk: this.#chunks.length, index: 0 } : this.#position(end);
    let n = to.index - from.index;
    for (let c = from.chunk; c < to.chunk; c++) n += this.#chunks[c]!.keys.length;
    return Math.max(n, 0);
  }

  /** Up to `limit` values of keys >= `start` and < `end`, in order. */
  range(start: string, end: string | undefined, limit = Number.POSITIVE_INFINITY): V[] {
    const out: V[] = [];
    if (this.#chunks.length === 0) return out;
    let { chunk: c, index: i } = this.#position(start);
    for (; c < this.#chunks.length; c++, i = 0) {
      const { keys, values } = this.#chunks[c]!;
      const whole = end === undefined || keys[keys.length - 1]! < end;
      const to = whole ? keys.length : lowerBound(keys, end);
      for (; i < to; i++) {
        if (out.length >= limit) return out;
        out.push(values[i]!);
      }
      if (!whole) break;
    }
    return out;
  }

  *entries(): IterableIterator<[string, V]> {
    for (const { keys, values } of this.#chunks) {
      for (let i = 0; i < keys.length; i++) yield [keys[i]!, values[i]!];
    }
  }

  #position(key: string): { chunk: number; index: number } {
    const chunk = this.#chunkFor(key);
    return { chunk, index: lowerBound(this.#chunks[chunk]!.keys, key) };
  }

  #ownChunks(): Chunk<V>[] {
    if (this.#chunksShared) {
      this.#chunks = this.#chunks.slice();
      this.#chunksShared = false;
    }
    return this.#chunks;
  }

  #own(c: number): Chunk<V> {
    const chunk = this.#chunks[c]!;
    if (chunk.owner === this.#owner) return chunk;
    const copy = { owner: this.#owner, keys: chunk.keys.slice(), values: chunk.values.slice() };
    this.#ownChunks()[c] = copy;
    return copy;
  }

  #split(c: number, chunk: Chunk<V>): void {
    // Loading in key order always splits the last chunk: leave it nearly full instead of half empty.
    const last = c === this.#chunks.length - 1;
    const at = last ? MAX_CHUNK - 8 : chunk.keys.length >>> 1;
    const right = { owner: this.#owner, keys: chunk.keys.splice(at), values: chunk.values.splice(at) };
    this.#ownChunks().splice(c + 1, 0, right);
  }
}
