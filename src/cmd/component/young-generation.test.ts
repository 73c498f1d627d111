/** The young generation grows until it is large enough, and may grow again once it has shrunk. */
import assert from 'node:assert/strict';
import { boundYoungGeneration } from './young-generation.ts';

const MB = 1 << 20;

describe('the young generation', () => {
  const cases = [
    { name: 'grows while it is small', sizes: [1, 2, 4, 8, 16], want: [] },
    { name: 'stays where it is once it is large enough', sizes: [1, 16, 32, 32, 32], want: [1, 2] },
    { name: 'grows again after it has shrunk', sizes: [64, 32, 2, 4, 33], want: [1, 2, 1, 2] },
  ];
  for (const { name, sizes, want } of cases) {
    it(name, () => {
      const factors: number[] = [];
      let size = 0;
      let isWatched = true;
      let collected = () => {};
      const bound = boundYoungGeneration({
        watch(callback) {
          collected = callback;
          return {
            [Symbol.dispose]() {
              isWatched = false;
            },
          };
        },
        size: () => size,
        grow: (factor) => void factors.push(factor),
      });
      for (const mb of sizes) {
        size = mb * MB;
        collected();
      }
      bound[Symbol.dispose]();
      assert.deepEqual(factors, want);
      assert.equal(isWatched, false);
    });
  }
});
