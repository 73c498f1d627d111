/**
 * Where the bytes of one cache lie: one behind the other in slabs. A small Buffer of Node's own shares a pool with whatever was allocated
 * beside it and keeps all of that; a slab holds nothing but entries. Memory of a slab is never written twice: what still lives in the
 * sparsest one is copied on when much was left in all of them together, and the old one lasts as long as somebody still reads from it.
 */
export interface Resident {
  /** Where its bytes lie; set by `Slabs` alone. Undefined: it is none of theirs. */
  slab: Slab | undefined;
  /** The bytes held. */
  readonly held: Buffer;
  /** What it holds lies here from now on. */
  moved(bytes: Buffer): void;
}

/** Opaque to everybody else. */
export interface Slab {
  readonly memory: Buffer;
  used: number;
  /** Of `used`, bytes of residents that left. */
  left: number;
  /** Residents that did not leave. */
  living: number;
  residents: Resident[];
}

const SLAB_BYTES = 256 << 10;
/** The first one is small: most resources have few objects. */
const FIRST_BYTES = 4 << 10;
/**
 * Of a cache that holds much. Memory of more than 32 MB malloc always maps by itself, and gives back to the system as soon as it is free; of
 * what it takes from its heap, the holes stay with the process. What nobody has written to yet takes no memory.
 */
const LARGE_SLAB_BYTES = (32 << 20) + (4 << 10);
const MUCH_BYTES = 8 << 20;
/** What takes more than this part of a slab lies alone. */
const ALONE = 1 / 8;
/** Of all slabs, so much may have been left. */
const SPARSE = 1 / 4;
/** And so much of one, once there is nothing else to do. */
const SPARSE_AT_REST = 1 / 32;
/** Bytes moved for each that is allocated: a large slab is emptied along the way. */
const PACE = 4;
const TIDY_BYTES = 1 << 20;

const NO_SLAB: Slab = { memory: Buffer.alloc(0), used: 0, left: 0, living: 0, residents: [] };

export class Slabs {
  #open: Slab | undefined;
  #next = FIRST_BYTES;
  /** Those that are full and have residents. */
  readonly #full = new Set<Slab>();
  /** Sums over the full ones. */
  #used = 0;
  #left = 0;
  /** Of all residents. */
  #size = 0;
  /** The one whose residents move on, from `#at`. */
  #emptied: Slab | undefined;
  #at = 0;

  /** Memory for `length` bytes that `settle` is going to be told of, or nobody: then it is lost until its slab goes. */
  allocate(length: number): Buffer {
    if (length > this.#slabBytes * ALONE) return Buffer.allocUnsafeSlow(length);
    let slab = this.#open;
    if (slab === undefined || slab.used + length > slab.memory.length) slab = this.#renew(length);
    const bytes = slab.memory.subarray(slab.used, slab.used + length);
    slab.used += length;
    return bytes;
  }

  /** `resident` holds bytes that were allocated last here. */
  settle(resident: Resident): void {
    this.#settle(resident);
    if (this.#emptied !== undefined) this.#moveOn(resident.held.length * PACE);
  }

  /** Takes over a resident of other slabs, which are given up. */
  take(resident: Resident): void {
    resident.slab = undefined;
    this.#move(resident);
  }

  /** `resident` holds a copy of `bytes` from now on, and no longer what it held. */
  exchange(resident: Resident, bytes: Buffer): void {
    const copy = this.allocate(bytes.length);
    bytes.copy(copy);
    this.#put(resident, copy);
  }

  /** `resident` is no longer part of the cache. */
  leave(resident: Resident): void {
    if (resident.slab === undefined) return;
    this.#size -= resident.held.length;
    this.#vacate(resident);
    if (this.#emptied === undefined && this.#left > this.#used * SPARSE) this.#empty(this.#sparsest());
  }

  /** Some of the moving that makes slabs dense, for when there is nothing else to do; false: they are. */
  tidy(): boolean {
    const open = this.#open;
    if (open !== undefined && open.left > open.used * SPARSE_AT_REST) this.#close();
    if (this.#emptied === undefined) {
      const slab = this.#sparsest();
      if (slab === undefined || slab.left <= slab.used * SPARSE_AT_REST) return false;
      this.#empty(slab);
    }
    if (this.#emptied !== undefined) this.#moveOn(TIDY_BYTES);
    return true;
  }

  /** Bytes of all residents. */
  get size(): number {
    return this.#size;
  }

  get #slabBytes(): number {
    return this.#size > MUCH_BYTES ? LARGE_SLAB_BYTES : SLAB_BYTES;
  }

  #renew(length: number): Slab {
    this.#close();
    const largest = this.#slabBytes;
    const bytes = largest > SLAB_BYTES ? largest : Math.max(this.#next, length);
    this.#next = Math.min(this.#next * 2, SLAB_BYTES);
    this.#open = { memory: Buffer.allocUnsafeSlow(bytes), used: 0, left: 0, living: 0, residents: [] };
    return this.#open;
  }

  /** Nothing more comes into the open one. */
  #close(): void {
    const slab = this.#open;
    this.#open = undefined;
    if (slab === undefined || slab.living === 0) return;
    this.#full.add(slab);
    this.#used += slab.used;
    this.#left += slab.left;
  }

  #settle(resident: Resident): void {
    this.#size += resident.held.length;
    const slab = this.#open;
    if (slab === undefined || resident.held.buffer !== slab.memory.buffer) {
      resident.slab = NO_SLAB;
      return;
    }
    slab.residents.push(resident);
    slab.living++;
    resident.slab = slab;
  }

  /** Its place is free. */
  #vacate(resident: Resident): void {
    const slab = resident.slab!;
    resident.slab = undefined;
    if (slab === NO_SLAB) return;
    const { length } = resident.held;
    slab.left += length;
    slab.living--;
    if (!this.#full.has(slab)) return;
    this.#left += length;
    if (slab.living > 0) return;
    this.#full.delete(slab);
    this.#used -= slab.used;
    this.#left -= slab.left;
    slab.residents = [];
    if (slab === this.#emptied) this.#emptied = undefined;
  }

  #sparsest(): Slab | undefined {
    let found: Slab | undefined;
    let most = 0;
    for (const slab of this.#full) {
      const share = slab.left / slab.used;
      if (share <= most) continue;
      most = share;
      found = slab;
    }
    return found;
  }

  #empty(slab: Slab | undefined): void {
    this.#emptied = slab;
    this.#at = 0;
    if (slab !== undefined && slab.memory.length <= SLAB_BYTES) this.#moveOn(slab.used);
  }

  #moveOn(bytes: number): void {
    const slab = this.#emptied!;
    const { residents } = slab;
    let moved = 0;
    while (moved <= bytes && this.#emptied === slab) {
      const resident = residents[this.#at++];
      if (resident === undefined) this.#emptied = undefined;
      else if (resident.slab === slab) {
        moved += resident.held.length;
        this.#move(resident);
      }
    }
  }

  #move(resident: Resident): void {
    const { held } = resident;
    const bytes = this.allocate(held.length);
    held.copy(bytes);
    this.#put(resident, bytes);
  }

  #put(resident: Resident, bytes: Buffer): void {
    if (resident.slab !== undefined) {
      this.#size -= resident.held.length;
      this.#vacate(resident);
    }
    resident.moved(bytes);
    this.#settle(resident);
  }
}
