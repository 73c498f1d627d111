/**
 * A set of what comes and goes all the time: requests under way, writes on their way to the disk. Not a Map or a Set: V8 makes a new
 * table for those after every few dozen changes, and the table before points to it and keeps what was in it. Once one such table has
 * survived a major collection, every minor one takes all later ones, and what they hold, for alive: a fifth of all that requests
 * allocate was copied and promoted (docs/decisions/014).
 */
export class Slots<T extends object> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Where it is, until it is removed; then somebody else may be there. */
  add(item: T): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  get(slot: number): T | undefined {
    return this.#items[slot];
  }

  remove(slot: number): T | undefined {
    const item = this.#items[slot];
    if (item === undefined) return undefined;
    this.#items[slot] = undefined;
    this.#free.push(slot);
    return item;
  }

  find(isWanted: (item: T) => boolean): T | undefined {
    for (const item of this.#items) if (item !== undefined && isWanted(item)) return item;
    return undefined;
  }

  /** Empties it; answers what was there. */
  clear(): T[] {
    const all = [...this];
    this.#items.length = 0;
    this.#free.length = 0;
    return all;
  }

  /** In no order. What is removed meanwhile is left out. */
  *[Symbol.iterator](): Generator<T> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
