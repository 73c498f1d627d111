/** Packs what one cache holds: its entries once there is nothing else to do, and what is kept beside them (`CacheEntry.lentForm`) when it is made. */
import type { CacheEntry } from './cache-entry.ts';
import type { Slabs } from './slabs.ts';
import { type Packed, Templates } from './templates.ts';

/** Of entries that take less, packing would save little. */
const PACKED_FROM = 1 << 20;

export class Packing {
  readonly #templates = new Templates();
  readonly #byForm = new Map<string, Templates>();
  /** Something came since all was packed. */
  #isNeeded = false;

  /** An entry came. */
  added(): void {
    this.#isNeeded = true;
  }

  /** Packs entries that lie in `slabs`, one a step. */
  *pack(slabs: Slabs, entries: () => Iterable<CacheEntry<unknown>>): Generator<void, void, undefined> {
    if (this.#isNeeded && slabs.size > PACKED_FROM) {
      const by = (bytes: Buffer) => this.#templates.pack(bytes);
      try {
        for (const entry of entries()) {
          if (!entry.mayPack) continue;
          entry.pack(slabs, by);
          yield;
        }
        this.#isNeeded = false;
      } finally {
        this.#templates.rest();
      }
    }
    for (const templates of this.#byForm.values()) templates.rest();
  }

  packForm(name: string, bytes: Buffer): Packed | undefined {
    let templates = this.#byForm.get(name);
    if (templates === undefined) {
      templates = new Templates();
      this.#byForm.set(name, templates);
    }
    return templates.pack(bytes);
  }
}
