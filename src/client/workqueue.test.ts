import assert from 'node:assert/strict';
import { VirtualClock } from '../base/clock.ts';
import { ItemExponentialFailureRateLimiter } from './rate-limiter.ts';
import { WorkQueue } from './workqueue.ts';

describe('WorkQueue', () => {
  const open = () => {
    const clock = new VirtualClock();
    return {
      clock,
      queue: new WorkQueue<string>({ clock, rateLimiter: new ItemExponentialFailureRateLimiter(5, 1000) }),
    };
  };

  it('hands out keys in the order they were added, each once', async () => {
    const { queue } = open();
    for (const k of ['a', 'b', 'a', 'c', 'b']) queue.add(k);
    assert.deepEqual([await queue.get(), await queue.get(), await queue.get()], ['a', 'b', 'c']);
    assert.equal(queue.length, 0);
  });

  it('gives a key added during its processing back after done, not before', async () => {
    const { queue } = open();
    queue.add('a');
    assert.equal(await queue.get(), 'a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(queue.length, 1);
    assert.equal(await queue.get(), 'a');
    queue.done('a');
    assert.equal(queue.length, 0);
  });

  it('wakes a waiting worker', async () => {
    const { queue } = open();
    const got = queue.get();
    queue.add('a');
    assert.equal(await got, 'a');
  });

  it('adds a delayed key at the earliest of its times, once', async () => {
    const { clock, queue } = open();
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 300);
    await clock.advance(99);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    assert.equal(queue.length, 1);
    await queue.get();
    queue.done('a');
    await clock.advance(1000);
    assert.equal(queue.length, 0);
  });

  it('doubles the delay of a failing key until forgotten', async () => {
    const { clock, queue } = open();
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      const start = clock.monotonic();
      queue.addRateLimited('a');
      while (queue.length === 0) await clock.advance(1);
      delays.push(clock.monotonic() - start);
      await queue.get();
      queue.done('a');
    }
    assert.deepEqual(delays, [5, 10, 20, 40]);
    assert.equal(queue.retries('a'), 4);
    queue.forget('a');
    assert.equal(queue.retries('a'), 0);
  });

  it('lets workers finish at shutdown and ends them then', async () => {
    const { queue } = open();
    queue.add('a');
    const drained = queue.shutdownWithDrain();
    queue.add('late');
    assert.equal(await queue.get(), 'a');
    queue.done('a');
    await drained;
    assert.equal(await queue.get(), undefined);
  });
});
