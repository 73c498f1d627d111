/** Compaction by the clock: alone, in turns with another, and off. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../base/clock.ts';
import { COMPACT_KEY, startCompactor } from './compactor.ts';
import { openMemoryStorage } from './memory/memory-storage.ts';
import { isStorageError, type Storage } from './storage.ts';

const MINUTE = 60_000;

async function isCompacted(storage: Storage, revision: number): Promise<boolean> {
  try {
    await storage.list('/registry/', { revision });
    return false;
  } catch (err) {
    assert.ok(isStorageError(err, 'Compacted'));
    return true;
  }
}

describe('compactor', () => {
  it('keeps between one and two intervals of history', async () => {
    const clock = new VirtualClock();
    await using storage = await openMemoryStorage({ clock });
    using _ = startCompactor(storage, { clock });
    const early = await storage.create('/registry/a', Buffer.from('1'));
    await clock.advance(6 * MINUTE);
    const late = await storage.create('/registry/b', Buffer.from('1'));
    assert.equal(await isCompacted(storage, early), false);
    await clock.advance(5 * MINUTE);
    assert.equal(await isCompacted(storage, early), true);
    assert.equal(await isCompacted(storage, late), false);
    await clock.advance(5 * MINUTE);
    assert.equal(await isCompacted(storage, late), true);
  });

  it('tells caches what was compacted, also by another', async () => {
    const clock = new VirtualClock();
    await using storage = await openMemoryStorage({ clock });
    const told: [number[], number[]] = [[], []];
    using _first = startCompactor(storage, { clock, compacted: (revision) => told[0].push(revision) });
    await clock.advance(MINUTE);
    using _second = startCompactor(storage, { clock, compacted: (revision) => told[1].push(revision) });
    await storage.create('/registry/a', Buffer.from('1'));
    await clock.advance(20 * MINUTE);
    assert.ok(told[0].length >= 2);
    assert.deepEqual(told[1], told[0].slice(0, told[1].length));
    assert.ok(told[1].length >= 1);
  });

  it('of two on one store one compacts in each round, and the other takes over', async () => {
    const clock = new VirtualClock();
    await using storage = await openMemoryStorage({ clock });
    const compactions: number[] = [];
    const counted: Storage = new Proxy(storage, {
      get: (target, name) => {
        if (name === 'compact') {
          return (revision: number) => {
            compactions.push(revision);
            return target.compact(revision);
          };
        }
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const first = startCompactor(counted, { clock });
    await clock.advance(MINUTE);
    using _ = startCompactor(counted, { clock });
    await clock.advance(20 * MINUTE);
    assert.ok(compactions.length >= 2 && compactions.length <= 4, String(compactions));
    first[Symbol.dispose]();
    const before = compactions.length;
    await clock.advance(20 * MINUTE);
    assert.ok(compactions.length - before >= 3);
    assert.deepEqual(
      compactions,
      [...compactions].sort((a, b) => a - b),
    );
    assert.ok(await storage.get(COMPACT_KEY));
  });

  it('does nothing with an interval of 0', async () => {
    const clock = new VirtualClock();
    await using storage = await openMemoryStorage({ clock });
    using _ = startCompactor(storage, { clock, intervalMs: 0 });
    await clock.advance(60 * MINUTE);
    assert.equal(await storage.get(COMPACT_KEY), undefined);
  });
});
