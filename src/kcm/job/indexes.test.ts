import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Indexes } from './indexes.ts';

describe('job indexes', () => {
  it('reads and writes intervals', () => {
    const cases = [
      { text: '', completions: 5, want: '' },
      { text: '0,1,2', completions: 5, want: '0-2' },
      { text: '1-3,5,7-9', completions: 8, want: '1-3,5,7' },
      { text: '0-1,x,4', completions: 5, want: '0,1,4' },
      { text: '3-9', completions: 5, want: '3,4' },
    ];
    for (const c of cases) assert.equal(Indexes.parse(c.text, c.completions).toString(), c.want, c.text);
  });

  it('is a set of numbers', () => {
    const numbers = fc.uniqueArray(fc.nat(60), { maxLength: 40 });
    fc.assert(
      fc.property(numbers, numbers, fc.nat(10), (a, b, count) => {
        const union = Indexes.of(a).union(Indexes.of(b));
        const all = new Set([...a, ...b]);
        assert.equal(union.total, all.size);
        for (let i = 0; i < 62; i++) assert.equal(union.has(i), all.has(i));
        assert.equal(Indexes.parse(union.toString(), 100).toString(), union.toString());
        assert.equal(Indexes.of(a).overlap(Indexes.of(b)), a.filter((x) => b.includes(x)).length);
        const missing = Array.from({ length: 61 }, (_, i) => i).filter((i) => !all.has(i));
        assert.deepEqual(union.firstMissing(count, 61), missing.slice(0, count));
      }),
    );
  });
});
