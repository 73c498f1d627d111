/** Entries that are packed: they take a fraction of their bytes, and everything is answered as before. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { openMemoryStorage } from '../memory/memory-storage.ts';
import type { CacheEntry } from './cache-entry.ts';
import { openCacher } from './cacher.ts';
import type { WatchBatch } from './delivery.ts';

interface Thing {
  metadata: { name: string; resourceVersion?: string; labels: Record<string, string> };
  texts: string[];
}

const PREFIX = '/registry/things/';
const keyOf = (i: number) => `${PREFIX}default/thing-${String(i).padStart(4, '0')}`;
const TEXTS = Array.from({ length: 60 }, (_, i) => `what all of them say in line ${i}, and it is always the same`);

function thing(i: number, note = ''): Buffer {
  const metadata = { name: `thing-${i}`, labels: { slot: `s${i % 10}`, note } };
  return Buffer.from(JSON.stringify({ metadata, texts: TEXTS }));
}

function serve(value: Buffer, revision: number): Buffer {
  const object = JSON.parse(value.toString()) as Thing;
  object.metadata.resourceVersion = String(revision);
  return Buffer.from(JSON.stringify(object));
}

const MANY = 400;

/** A cache of many things that was told to take less. */
async function packed() {
  const clock = new VirtualClock();
  const cacher = openCacher(await openMemoryStorage({ clock }), { clock });
  const cache = cacher.cacheFor<Thing>({ prefix: PREFIX, serve });
  await cache.ready();
  const revisions: number[] = [];
  for (let i = 0; i < MANY; i++) revisions.push(await cacher.create(keyOf(i), thing(i)));
  const before = (await cache.list()).entries.map((e) => e.bytes.toString());
  const rest = () => cacher.giveBack(new AbortController().signal);
  await rest();
  return { cacher, cache, revisions, before, rest, [Symbol.asyncDispose]: () => cacher[Symbol.asyncDispose]() };
}

const heldBytes = (entries: readonly CacheEntry<Thing>[]) => entries.reduce((n, e) => n + e.held.length, 0);

describe('packed entries', () => {
  it('take a fraction of their bytes, and say what they said', async () => {
    await using t = await packed();
    const { entries } = await t.cache.list();
    assert.deepEqual(
      entries.map((e) => e.bytes.toString()),
      t.before,
    );
    assert.deepEqual(
      entries.map((e) => e.lent.toString()),
      t.before,
    );
    const bytes = entries.reduce((n, e) => n + e.size, 0);
    assert.ok(heldBytes(entries) < bytes / 10, `${heldBytes(entries)} of ${bytes}`);
    assert.equal(entries[7]!.object.metadata.name, 'thing-7');
    assert.equal(entries[7]!.labels.slot, 's7');
  });

  it('lend until the next one is asked, and give for good', async () => {
    await using t = await packed();
    const [a, b] = (await t.cache.list()).entries as [CacheEntry<Thing>, CacheEntry<Thing>];
    const lent = a.lent;
    const [first, second] = [a.bytes, b.bytes];
    b.lent;
    assert.equal(lent.length, first.length);
    assert.equal(first.toString(), t.before[0]);
    assert.equal(second.toString(), t.before[1]);
    assert.equal(a.bytes, first);
    await t.rest();
    assert.notEqual(a.bytes, first, 'what was unpacked is not kept once it is quiet again');
    assert.equal(a.bytes.toString(), t.before[0]);
  });

  it('are replaced, deleted and watched from before as others are', async () => {
    await using t = await packed();
    const after = t.cache.revision;
    const updated = await t.cacher.update(keyOf(3), thing(3, 'changed'), t.revisions[3]!);
    const deleted = await t.cacher.delete(keyOf(5), t.revisions[5]!);
    await t.rest();
    assert.equal(t.cache.peek(keyOf(3))!.object.metadata.labels.note, 'changed');
    assert.equal(t.cache.peek(keyOf(3))!.object.metadata.resourceVersion, String(updated));
    assert.equal(t.cache.peek(keyOf(5)), undefined);
    const seen: string[] = [];
    const abort = new AbortController();
    const selector = { id: 'unchanged', matches: (e: CacheEntry<Thing>) => e.labels.note === '' };
    const onBatch = (batch: WatchBatch<Thing>) => {
      for (const d of batch.deliveries) {
        const { name, resourceVersion, labels } = d.entry.object.metadata;
        seen.push(`${d.type} ${name} ${resourceVersion} ${labels.note}`);
        assert.equal(d.entry.bytes.toString(), d.entry.lent.toString());
      }
    };
    const watch = await t.cache.watch({ after, selector, onBatch, onClose() {}, signal: abort.signal });
    watch.resume();
    await new Promise((r) => setImmediate(r));
    abort.abort();
    assert.deepEqual(seen, [`DELETED thing-3 ${updated} `, `DELETED thing-5 ${deleted} `]);
    const old = await t.cache.list({ revision: after });
    assert.deepEqual(
      old.entries.map((e) => e.bytes.toString()),
      t.before,
    );
  });

  it('keep what is made of them packed, too, as long as they are current', async () => {
    await using t = await packed();
    let made = 0;
    const shout = (e: CacheEntry<Thing>) => {
      made++;
      return Buffer.from(e.lent.toString().toUpperCase());
    };
    const { entries } = await t.cache.list();
    const want = t.before.map((text) => text.toUpperCase());
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(
        entries.map((e) => e.lentForm('loud', shout).toString()),
        want,
      );
    }
    assert.equal(made, MANY);
    assert.equal(
      entries[0]!.lentForm('none', () => undefined),
      undefined,
    );
    await t.cacher.update(keyOf(0), thing(0, 'changed'), t.revisions[0]!);
    assert.equal(entries[0]!.lentForm('loud', shout).toString(), want[0]);
    assert.equal(made, MANY + 1);
    assert.match(t.cache.peek(keyOf(0))!.lentForm('loud', shout).toString(), /"NOTE":"CHANGED"/);
  });

  it('keep short texts beside them as they are', async () => {
    await using t = await packed();
    const { entries } = await t.cache.list();
    const want = entries.map((_, i) => 'x'.repeat(i % 80));
    for (let round = 0; round < 2; round++) {
      const texts = entries.map((e, i) => e.lentForm('short', () => Buffer.from(want[i]!)).toString());
      assert.deepEqual(texts, want);
    }
  });

  it('keep other objects made of them as long as their own', async () => {
    await using t = await packed();
    let made = 0;
    const other = (e: CacheEntry<Thing>) => ({ name: e.object.metadata.name, n: ++made });
    const entry = t.cache.peek(keyOf(1))!;
    assert.equal(entry.objectSlot('other', other), entry.objectSlot('other', other));
    assert.equal(made, 1);
    await t.rest();
    assert.equal(entry.objectSlot('other', other).n, 2);
  });

  it('are packed on the next quiet time when one was too short', async () => {
    await using t = await packed();
    for (let i = MANY; i < 2 * MANY; i++) await t.cacher.create(keyOf(i), thing(i));
    await t.cacher.giveBack(AbortSignal.abort());
    const { entries } = await t.cache.list();
    assert.ok(heldBytes(entries) > (MANY / 2) * entries[0]!.size);
    await t.rest();
    assert.ok(heldBytes(entries) < (MANY / 5) * entries[0]!.size);
    assert.ok(entries.every((e) => e.bytes.equals(e.lent)));
  });
});
