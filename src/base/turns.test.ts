/** Long work gives way to everybody else, and takes turns among its own. */
import assert from 'node:assert/strict';
import { VirtualClock } from './clock.ts';
import { Turns } from './turns.ts';

describe('turns', () => {
  it('are over when the work of all together has taken a slice, and one goes on a pass', async () => {
    const clock = new VirtualClock(0);
    const turns = Turns.of(clock);
    assert.equal(Turns.of(clock), turns);
    assert.equal(turns.isOver, false);
    await clock.advance(6);
    // The loop has been round since: a new slice.
    assert.equal(turns.isOver, false);

    const order: string[] = [];
    const passes = { n: 0 };
    const work = async (name: string) => {
      await turns.next();
      order.push(`${name}${passes.n}`);
    };
    let counting = true;
    const count = () => {
      passes.n++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await Promise.all([work('a'), work('b'), work('c')]);
    counting = false;
    assert.deepEqual(
      order.map((o) => o[0]),
      ['a', 'b', 'c'],
    );
    assert.equal(new Set(order.map((o) => o.slice(1))).size, 3, order.join());
  });
});
