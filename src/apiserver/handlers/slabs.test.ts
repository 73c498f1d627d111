/** Slabs hold exactly what was put into them, wherever one ends. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SLAB, Slabs } from './slabs.ts';

describe('slabs', () => {
  it('give back what was put, whole or cut, over any border', () => {
    const size = fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: SLAB - 5, max: SLAB + 5 }));
    const piece = fc.record({ size, how: fc.constantFrom('whole', 'cut', 'short', 'text') });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const slabs = new Slabs();
        const want: Buffer[] = [];
        pieces.forEach(({ size, how }, i) => {
          const bytes = Buffer.alloc(size, 0x61 + i);
          if (how === 'cut') {
            slabs.putCut(bytes, 2);
            want.push(Buffer.from(',{'), bytes.subarray(2));
          } else {
            if (how === 'short') slabs.putShort(bytes);
            else if (how === 'text') slabs.putText(bytes.toString());
            else slabs.put(bytes);
            want.push(bytes);
          }
        });
        assert.ok(slabs.whole().equals(Buffer.concat(want)));
      }),
      { numRuns: 60 },
    );
  });
});
