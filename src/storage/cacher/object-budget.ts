/**
 * How many parsed objects the caches keep: a parsed object takes several times the memory of its bytes, so only those that were parsed
 * or written last are kept, by the bytes they were made of. Shared by all caches of a server.
 */
export interface Forgetful {
  /** Bytes the object was made of. */
  readonly size: number;
  /** Gives up the parsed object; it is made again when somebody asks. */
  forgetObject(): void;
}

const DEFAULT_BYTES = 4 << 20;

export class ObjectBudget {
  readonly #max: number;
  /** In the order in which they came. */
  readonly #kept = new Map<Forgetful, number>();
  #bytes = 0;

  constructor(maxBytes = DEFAULT_BYTES) {
    this.#max = maxBytes;
  }

  /** `entry` has a parsed object now. */
  add(entry: Forgetful): void {
    if (this.#kept.has(entry)) return;
    const { size } = entry;
    this.#kept.set(entry, size);
    this.#bytes += size;
    while (this.#bytes > this.#max && this.#kept.size > 1) {
      const [oldest] = this.#kept.keys();
      this.remove(oldest!);
      oldest!.forgetObject();
    }
  }

  /** `entry` has none any more, or will not be asked for it. */
  remove(entry: Forgetful): void {
    const size = this.#kept.get(entry);
    if (size === undefined) return;
    this.#kept.delete(entry);
    this.#bytes -= size;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
