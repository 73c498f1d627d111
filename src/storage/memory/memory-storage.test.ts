/** The memory store under the contract's suite, and what only it promises: no timers, no immediates. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { storageSuite } from '../testing/storage-suite.ts';
import { openMemoryStorage } from './memory-storage.ts';

const WATCH_BUFFER = 1000;

storageSuite(
  'memory',
  async () => {
    const clock = new VirtualClock();
    const storage = await openMemoryStorage({ clock, watchBuffer: WATCH_BUFFER });
    return {
      storage,
      root: '/registry/things/',
      pass: (ms) => clock.advance(ms),
      close: async () => storage[Symbol.asyncDispose](),
    };
  },
  { watchBuffer: WATCH_BUFFER },
);

describe('memory storage', () => {
  it('settles on microtasks only', async () => {
    await using storage = await openMemoryStorage({ clock: new VirtualClock() });
    let turns = 0;
    const immediate = setImmediate(() => turns++);
    const abort = new AbortController();
    const watch = await storage.watch('/registry/', { signal: abort.signal });
    const revision = await storage.create('/registry/a', Buffer.from('1'));
    await storage.list('/registry/');
    for await (const event of watch) {
      assert.equal(event.revision, revision);
      break;
    }
    clearImmediate(immediate);
    assert.equal(turns, 0);
  });
});
