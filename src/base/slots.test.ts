/** Things have a place while they are there, and leave nothing behind. */
import assert from 'node:assert/strict';
import { Slots } from './slots.ts';

describe('slots', () => {
  it('give places that are free to what comes next', () => {
    const slots = new Slots<{ name: string }>();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name }));
    const at = slots.add(a!);
    assert.equal(slots.add(b!), at + 1);
    assert.equal(slots.remove(at), a);
    assert.equal(slots.remove(at), undefined);
    assert.equal(slots.size, 1);
    assert.equal(slots.add(c!), at);
    assert.equal(slots.get(at), c);
    assert.deepEqual([...slots], [c, b]);
    assert.equal(slots.get(7), undefined);
    assert.equal(slots.remove(-1), undefined);
  });

  it('can lose things while they are looked at', () => {
    const slots = new Slots<{ n: number }>();
    for (let n = 0; n < 4; n++) slots.add({ n });
    const seen: number[] = [];
    for (const { n } of slots) {
      seen.push(n);
      slots.remove(n + 1);
    }
    assert.deepEqual(seen, [0, 2]);
    assert.equal(slots.size, 2);
    assert.deepEqual(slots.clear(), [{ n: 0 }, { n: 2 }]);
    assert.equal(slots.size, 0);
  });
});
