/** What the registry relies on beyond the contract: selections, shared batches, pausing, indexes, freshness, refilling. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { openMemoryStorage } from '../memory/memory-storage.ts';
import { isStorageError, type Storage, StorageError, type WatchSink } from '../storage.ts';
import type { CacheEntry } from './cache-entry.ts';
import { openCacher } from './cacher.ts';
import type { Selector, WatchBatch } from './delivery.ts';
import { setFreezeObjects } from './freeze.ts';
import type { CacheWatchRequest, WatchCache } from './watch-cache.ts';

interface Thing {
  metadata: { name: string; namespace: string; resourceVersion?: string; labels?: Record<string, string> };
  node?: string;
}

const PREFIX = '/registry/things/';
const keyOf = (name: string, namespace = 'default') => `${PREFIX}${namespace}/${name}`;
const thing = (name: string, extra: { labels?: Record<string, string>; node?: string; namespace?: string } = {}) =>
  Buffer.from(
    JSON.stringify({
      metadata: { name, namespace: extra.namespace ?? 'default', labels: extra.labels ?? {} },
      node: extra.node ?? '',
    }),
  );
const labelled = (key: string, value: string): Selector<Thing> => ({
  id: `${key}=${value}`,
  matches: (entry) => entry.labels[key] === value,
});

function serve(value: Buffer, revision: number): Buffer {
  const object = JSON.parse(value.toString()) as Thing;
  object.metadata.resourceVersion = String(revision);
  return Buffer.from(JSON.stringify(object));
}

async function open(clock = new VirtualClock()) {
  const inner = await openMemoryStorage({ clock });
  const cacher = openCacher(inner, { clock });
  const cache = cacher.cacheFor<Thing>({
    prefix: PREFIX,
    serve,
    indexes: { node: (entry) => [entry.object.node ?? ''] },
  });
  await cache.ready();
  return { clock, inner, cacher, cache, [Symbol.asyncDispose]: () => cacher[Symbol.asyncDispose]() };
}

interface Observed {
  seen: string[];
  batches: WatchBatch<Thing>[];
  closed: (StorageError | undefined)[];
  abort: AbortController;
}

function observer(): Observed & Pick<CacheWatchRequest<Thing>, 'onBatch' | 'onClose' | 'signal'> {
  const abort = new AbortController();
  const seen: string[] = [];
  const batches: WatchBatch<Thing>[] = [];
  const closed: (StorageError | undefined)[] = [];
  return {
    seen,
    batches,
    closed,
    abort,
    signal: abort.signal,
    onBatch: (batch) => {
      batches.push(batch);
      for (const d of batch.deliveries) {
        assert.equal(d.entry.object.metadata.resourceVersion, String(d.revision));
        seen.push(`${d.type} ${d.entry.object.metadata.name} ${d.revision}`);
      }
    },
    onClose: (error) => closed.push(error),
  };
}

/** On which work takes time. */
class WorkingClock extends VirtualClock {
  worked = 0;
  override monotonic(): number {
    return super.monotonic() + this.worked;
  }
}

const names = (entries: readonly CacheEntry<Thing>[]) => entries.map((e) => e.object.metadata.name);

