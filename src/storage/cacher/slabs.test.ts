/** Slabs: bytes stay what they are, wherever they lie, and what left takes no more than its share of memory. */
import assert from 'node:assert/strict';
import { seededRandom } from '../../base/random.ts';
import { type Resident, type Slab, Slabs } from './slabs.ts';

class Bytes implements Resident {
  slab: Slab | undefined;
  held: Buffer;
  readonly #want: Buffer;
  constructor(slabs: Slabs, length: number, fill: number) {
    this.held = slabs.allocate(length).fill(fill);
    this.#want = Buffer.from(this.held);
    slabs.settle(this);
  }
  moved(bytes: Buffer): void {
    this.held = bytes;
  }
  check(): void {
    assert.ok(this.held.equals(this.#want));
  }
}

/** Bytes of all memory that somebody still sees. */
function memory(residents: readonly Bytes[]): number {
  const all = new Set(residents.map((r) => r.held.buffer));
  return [...all].reduce((sum, buffer) => sum + buffer.byteLength, 0);
}

const held = (residents: readonly Bytes[]) => residents.reduce((sum, r) => sum + r.held.length, 0);

describe('Slabs', () => {
  it('takes little more than the bytes it was given', () => {
    const slabs = new Slabs();
    const all = Array.from({ length: 5000 }, (_, i) => new Bytes(slabs, 1000 + (i % 700), i & 255));
    for (const b of all) b.check();
    assert.ok(memory(all) < held(all) * 1.05 + (256 << 10), `${memory(all)} for ${held(all)}`);
  });

  it('takes a page for a few objects, and exactly its size for a large one', () => {
    const slabs = new Slabs();
    assert.equal(memory([new Bytes(slabs, 300, 1), new Bytes(slabs, 300, 2)]), 4096);
    assert.equal(memory([new Bytes(slabs, 1_000_000, 3)]), 1_000_000);
  });

  it('moves on what lives among much that left', () => {
    const random = seededRandom(7);
    const slabs = new Slabs();
    const all = Array.from({ length: 2000 }, (_, i) => new Bytes(slabs, 1000, i & 255));
    for (let i = 0; i < 50_000; i++) {
      const at = random.int(all.length);
      slabs.leave(all[at]!);
      all[at] = new Bytes(slabs, 500 + random.int(1000), i & 255);
    }
    for (const b of all) b.check();
    assert.ok(memory(all) < held(all) * 1.34 + (512 << 10), `${memory(all)} for ${held(all)}`);
  });

  it('does so in large slabs too, a little at a time', () => {
    const random = seededRandom(8);
    const slabs = new Slabs();
    const all = Array.from({ length: 3000 }, (_, i) => new Bytes(slabs, 10_000, i & 255));
    for (let i = 0; i < 20_000; i++) {
      const at = random.int(all.length);
      slabs.leave(all[at]!);
      all[at] = new Bytes(slabs, 5000 + random.int(10_000), i & 255);
      assert.equal(slabs.size, held(all));
    }
    for (const b of all) b.check();
    // One that is filled, one that is emptied.
    assert.ok(memory(all) < held(all) * 1.34 + (65 << 20), `${memory(all)} for ${held(all)}`);
  });

  it('becomes dense when there is time for it', () => {
    const random = seededRandom(9);
    const slabs = new Slabs();
    const all = Array.from({ length: 3000 }, (_, i) => new Bytes(slabs, 1000, i & 255));
    for (let i = 0; i < 5000; i++) {
      const at = random.int(all.length);
      slabs.leave(all[at]!);
      all[at] = new Bytes(slabs, 500 + random.int(1000), i & 255);
    }
    let steps = 0;
    while (slabs.tidy()) steps++;
    assert.ok(steps > 0);
    for (const b of all) b.check();
    assert.ok(memory(all) < held(all) * 1.05 + (256 << 10), `${memory(all)} for ${held(all)}`);
    assert.equal(slabs.tidy(), false);
    for (const b of all) slabs.leave(b);
    assert.equal(slabs.size, 0);
    assert.equal(slabs.tidy(), false);
  });

  it('leaves what was read from a slab as it was', () => {
    const slabs = new Slabs();
    const all = Array.from({ length: 1000 }, (_, i) => new Bytes(slabs, 1000, i & 255));
    const seen = all.map((b) => b.held);
    for (let i = 0; i < 1000; i += 2) slabs.leave(all[i]!);
    for (let i = 0; i < 1000; i++) assert.ok(seen[i]!.equals(Buffer.alloc(1000, i & 255)));
    assert.notEqual(all[1]!.held, seen[1]);
  });

  it('takes over what lies elsewhere', () => {
    const before = new Slabs();
    const all = Array.from({ length: 100 }, (_, i) => new Bytes(before, 1000, i));
    const after = new Slabs();
    for (const b of all.slice(50)) after.take(b);
    for (const b of all) b.check();
    assert.ok(memory(all.slice(50)) < 140_000);
    for (const b of all.slice(50)) after.leave(b);
  });
});
