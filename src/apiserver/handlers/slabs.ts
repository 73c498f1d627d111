/**
 * Many small buffers copied into few large ones: what a list is written from. One copy an item; whoever fills them takes the full
 * ones out from time to time and gives them back when they are sent: fresh memory costs more than the copying.
 */
export const SLAB = 128 * 1024;
/** Slabs that wait for the next list. */
const SPARE = 16;
const COMMA = 0x2c;
const OPEN = 0x7b;
const COMMA_OPEN = Buffer.from(',{');
/** Bytes of UTF-8 a UTF-16 unit takes at most. */
const UTF8_MAX = 3;

const spare: Buffer[] = [];

/** Nobody reads `slab` any more. */
export function giveBack(slab: Buffer): void {
  if (slab.length === SLAB && spare.length < SPARE) spare.push(slab);
}

export class Slabs {
  #slab = spare.pop() ?? Buffer.allocUnsafeSlow(SLAB);
  #used = 0;
  readonly #full: Buffer[] = [];

  /** `chunk` between `start` and `end`. */
  put(chunk: Buffer, start = 0, end = chunk.length): void {
    for (let from = start; from < end; ) {
      const n = chunk.copy(this.#slab, this.#used, from, Math.min(end, from + SLAB - this.#used));
      this.#used += n;
      from += n;
      if (this.#used === SLAB) this.#next();
    }
  }

  /** A few bytes: a loop is quicker than a call. */
  putShort(bytes: Uint8Array): void {
    if (SLAB - this.#used <= bytes.length) {
      for (const byte of bytes) {
        this.#slab[this.#used++] = byte;
        if (this.#used === SLAB) this.#next();
      }
      return;
    }
    const slab = this.#slab;
    let at = this.#used;
    for (let i = 0; i < bytes.length; i++) slab[at++] = bytes[i]!;
    this.#used = at;
  }

  putText(text: string): void {
    if (SLAB - this.#used <= text.length * UTF8_MAX) this.put(Buffer.from(text));
    else this.#used += this.#slab.write(text, this.#used);
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

  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** The oldest full one; it is the caller's from then on. */
  takeFull(): Buffer | undefined {
    return this.#full.length === 0 ? undefined : this.#full.shift();
  }

  /** What is in the last one, which is the caller's, too; nothing can be put any more. */
  takeRest(): { slab: Buffer; bytes: Buffer } {
    return { slab: this.#slab, bytes: this.#slab.subarray(0, this.#used) };
  }

  /** Everything that was not taken, in one piece. */
  whole(): Buffer {
    return Buffer.concat([...this.#full, this.#slab.subarray(0, this.#used)]);
  }

  #next(): void {
    this.#full.push(this.#slab);
    this.#slab = spare.pop() ?? Buffer.allocUnsafeSlow(SLAB);
    this.#used = 0;
  }
}
