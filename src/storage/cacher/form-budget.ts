/**
 * How much the caches keep of what is dear to make from an entry (its protobuf, its row in a Table), in bytes over all caches of a
 * server. When it is full, something new is kept in the place of what nobody asked for lately, or not at all: a walk over more than
 * fits does not drive everything out.
 */
export interface FormHolder {
  /** Gives up what was made; it is made again when somebody asks. */
  forgetForms(): void;
}

const DEFAULT_BYTES = 96 << 20;

/** What a holder keeps. */
export interface Kept {
  bytes: number;
  /** Set by the holder whenever it is asked for something. */
  isUsed: boolean;
}

export class FormBudget {
  readonly #max: number;
  /** Those up for examination first. */
  readonly #kept = new Map<FormHolder, Kept>();
  #bytes = 0;

  constructor(maxBytes = DEFAULT_BYTES) {
    this.#max = maxBytes;
  }

  /** `holder` would keep so many bytes more; undefined: it may not. */
  admit(holder: FormHolder, bytes: number): Kept | undefined {
    if (bytes > this.#max) return undefined;
    while (this.#bytes + bytes > this.#max) {
      const [oldest] = this.#kept;
      if (oldest === undefined) return undefined;
      const [other, kept] = oldest;
      if (kept.isUsed || other === holder) {
        kept.isUsed = false;
        this.#kept.delete(other);
        this.#kept.set(other, kept);
        return undefined;
      }
      this.remove(other);
      other.forgetForms();
    }
    let own = this.#kept.get(holder);
    if (own === undefined) {
      own = { bytes: 0, isUsed: true };
      this.#kept.set(holder, own);
    }
    own.bytes += bytes;
    this.#bytes += bytes;
    return own;
  }

  /** It takes so many bytes less than it was admitted for. */
  shrink(kept: Kept, bytes: number): void {
    kept.bytes -= bytes;
    this.#bytes -= bytes;
  }

  /** `holder` keeps nothing any more. */
  remove(holder: FormHolder): void {
    const kept = this.#kept.get(holder);
    if (kept === undefined) return;
    this.#kept.delete(holder);
    this.#bytes -= kept.bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
