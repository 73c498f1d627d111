/** How a flush is handed over: in slices, in order, to everybody who watched. */
import assert from 'node:assert/strict';
import { type Clock, systemClock, VirtualClock } from '../../base/clock.ts';
import { CacheEntry } from './cache-entry.ts';
import { CacheWatch } from './cache-watch.ts';
import { WatchRouter } from './watch-router.ts';

const CODEC = { serve: undefined, glance: () => ({}), parse: () => ({}), labels: () => ({}), fields: () => ({}) };
const pass = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Three watchers of everything; a change of `MB` fills a slice for each of them. */
class Fixture {
  readonly router: WatchRouter<object>;
  readonly watches: CacheWatch<object>[] = [];
  /** Revisions by watcher. */
  readonly seen: number[][] = [];
  #revision = 0;

  constructor(clock: Clock = systemClock) {
    this.router = new WatchRouter(clock, () => []);
    for (let i = 0; i < 3; i++) this.join();
  }
  join(): CacheWatch<object> {
    const seen: number[] = [];
    const group = this.router.group({ kind: 'prefix', prefix: 'a/' }, undefined);
    const watch = new CacheWatch<object>(
      group,
      { onBatch: (batch) => seen.push(...batch.deliveries.map((d) => d.revision)), onClose: () => seen.push(-1) },
      { history: [], after: this.#revision, revision: () => this.#revision },
    );
    group.add(watch);
    watch.resume();
    this.watches.push(watch);
    this.seen.push(seen);
    return watch;
  }
  change(bytes = 2 ** 20): void {
    const revision = ++this.#revision;
    const current = new CacheEntry<object>(CODEC, { key: 'a/b', revision, createRevision: 1 }, Buffer.alloc(bytes));
    this.router.route({ key: 'a/b', revision, current, previous: undefined });
  }
}

describe('watch router', () => {
  it('a small flush reaches everybody at once', async () => {
    const f = new Fixture();
    f.change(1000);
    f.change(1000);
    await Promise.resolve();
    assert.deepEqual(f.seen, [
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('a large one gives way between watchers, and what changes meanwhile comes after it', async () => {
    const f = new Fixture();
    f.change();
    await Promise.resolve();
    assert.deepEqual(f.seen, [[1], [], []]);
    f.change();
    await pass();
    assert.deepEqual(f.seen, [[1], [1], []]);
    assert.equal(f.watches[2]!.progress, undefined);
    while (f.seen.some((s) => s.length < 2)) await pass();
    assert.deepEqual(f.seen, [
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    assert.equal(f.watches[2]!.progress, 2);
  });

  it('the largest is through after sixteen passes', async () => {
    const f = new Fixture();
    for (let i = 0; i < 29; i++) f.join();
    f.change();
    await Promise.resolve();
    assert.deepEqual(f.seen.map((s) => s.length).lastIndexOf(1), 1);
    for (let i = 0; i < 15; i++) await pass();
    assert.deepEqual(f.seen.map((s) => s.length).lastIndexOf(1), 31);
  });

  it('who joins in between sees what comes after, and nobody misses anything', async () => {
    const f = new Fixture();
    f.change();
    await Promise.resolve();
    f.join();
    assert.deepEqual(f.seen, [[1], [1], [1], []]);
    f.change(1000);
    while (f.seen.some((s) => s.at(-1) !== 2)) await pass();
    assert.deepEqual(f.seen, [[1, 2], [1, 2], [1, 2], [2]]);
  });

  it('who leaves in between sees nothing more', async () => {
    const f = new Fixture();
    f.change();
    await Promise.resolve();
    f.watches[1]!.close();
    f.watches[2]!.close();
    f.watches[0]!.close();
    await pass();
    await pass();
    assert.deepEqual(f.seen, [[1, -1], [-1], [-1]]);
  });

  it('at the end everything is handed over first', async () => {
    const f = new Fixture();
    f.change();
    await Promise.resolve();
    f.change();
    f.router.close(undefined);
    assert.deepEqual(f.seen, [
      [1, 2, -1],
      [1, 2, -1],
      [1, 2, -1],
    ]);
    await pass();
  });

  it('on a virtual clock nothing gives way', async () => {
    const f = new Fixture(new VirtualClock());
    f.change();
    await Promise.resolve();
    assert.deepEqual(f.seen, [[1], [1], [1]]);
  });
});
