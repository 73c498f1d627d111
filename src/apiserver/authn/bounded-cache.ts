/**
 * A map of at most `limit` entries that forgets those longest unread. Two generations: what is read of the older one moves to the
 * younger, which becomes the older when it holds half of the limit. So a read of what is read often costs one look-up.
 */
export class BoundedCache<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }
  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }
  set(key: K, value: V): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#half) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
