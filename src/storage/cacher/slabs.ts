/**
 * Where the bytes of one cache lie: one behind the other in slabs. A small Buffer of Node's own shares a pool with whatever was allocated
 * beside it and keeps all of that; a slab holds nothing but entries. Memory of a slab is never written twice: what still lives in one that
 * has become sparse is copied on, and the old one lasts as long as somebody still reads from it. What is large lies in no slab.
 */
export interface Resident {
  /** Where its bytes lie; set by `Slabs` alone. Undefined: not in a slab. */
  slab: Slab | undefined;
  /** The bytes held. */
  readonly held: Buffer;
  /** The same bytes lie here from now on. */
  moved(bytes: Buffer): void;
}

/** Opaque to everybody else. */
export interface Slab {
  readonly memory: Buffer;
  used: number;
  /** Of `used`, bytes of residents that left. */
  left: number;
  residents: Resident[];
}

const SLAB_BYTES = 256 << 10;
/** The first one is small: most resources have few objects. */
const FIRST_BYTES = 4 << 10;
/** What is larger lies alone: its place is free when nobody reads it any more, and nothing has to move for that. */
const ALONE_BYTES = 4 << 10;
/** A slab is given up when this part of it was left: memory stays below bytes / (1 - SPARSE). */
const SPARSE = 1 / 4;

export class Slabs {
  #open: Slab | undefined;
  #next = FIRST_BYTES;

  /** Memory for `length` bytes that `settle` is going to be told of, or nobody: then it is lost until its slab goes. */
  allocate(length: number): Buffer {
    if (length > ALONE_BYTES) return Buffer.allocUnsafeSlow(length);
    let slab = this.#open;
    if (slab === undefined || slab.used + length > slab.memory.length) slab = this.#renew(length);
    const bytes = slab.memory.subarray(slab.used, slab.used + length);
    slab.used += length;
    return bytes;
  }

  /** `resident` holds bytes that were allocated last here. */
  settle(resident: Resident): void {
    const slab = this.#open;
    if (slab === undefined || resident.held.buffer !== slab.memory.buffer) return;
    slab.residents.push(resident);
    resident.slab = slab;
  }

  /** Takes over a resident of other slabs, which are given up. */
  take(resident: Resident): void {
    resident.slab = undefined;
    this.#move(resident);
  }

  /** `resident` is no longer part of the cache. */
  leave(resident: Resident): void {
    const { slab } = resident;
    if (slab === undefined) return;
    resident.slab = undefined;
    slab.left += resident.held.length;
    if (slab !== this.#open) this.#empty(slab);
  }

  #renew(length: number): Slab {
    const before = this.#open;
    this.#open = { memory: Buffer.allocUnsafeSlow(Math.max(this.#next, length)), used: 0, left: 0, residents: [] };
    this.#next = Math.min(this.#next * 2, SLAB_BYTES);
    if (before !== undefined) this.#empty(before);
    return this.#open!.used + length <= this.#open!.memory.length ? this.#open! : this.#renew(length);
  }

  /** Moves what lives in a sparse slab on. */
  #empty(slab: Slab): void {
    if (slab.left < slab.memory.length * SPARSE) return;
    const { residents } = slab;
    slab.residents = [];
    for (const resident of residents) if (resident.slab === slab) this.#move(resident);
  }

  #move(resident: Resident): void {
    const bytes = this.allocate(resident.held.length);
    resident.held.copy(bytes);
    resident.moved(bytes);
    this.settle(resident);
  }
}
