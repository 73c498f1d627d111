/**
 * How many parsed objects the caches keep: a parsed object takes several times the memory of its bytes, so only those that were parsed
 * or written last are kept, by the bytes they were made of. Shared by all caches of a server.
 */
export interface Forgetful {
  /** Bytes the object was made of. */
  readonly size: number;
  /** Set by the budget alone. */
  budgeted: Budgeted | undefined;
  /** Gives up the parsed object; it is made again when somebody asks. */
  forgetObject(): void;
}

/** A place in the row of what is kept, opaque to everybody else. What left it points to nobody (see base/slots.ts). */
export interface Budgeted {
  readonly entry: Forgetful;
  readonly size: number;
  older: Budgeted | undefined;
  newer: Budgeted | undefined;
}

const DEFAULT_BYTES = 4 << 20;

export class ObjectBudget {
  readonly #max: number;
  #oldest: Budgeted | undefined;
  #newest: Budgeted | undefined;
  #bytes = 0;

  constructor(maxBytes = DEFAULT_BYTES) {
    this.#max = maxBytes;
  }

  /** `entry` has a parsed object now. */
  add(entry: Forgetful): void {
    if (entry.budgeted !== undefined) return;
    const { size } = entry;
    const newest: Budgeted = { entry, size, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = newest;
    else this.#newest.newer = newest;
    this.#newest = newest;
    entry.budgeted = newest;
    this.#bytes += size;
    while (this.#bytes > this.#max && this.#oldest !== newest) {
      const { entry: oldest } = this.#oldest!;
      this.remove(oldest);
      oldest.forgetObject();
    }
  }

  /** `entry` has none any more, or will not be asked for it. */
  remove(entry: Forgetful): void {
    const { budgeted } = entry;
    if (budgeted === undefined) return;
    const { older, newer, size } = budgeted;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    budgeted.older = undefined;
    budgeted.newer = undefined;
    entry.budgeted = undefined;
    this.#bytes -= size;
  }

  /** Every object is forgotten. */
  clear(): void {
    while (this.#oldest !== undefined) {
      const { entry } = this.#oldest;
      this.remove(entry);
      entry.forgetObject();
    }
  }

  get bytes(): number {
    return this.#bytes;
  }
}