describe('watch cache', () => {
  before(() => setFreezeObjects(true));
  after(() => setFreezeObjects(false));

  it('serves bytes with the revision spliced in, parsed once and frozen', async () => {
    await using t = await open();
    const revision = await t.cacher.create(keyOf('a'), thing('a'));
    const entry = (await t.cache.get(keyOf('a')))!;
    assert.equal((JSON.parse(entry.bytes.toString()) as Thing).metadata.resourceVersion, String(revision));
    assert.equal(entry.object, entry.object);
    assert.throws(() => {
      entry.object.node = 'x';
    }, TypeError);
    assert.equal(
      entry.slot('length', (e) => e.bytes.length),
      entry.bytes.length,
    );
    assert.equal(t.cache.peek(keyOf('a')), entry);
    assert.equal(await t.cache.get(keyOf('b')), undefined);
  });

  it('gathers changes after a flush that took long, and hands over what it has when it ends', async () => {
    const clock = new WorkingClock();
    const t = await open(clock);
    const watcher = observer();
    const { onBatch } = watcher;
    watcher.onBatch = (batch) => {
      clock.worked += 2;
      onBatch(batch);
    };
    (await t.cache.watch(watcher)).resume();
    const writes = async (...of: string[]) => {
      for (const name of of) await t.cacher.create(keyOf(name), thing(name));
    };
    await writes('a');
    assert.deepEqual(watcher.seen, ['ADDED a 2']);
    await writes('b', 'c');
    await clock.advance(19);
    assert.equal(watcher.batches.length, 1);
    await clock.advance(1);
    assert.deepEqual(watcher.seen.slice(1), ['ADDED b 3', 'ADDED c 4']);
    assert.equal(watcher.batches.length, 2);
    // Its rest is over by the time the next change comes.
    await clock.advance(20);
    await writes('d');
    assert.equal(watcher.batches.length, 3);
    await writes('e');
    assert.equal(watcher.batches.length, 3);
    await t.cacher[Symbol.asyncDispose]();
    assert.equal(watcher.seen.at(-1), 'ADDED e 6');
    assert.equal(watcher.closed.length, 1);
  });

  it('takes over the object a writer seeds', async () => {
    await using t = await open();
    const value = thing('a');
    const object = JSON.parse(value.toString()) as Thing;
    t.cache.seed(value, object);
    const revision = await t.cacher.create(keyOf('a'), value);
    assert.equal(t.cache.peek(keyOf('a'))!.object, object);
    assert.equal(object.metadata.resourceVersion, String(revision));
  });

  it('shows a change through a selector as what it is for that selector', async () => {
    await using t = await open();
    const red = observer();
    const all = observer();
    for (const [o, selector] of [
      [red, labelled('color', 'red')],
      [all, undefined],
    ] as const) {
      (await t.cache.watch({ ...o, ...(selector && { selector }) })).resume();
    }
    const r1 = await t.cacher.create(keyOf('a'), thing('a', { labels: { color: 'blue' } }));
    const r2 = await t.cacher.update(keyOf('a'), thing('a', { labels: { color: 'red' } }), r1);
    const r3 = await t.cacher.update(keyOf('a'), thing('a', { labels: { color: 'red', n: '1' } }), r2);
    const r4 = await t.cacher.update(keyOf('a'), thing('a', { labels: { color: 'blue' } }), r3);
    const r5 = await t.cacher.delete(keyOf('a'), r4);
    assert.deepEqual(red.seen, [`ADDED a ${r2}`, `MODIFIED a ${r3}`, `DELETED a ${r4}`]);
    assert.deepEqual(all.seen, [
      `ADDED a ${r1}`,
      `MODIFIED a ${r2}`,
      `MODIFIED a ${r3}`,
      `MODIFIED a ${r4}`,
      `DELETED a ${r5}`,
    ]);
    // What left the selection is its last state that was in it.
    assert.deepEqual(red.batches.at(-1)!.deliveries[0]!.entry.labels, { color: 'red', n: '1' });
    const again = observer();
    (await t.cache.watch({ ...again, after: r1, selector: labelled('color', 'red') })).resume();
    assert.deepEqual(again.seen, red.seen);
  });

  it('hands one batch per tick to all watchers of a group, and one delivery to all groups', async () => {
    await using t = await open();
    const one = observer();
    const two = observer();
    const byName = observer();
    (await t.cache.watch(one)).resume();
    (await t.cache.watch(two)).resume();
    (await t.cache.watch({ ...byName, key: keyOf('b') })).resume();
    await Promise.all(['a', 'b', 'c'].map((n) => t.cacher.create(keyOf(n), thing(n))));
    assert.equal(one.batches.length, 1);
    assert.equal(one.batches[0], two.batches[0]);
    let made = 0;
    for (const o of [one, two]) o.batches[0]!.memo('frames', () => ++made);
    assert.equal(made, 1);
    assert.deepEqual(
      byName.seen.map((s) => s.split(' ')[1]),
      ['b'],
    );
    assert.equal(byName.batches[0]!.deliveries[0], one.batches[0]!.deliveries[1]);
  });

  it('keeps namespaces apart', async () => {
    await using t = await open();
    const o = observer();
    (await t.cache.watch({ ...o, prefix: `${PREFIX}one/` })).resume();
    await t.cacher.create(keyOf('a', 'one'), thing('a'));
    await t.cacher.create(keyOf('b', 'one-more'), thing('b'));
    assert.deepEqual(
      o.seen.map((s) => s.split(' ')[1]),
      ['a'],
    );
    assert.deepEqual(names((await t.cache.list({ prefix: `${PREFIX}one/` })).entries), ['a']);
    assert.equal(t.cache.count(`${PREFIX}one-more/`), 1);
  });

  it('finds lists and watches by index, also as the value changes', async () => {
    await using t = await open();
    let ra = await t.cacher.create(keyOf('a'), thing('a', { node: 'n1' }));
    await t.cacher.create(keyOf('b'), thing('b', { node: 'n2' }));
    const index = { name: 'node', value: 'n1' };
    assert.deepEqual(names((await t.cache.list({ index })).entries), ['a']);
    const o = observer();
    const watch = await t.cache.watch({ ...o, index, initial: true });
    assert.deepEqual(names(watch.initial!.entries), ['a']);
    watch.resume();
    const rc = await t.cacher.create(keyOf('c'), thing('c', { node: 'n1' }));
    ra = await t.cacher.update(keyOf('a'), thing('a', { node: 'n2' }), ra);
    assert.deepEqual(o.seen, [`ADDED c ${rc}`, `DELETED a ${ra}`]);
    assert.deepEqual(names((await t.cache.list({ index })).entries), ['c']);
  });

  it('pages a list at its revision and knows what remains', async () => {
    await using t = await open();
    for (let i = 0; i < 10; i++) {
      await t.cacher.create(keyOf(`k${i}`), thing(`k${i}`, { labels: { even: String(i % 2 === 0) } }));
    }
    const first = await t.cache.list({ limit: 4 });
    assert.deepEqual([first.remaining, first.more, first.next], [6, true, `${keyOf('k3')}\0`]);
    await t.cacher.create(keyOf('k33'), thing('k33'));
    const second = await t.cache.list({ limit: 4, revision: first.revision, start: first.next! });
    assert.deepEqual(names(second.entries), ['k4', 'k5', 'k6', 'k7']);
    const even = await t.cache.list({ limit: 3, selector: labelled('even', 'true') });
    assert.deepEqual([names(even.entries), even.more, even.remaining], [['k0', 'k2', 'k4'], true, undefined]);
    const old = await t.cache.list({ revision: 4 });
    assert.equal(old.entries.length, 3);
  });

  it('waits three seconds for a revision ahead, then says how far it is', async () => {
    await using t = await open();
    const current = await t.cacher.create(keyOf('a'), thing('a'));
    const soon = t.cache.list({ minRevision: current + 1 });
    const never = t.cache.get(keyOf('a'), { minRevision: current + 50 });
    const late = never.catch((err: unknown) => err);
    await t.cacher.create(keyOf('b'), thing('b'));
    assert.equal((await soon).revision, current + 1);
    await t.clock.advance(3001);
    const err = await late;
    assert.ok(isStorageError(err, 'FutureRevision'));
    assert.equal((err as StorageError).revision, current + 1);
  });

  it('a watch from a revision ahead begins at once, and leaves out what is not after it', async () => {
    await using t = await open();
    const current = await t.cacher.create(keyOf('a'), thing('a'));
    const o = observer();
    const watch = await t.cache.watch({ ...o, after: current + 2 });
    watch.resume();
    await t.cacher.create(keyOf('b'), thing('b'));
    assert.equal(watch.progress, current + 2, 'no bookmark takes its client back');
    await t.cacher.create(keyOf('c'), thing('c'));
    const seen = await t.cacher.create(keyOf('d'), thing('d'));
    assert.deepEqual(o.seen, [`ADDED d ${seen}`]);
    assert.equal(watch.progress, seen);
  });

  it('begins with a snapshot and goes on without gap', async () => {
    await using t = await open();
    await t.cacher.create(keyOf('a'), thing('a'));
    const o = observer();
    const watch = await t.cache.watch({ ...o, initial: true });
    const rb = await t.cacher.create(keyOf('b'), thing('b'));
    assert.deepEqual(names(watch.initial!.entries), ['a']);
    assert.equal(watch.progress, undefined);
    watch.resume();
    assert.deepEqual(o.seen, [`ADDED b ${rb}`]);
    assert.equal(watch.progress, rb);
    const elsewhere = await t.cacher.create('/registry/other/x', thing('x'));
    assert.equal(watch.progress, elsewhere);
  });

  it('holds for a paused watcher what others already have, and closes one that is too slow', async () => {
    await using t = await open();
    const fast = observer();
    const slow = observer();
    (await t.cache.watch(fast)).resume();
    const watch = await t.cache.watch({ ...slow, maxPending: 5 });
    watch.resume();
    watch.pause();
    for (let i = 0; i < 5; i++) await t.cacher.create(keyOf(`k${i}`), thing(`k${i}`));
    assert.equal(slow.seen.length, 0);
    watch.resume();
    assert.deepEqual(slow.seen, fast.seen);
    watch.pause();
    for (let i = 5; i < 11; i++) await t.cacher.create(keyOf(`k${i}`), thing(`k${i}`));
    assert.ok(isStorageError(slow.closed[0], 'Overrun'));
    watch.resume();
    assert.equal(slow.seen.length, 5);
    assert.equal(fast.seen.length, 11);
    fast.abort.abort();
    assert.deepEqual(fast.closed, [undefined]);
  });

  it('answers Compacted for a watch from before its history', async () => {
    await using t = await open();
    const cache = t.cacher.cacheFor<Thing>({ prefix: '/registry/few/', historyEvents: 3 });
    await cache.ready();
    const revisions: number[] = [];
    for (let i = 0; i < 6; i++) revisions.push(await t.cacher.create(`/registry/few/k${i}`, thing(`k${i}`)));
    await assert.rejects(cache.watch({ ...observer(), after: revisions[1]! }), (err) =>
      isStorageError(err, 'Compacted'),
    );
    const seen: string[] = [];
    const { abort } = observer();
    const watch = await cache.watch({
      after: revisions[2]!,
      signal: abort.signal,
      onBatch: (b) => seen.push(...b.deliveries.map((d) => d.entry.key)),
      onClose: () => {},
    });
    watch.resume();
    assert.deepEqual(seen, ['/registry/few/k3', '/registry/few/k4', '/registry/few/k5']);
    // A list at an older revision is still in the store's own history.
    assert.equal((await cache.list({ revision: revisions[0]! })).entries.length, 1);
  });

  it('forgets the oldest changes when what they replaced is more than allowed', async () => {
    await using t = await open();
    const cache = t.cacher.cacheFor<Thing>({ prefix: '/registry/some/', historyBytes: 5000 });
    await cache.ready();
    const key = '/registry/some/k';
    const revisions = [await t.cacher.create(key, thing('k'))];
    for (let i = 0; i < 100; i++) revisions.push(await t.cacher.update(key, thing('k'), revisions.at(-1)!));
    (await cache.watch({ ...observer(), after: revisions.at(-15)! })).close();
    await assert.rejects(cache.watch({ ...observer(), after: revisions.at(-50)! }), (err) =>
      isStorageError(err, 'Compacted'),
    );
  });

  it('lets what was replaced be an eighth of what there is, and not less than 8 MB', async () => {
    await using t = await open();
    const large = (i: number) => Buffer.from(`{"metadata":{"name":"${i}"},"text":"${'x'.repeat(1 << 20)}"}`);
    const remembered = async (root: string, objects: number) => {
      const cache = t.cacher.cacheFor<Thing>({ prefix: root });
      await cache.ready();
      for (let i = 0; i < objects; i++) await t.cacher.create(`${root}k${i}`, large(i));
      const revisions = [await t.cacher.create(`${root}key`, large(0))];
      for (let i = 0; i < 20; i++) revisions.push(await t.cacher.update(`${root}key`, large(i), revisions.at(-1)!));
      let n = 0;
      for (const after of revisions.toReversed()) {
        try {
          (await cache.watch({ ...observer(), after })).close();
          n++;
        } catch (err) {
          assert.ok(isStorageError(err, 'Compacted'));
        }
      }
      return n - 1;
    };
    assert.equal(await remembered('/registry/few/', 1), 7);
    assert.equal(await remembered('/registry/many/', 95), 11);
  });

  it('gives back what it can, and has everything as before', async () => {
    await using t = await open();
    const revisions: number[] = [];
    for (let i = 0; i < 200; i++) revisions.push(await t.cacher.create(keyOf(`${i}`), thing(`${i}`)));
    for (let i = 0; i < 200; i += 2) await t.cacher.delete(keyOf(`${i}`), revisions[i]!);
    await t.cacher.compact(await t.cacher.currentRevision());
    const texts = async () => (await t.cache.list()).entries.map((e) => e.bytes.toString());
    const before = await texts();
    const { object } = t.cache.peek(keyOf('1'))!;
    await t.cacher.giveBack(new AbortController().signal);
    assert.deepEqual(await texts(), before);
    assert.notEqual(t.cache.peek(keyOf('1'))!.object, object);
    assert.deepEqual(t.cache.peek(keyOf('1'))!.object, object);
  });

  it('keeps as much history after compactions as before them', async () => {
    await using t = await open();
    const cache = t.cacher.cacheFor<Thing>({ prefix: '/registry/some/', historyBytes: 5000 });
    await cache.ready();
    const key = '/registry/some/k';
    let revision = await t.cacher.create(key, thing('k'));
    for (let i = 0; i < 10; i++) {
      const after = revision;
      for (let j = 0; j < 20; j++) revision = await t.cacher.update(key, thing('k'), revision);
      const watch = await cache.watch({ ...observer(), after });
      watch.close();
      await t.cacher.compact(revision);
    }
  });

  it('fills itself again when its source is lost, keeps what did not change and ends the watches', async () => {
    const clock = new VirtualClock();
    const memory = await openMemoryStorage({ clock });
    const sinks: WatchSink[] = [];
    const flaky: Storage = Object.assign(Object.create(memory) as Storage, {
      capabilities: memory.capabilities,
      list: memory.list.bind(memory),
      subscribe: (async (prefix, options, sink) => {
        sinks.push(sink);
        return memory.subscribe(prefix, options, sink);
      }) satisfies Storage['subscribe'],
    });
    await memory.create(keyOf('a'), thing('a'));
    await using cacher = openCacher(
      Object.assign(flaky, { [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose]() }),
      { clock },
    );
    const cache: WatchCache<Thing> = cacher.cacheFor<Thing>({ prefix: PREFIX, serve });
    const kept = await cache.get(keyOf('a'), { minRevision: 0 });
    const o = observer();
    (await cache.watch(o)).resume();
    sinks[0]!.closed(new StorageError('Unavailable', 'connection lost'));
    await memory.create(keyOf('b'), thing('b'));
    await clock.advance(1000);
    assert.ok(isStorageError(o.closed[0], 'Unavailable'));
    assert.deepEqual(names((await cache.list()).entries), ['a', 'b']);
    assert.equal(cache.peek(keyOf('a')), kept);
  });

  it('is not stopped by a value it cannot parse or a watcher that throws', async () => {
    await using t = await open();
    const selected = observer();
    const broken = observer();
    (await t.cache.watch({ ...selected, selector: labelled('color', 'red') })).resume();
    const failing = await t.cache.watch({
      ...broken,
      onBatch: () => {
        throw new Error('no');
      },
    });
    failing.resume();
    await t.cacher.create(keyOf('bad'), Buffer.from('not json'));
    assert.ok(isStorageError(broken.closed[0], 'Unavailable'));
    const revision = await t.cacher.create(keyOf('good'), thing('good', { labels: { color: 'red' } }));
    assert.deepEqual(selected.seen, [`ADDED good ${revision}`]);
    assert.ok(t.cache.peek(keyOf('bad')));
  });

  it('a hundred watchers on different scopes see every change once and in order while many write', async () => {
    await using t = await open();
    const observers = Array.from({ length: 100 }, () => observer());
    for (const [i, o] of observers.entries()) {
      const watch = await t.cache.watch(i % 2 === 0 ? o : { ...o, selector: labelled('w', String(i % 16)) });
      watch.resume();
      if (i % 5 === 0) {
        watch.pause();
        queueMicrotask(() => watch.resume());
      }
    }
    const lines: { line: string; revision: number; w: string }[] = [];
    await Promise.all(
      Array.from({ length: 64 }, async (_, n) => {
        const w = String(n % 16);
        let revision = await t.cacher.create(keyOf(`k${n}`), thing(`k${n}`, { labels: { w } }));
        lines.push({ line: `ADDED k${n} ${revision}`, revision, w });
        for (let r = 0; r < 5; r++) {
          revision = await t.cacher.update(keyOf(`k${n}`), thing(`k${n}`, { labels: { w } }), revision);
          lines.push({ line: `MODIFIED k${n} ${revision}`, revision, w });
        }
        revision = await t.cacher.delete(keyOf(`k${n}`), revision);
        lines.push({ line: `DELETED k${n} ${revision}`, revision, w });
      }),
    );
    lines.sort((a, b) => a.revision - b.revision);
    for (const [i, o] of observers.entries()) {
      const want = i % 2 === 0 ? lines : lines.filter((l) => l.w === String(i % 16));
      assert.deepEqual(
        o.seen,
        want.map((l) => l.line),
      );
    }
  });
});
