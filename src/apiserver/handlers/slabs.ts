/**
 * Many small buffers copied into few large ones: what a list is written from. One copy an item; whoever fills them takes the full
 * ones out from time to time.
 */
export const SLAB = 256 * 1024;
const COMMA = 0x2c;
const OPEN = 0x7b;
const COMMA_OPEN = Buffer.from(',{');

export class Slabs {
  #slab = Buffer.allocUnsafe(SLAB);
  #used = 0;
  readonly #full: Buffer[] = [];

  /** `chunk` from `start` on. */
  put(chunk: Buffer, start = 0): void {
    for (let from = start; from < chunk.length; ) {
      const n = chunk.copy(this.#slab, this.#used, from, Math.min(chunk.length, from + SLAB - this.#used));
      this.#used += n;
      from += n;
      if (this.#used < SLAB) continue;
      this.#full.push(this.#slab);
      this.#slab = Buffer.allocUnsafe(SLAB);
      this.#used = 0;
    }
  }

  /** `,{` and what follows `cut` (at least 2). */
  putCut(object: Buffer, cut: number): void {
    const slab = this.#slab;
    const at = this.#used;
    if (SLAB - at < 2) {
      this.put(COMMA_OPEN);
      this.put(object, cut);
      return;
    }
    // Two bytes too many are copied and then overwritten: a copy of its own costs more than that.
    this.put(object, cut - 2);
    slab[at] = COMMA;
    slab[at + 1] = OPEN;
  }

  /** The oldest full one; it is the caller's from then on. */
  takeFull(): Buffer | undefined {
    return this.#full.length === 0 ? undefined : this.#full.shift();
  }

  /** What is in the last one. */
  rest(): Buffer {
    return this.#slab.subarray(0, this.#used);
  }

  /** Everything that was not taken, in one piece. */
  whole(): Buffer {
    return this.#full.length === 0 ? this.rest() : Buffer.concat([...this.#full, this.rest()]);
  }
}
