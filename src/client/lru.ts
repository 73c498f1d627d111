/** A map of at most `size` entries that forgets what was used longest ago. */
export class LruMap<K, V> {
  readonly #size: number;
  readonly #map = new Map<K, V>();
  constructor(size: number) {
    this.#size = size;
  }
  get(key: K): V | undefined {
    const value = this.#map.get(key);
    if (value === undefined) return undefined;
    this.#map.delete(key);
    this.#map.set(key, value);
    return value;
  }
  set(key: K, value: V): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size > this.#size) this.#map.delete(this.#map.keys().next().value as K);
  }
}
