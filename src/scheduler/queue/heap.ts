/** A binary heap with removal by key. `less` must be a strict order. */
export class Heap<T> {
  readonly #less: (a: T, b: T) => boolean;
  readonly #key: (item: T) => string;
  readonly #items: T[] = [];
  readonly #index = new Map<string, number>();

  constructor(key: (item: T) => string, less: (a: T, b: T) => boolean) {
    this.#key = key;
    this.#less = less;
  }
  get size(): number {
    return this.#items.length;
  }
  has(key: string): boolean {
    return this.#index.has(key);
  }
  get(key: string): T | undefined {
    const i = this.#index.get(key);
    return i === undefined ? undefined : this.#items[i];
  }
  peek(): T | undefined {
    return this.#items[0];
  }
  /** Adds, or replaces the item of the same key. */
  set(item: T): void {
    const key = this.#key(item);
    const at = this.#index.get(key) ?? this.#items.length;
    this.#put(at, item);
    this.#up(at);
    this.#down(this.#index.get(key) ?? at);
  }
  pop(): T | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.delete(this.#key(top));
    return top;
  }
  delete(key: string): T | undefined {
    const at = this.#index.get(key);
    if (at === undefined) return undefined;
    const item = this.#items[at]!;
    const last = this.#items.pop()!;
    this.#index.delete(key);
    if (last !== item) {
      this.#put(at, last);
      this.#up(at);
      this.#down(this.#index.get(this.#key(last)) ?? at);
    }
    return item;
  }
  values(): readonly T[] {
    return this.#items;
  }
  #put(at: number, item: T): void {
    this.#items[at] = item;
    this.#index.set(this.#key(item), at);
  }
  #up(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#less(this.#items[i]!, this.#items[parent]!)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }
  #down(from: number): void {
    let i = from;
    for (;;) {
      let best = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#items.length && this.#less(this.#items[child]!, this.#items[best]!)) best = child;
      }
      if (best === i) return;
      this.#swap(i, best);
      i = best;
    }
  }
  #swap(a: number, b: number): void {
    const x = this.#items[a]!;
    this.#put(a, this.#items[b]!);
    this.#put(b, x);
  }
}
