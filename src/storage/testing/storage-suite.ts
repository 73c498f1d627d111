/**
 * Every promise of storage.ts as tests; memory, sqlite, etcd3 and the cacher all run it. `open` makes a store for one
 * test (it may be shared with other tests: all keys lie under `root`, no absolute revision is assumed).
 */
import assert from 'node:assert/strict';
import {
  isStorageError,
  type KeyValue,
  type Storage,
  type StorageErrorCode,
  type WatchEvent,
  type WatchProgress,
} from '../storage.ts';

export interface SuiteStore {
  storage: Storage;
  /** Key prefix of this test, ending with '/'. */
  root: string;
  /** Lets at least this much of the store's time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface SuiteOptions {
  skip?: readonly { test: string; reason: string }[];
  /** Events `watch` buffers for a consumer, so that the overrun test need not write twenty thousand. */
  watchBuffer?: number;
}

type Delivered = WatchEvent | WatchProgress;

export function storageSuite(name: string, open: () => Promise<SuiteStore>, options: SuiteOptions = {}): void {
  describe(`storage contract: ${name}`, () => {
    const promise = (test: string, body: (store: SuiteStore) => Promise<void>) => {
      const skipped = options.skip?.find((s) => s.test === test);
      if (skipped !== undefined) {
        it.skip(`${test} (${skipped.reason})`, () => {});
        return;
      }
      it(test, async () => {
        const store = await open();
        try {
          await body(store);
        } finally {
          await store.close();
        }
      });
    };

    writes(promise);
    reads(promise);
    compaction(promise);
    watches(promise, options.watchBuffer ?? 20_000);
    concurrency(promise);
    lifetime(promise);
  });
}

type Declare = (test: string, body: (store: SuiteStore) => Promise<void>) => void;

const bytes = (text: string) => Buffer.from(text);

async function rejectsWith(
  code: StorageErrorCode,
  promise: Promise<unknown>,
): Promise<{ revision: number | undefined }> {
  const err = await promise.then(
    () => assert.fail(`expected StorageError ${code}`),
    (e: unknown) => e,
  );
  assert.ok(isStorageError(err, code), `expected StorageError ${code}, got ${String(err)}`);
  return err as { revision: number | undefined };
}

/** Reads `n` changes (progress left out), or up to a change that `last` accepts. */
async function take(watch: AsyncIterable<Delivered>, n: number): Promise<WatchEvent[]> {
  const out: WatchEvent[] = [];
  if (n === 0) return out;
  const iterator = watch[Symbol.asyncIterator]();
  while (out.length < n) {
    const next = await iterator.next();
    if (next.done === true) break;
    if (next.value.type !== 'progress') out.push(next.value);
  }
  return out;
}

const brief = (e: WatchEvent) => `${e.type} ${e.key} ${e.revision} ${e.value?.toString() ?? ''}`;

function writes(promise: Declare): void {
  promise('a created key is read back with its revisions and bytes', async ({ storage, root }) => {
    const before = await storage.currentRevision();
    const revision = await storage.create(`${root}a`, bytes('one'));
    assert.ok(revision > before);
    const kv = await storage.get(`${root}a`);
    assert.deepEqual(
      { ...kv, value: kv?.value.toString() },
      { key: `${root}a`, value: 'one', modRevision: revision, createRevision: revision },
    );
  });

  promise('creating a key that exists is KeyExists and changes nothing', async ({ storage, root }) => {
    const revision = await storage.create(`${root}a`, bytes('one'));
    const err = await rejectsWith('KeyExists', storage.create(`${root}a`, bytes('two')));
    assert.equal(err.revision, revision);
    assert.equal((await storage.get(`${root}a`))?.value.toString(), 'one');
  });

  promise('an update moves the mod revision and keeps the create revision', async ({ storage, root }) => {
    const created = await storage.create(`${root}a`, bytes('one'));
    const updated = await storage.update(`${root}a`, bytes('two'), created);
    assert.ok(updated > created);
    const kv = await storage.get(`${root}a`);
    assert.deepEqual([kv?.value.toString(), kv?.modRevision, kv?.createRevision], ['two', updated, created]);
  });

  promise(
    'an update or delete with an old revision is Conflict and names the newest one',
    async ({ storage, root }) => {
      const first = await storage.create(`${root}a`, bytes('one'));
      const second = await storage.update(`${root}a`, bytes('two'), first);
      assert.equal((await rejectsWith('Conflict', storage.update(`${root}a`, bytes('x'), first))).revision, second);
      assert.equal((await rejectsWith('Conflict', storage.delete(`${root}a`, first))).revision, second);
      assert.equal((await storage.get(`${root}a`))?.value.toString(), 'two');
    },
  );

  promise('an update or delete of a missing key is KeyNotFound', async ({ storage, root }) => {
    await rejectsWith('KeyNotFound', storage.update(`${root}a`, bytes('x'), 1));
    await rejectsWith('KeyNotFound', storage.delete(`${root}a`, 1));
    const revision = await storage.create(`${root}a`, bytes('one'));
    await storage.delete(`${root}a`, revision);
    await rejectsWith('KeyNotFound', storage.update(`${root}a`, bytes('x'), revision));
  });

  promise(
    'a deletion takes a revision, and the key can be created again with a new create revision',
    async ({ storage, root }) => {
      const created = await storage.create(`${root}a`, bytes('one'));
      const deleted = await storage.delete(`${root}a`, created);
      assert.ok(deleted > created);
      assert.equal(await storage.get(`${root}a`), undefined);
      const again = await storage.create(`${root}a`, bytes('two'));
      assert.ok(again > deleted);
      assert.equal((await storage.get(`${root}a`))?.createRevision, again);
    },
  );

  promise('values are opaque: empty, binary and large ones come back unchanged', async ({ storage, root }) => {
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const large = Buffer.alloc(1_000_000, binary);
    await storage.create(`${root}binary`, binary);
    await storage.create(`${root}large`, large);
    await storage.create(`${root}empty`, Buffer.alloc(0));
    assert.deepEqual((await storage.get(`${root}binary`))?.value, binary);
    assert.ok((await storage.get(`${root}large`))?.value.equals(large));
    assert.equal((await storage.get(`${root}empty`))?.value.length, 0);
  });

  promise('an aborted signal rejects with its reason', async ({ storage, root }) => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    for (const attempt of [
      storage.get(`${root}a`, { signal }),
      storage.list(root, { signal }),
      storage.create(`${root}a`, bytes('x'), { signal }),
      storage.watch(root, { signal }),
    ]) {
      await assert.rejects(attempt, (err) => err === reason);
    }
    assert.equal(await storage.get(`${root}a`), undefined);
  });
}

function reads(promise: Declare): void {
  promise(
    'a list holds exactly the keys under the prefix, in byte order, at its revision',
    async ({ storage, root }) => {
      const names = ['b/2', 'a', 'b/10', 'b-x', 'b/1', 'c/1', 'bb'];
      let last = 0;
      for (const n of names) last = await storage.create(root + n, bytes(n));
      const all = await storage.list(root);
      assert.deepEqual(
        all.items.map((i) => i.key.slice(root.length)),
        [...names].sort(),
      );
      assert.ok(all.revision >= last);
      assert.deepEqual([all.more, all.remaining], [false, 0]);
      const b = await storage.list(`${root}b/`);
      assert.deepEqual(
        b.items.map((i) => i.value.toString()),
        ['b/1', 'b/10', 'b/2'],
      );
      assert.deepEqual((await storage.list(`${root}none/`)).items, []);
      assert.equal(await storage.count(root), names.length);
      assert.equal(await storage.count(`${root}b/`), 3);
    },
  );

  promise('a list hands every item over with its place, if asked to', async ({ storage, root }) => {
    const names = ['b', 'a', 'c', 'e', 'd'];
    const value = (n: string) => bytes(`${n}${'x'.repeat(300_000)}${n}`);
    for (const n of names) await storage.create(root + n, value(n));
    const found: string[] = [];
    const options = {
      each: (item: KeyValue, at: number) => {
        assert.ok(item.value.equals(value(item.key.slice(root.length))), item.key);
        found[at] = item.key.slice(root.length);
      },
    };
    const all = await storage.list(root, options);
    assert.deepEqual([found, all.items], [['a', 'b', 'c', 'd', 'e'], []]);
    found.length = 0;
    const some = await storage.list(root, { ...options, start: `${root}b`, limit: 3 });
    assert.deepEqual([found, some.items, some.more, some.remaining], [['b', 'c', 'd'], [], true, 1]);
  });

  promise('pages at one revision see one state while writers change it', async ({ storage, root }) => {
    const want: string[] = [];
    for (let i = 0; i < 25; i++) {
      const key = `${root}k${String(i).padStart(3, '0')}`;
      want.push(`${key}=${i}`);
      await storage.create(key, bytes(String(i)));
    }
    const got: string[] = [];
    let page = await storage.list(root, { limit: 7 });
    const { revision } = page;
    for (let round = 0; ; round++) {
      got.push(...page.items.map((i) => `${i.key}=${i.value}`));
      assert.equal(page.revision, revision);
      assert.equal(page.remaining, want.length - got.length);
      assert.equal(page.more, page.remaining > 0);
      if (!page.more) break;
      // One insert before and one behind the cursor, one update and one delete ahead of it.
      await storage.create(`${root}a${round}`, bytes('new'));
      await storage.create(`${root}z${round}`, bytes('new'));
      const [first, second] = (await storage.list(`${root}k02`)).items as [KeyValue, KeyValue];
      await storage.update(first.key, bytes('changed'), first.modRevision);
      await storage.delete(second.key, second.modRevision);
      page = await storage.list(root, { limit: 7, revision, start: `${page.items.at(-1)!.key}\0` });
    }
    assert.deepEqual(got, want);
  });

  promise('a list at an older revision is the state of then', async ({ storage, root }) => {
    const r1 = await storage.create(`${root}a`, bytes('1'));
    const r2 = await storage.create(`${root}b`, bytes('1'));
    const r3 = await storage.update(`${root}a`, bytes('2'), r1);
    const r4 = await storage.delete(`${root}b`, r2);
    const r5 = await storage.create(`${root}b`, bytes('3'));
    const at = async (revision: number) =>
      (await storage.list(root, { revision })).items.map(
        (i) => `${i.key.slice(root.length)}=${i.value}@${i.modRevision}`,
      );
    assert.deepEqual(await at(r1), [`a=1@${r1}`]);
    assert.deepEqual(await at(r2), [`a=1@${r1}`, `b=1@${r2}`]);
    assert.deepEqual(await at(r3), [`a=2@${r3}`, `b=1@${r2}`]);
    assert.deepEqual(await at(r4), [`a=2@${r3}`]);
    assert.deepEqual(await at(r5), [`a=2@${r3}`, `b=3@${r5}`]);
    assert.deepEqual(await at(r2), [`a=1@${r1}`, `b=1@${r2}`]);
  });

  promise('a revision that is not reached yet is FutureRevision', async ({ storage, root }) => {
    await storage.create(`${root}a`, bytes('1'));
    const current = await storage.currentRevision();
    const err = await rejectsWith('FutureRevision', storage.list(root, { revision: current + 1_000_000 }));
    assert.ok(err.revision! >= current);
    await rejectsWith('FutureRevision', storage.list(root, { minRevision: current + 1_000_000 }));
  });

  promise('a read with a minimum revision is at least as new', async ({ storage, root }) => {
    const r1 = await storage.create(`${root}a`, bytes('1'));
    const r2 = await storage.update(`${root}a`, bytes('2'), r1);
    assert.equal((await storage.get(`${root}a`, { minRevision: r2 }))?.modRevision, r2);
    assert.ok((await storage.list(root, { minRevision: r2 })).revision >= r2);
    assert.ok([r1, r2].includes((await storage.get(`${root}a`, { minRevision: 0 }))?.modRevision ?? r2));
  });
}

function compaction(promise: Declare): void {
  promise('after a compaction older revisions are Compacted and what is current stays', async ({ storage, root }) => {
    const r1 = await storage.create(`${root}a`, bytes('1'));
    await storage.create(`${root}keep`, bytes('k'));
    const r3 = await storage.update(`${root}a`, bytes('2'), r1);
    const r4 = await storage.create(`${root}gone`, bytes('g'));
    const r5 = await storage.delete(`${root}gone`, r4);
    await storage.compact(r4);
    await storage.compact(r4);
    await storage.compact(r1);
    await rejectsWith('Compacted', storage.list(root, { revision: r3 }));
    assert.deepEqual(
      (await storage.list(root, { revision: r4 })).items.map((i) => i.key.slice(root.length)),
      ['a', 'gone', 'keep'],
    );
    assert.deepEqual(
      (await storage.list(root, { revision: r5 })).items.map((i) => i.value.toString()),
      ['2', 'k'],
    );
    assert.equal((await storage.get(`${root}a`))?.value.toString(), '2');
  });

  promise('a watch that starts before the compaction is Compacted, one at it goes on', async ({ storage, root }) => {
    const r1 = await storage.create(`${root}a`, bytes('1'));
    const r2 = await storage.update(`${root}a`, bytes('2'), r1);
    const r3 = await storage.update(`${root}a`, bytes('3'), r2);
    await storage.compact(r2);
    const abort = new AbortController();
    await rejectsWith(
      'Compacted',
      (async () => {
        await take(await storage.watch(root, { after: r1 - 1, signal: abort.signal }), 1);
      })(),
    );
    const events = await take(await storage.watch(root, { after: r2, signal: abort.signal }), 1);
    assert.deepEqual(events.map(brief), [`put ${root}a ${r3} 3`]);
    abort.abort();
  });
}

function watches(promise: Declare, buffer: number): void {
  promise('a watch delivers each change once, in order, with what was there before', async ({ storage, root }) => {
    const abort = new AbortController();
    const watch = await storage.watch(`${root}w/`, { signal: abort.signal });
    const r1 = await storage.create(`${root}w/a`, bytes('1'));
    await storage.create(`${root}other`, bytes('x'));
    const r2 = await storage.update(`${root}w/a`, bytes('2'), r1);
    const r3 = await storage.delete(`${root}w/a`, r2);
    const r4 = await storage.create(`${root}w/a`, bytes('4'));
    const events = await take(watch, 4);
    const key = `${root}w/a`;
    assert.deepEqual(events, [
      { type: 'put', key, revision: r1, value: bytes('1'), createRevision: r1, created: true },
      {
        type: 'put',
        key,
        revision: r2,
        value: bytes('2'),
        createRevision: r1,
        previous: { key, value: bytes('1'), modRevision: r1, createRevision: r1 },
      },
      { type: 'delete', key, revision: r3, previous: { key, value: bytes('2'), modRevision: r2, createRevision: r1 } },
      { type: 'put', key, revision: r4, value: bytes('4'), createRevision: r4, created: true },
    ]);
    abort.abort();
  });

  promise('a watch resumes after any revision without gap or repeat', async ({ storage, root }) => {
    const start = await storage.currentRevision();
    const history: string[] = [];
    const revisions = [start];
    let revision = await storage.create(`${root}a`, bytes('0'));
    history.push(`put ${root}a ${revision} 0`);
    revisions.push(revision);
    for (let i = 1; i < 8; i++) {
      revision = await storage.update(`${root}a`, bytes(String(i)), revision);
      history.push(`put ${root}a ${revision} ${i}`);
      revisions.push(revision);
    }
    const abort = new AbortController();
    const streams = await Promise.all(revisions.map((after) => storage.watch(root, { after, signal: abort.signal })));
    revision = await storage.delete(`${root}a`, revision);
    history.push(`delete ${root}a ${revision} `);
    for (const [i, stream] of streams.entries()) {
      const events = await take(stream, history.length - i);
      assert.deepEqual(events.map(brief), history.slice(i));
    }
    abort.abort();
  });

  promise('an abort ends the watch', async ({ storage, root }) => {
    const abort = new AbortController();
    const watch = await storage.watch(root, { signal: abort.signal });
    const seen = take(watch, 2);
    await storage.create(`${root}a`, bytes('1'));
    for (let i = 0; i < 100 && (await Promise.race([seen, tick()])) !== undefined; i++);
    abort.abort();
    assert.ok((await seen).length <= 1);
    await storage.create(`${root}b`, bytes('1'));
  });

  promise('a consumer that does not keep up ends with Overrun and holds nobody up', async ({ storage, root }) => {
    const abort = new AbortController();
    const slow = await storage.watch(root, { signal: abort.signal });
    let revision = await storage.create(`${root}a`, bytes('0'));
    const other = await storage.watch(root, { signal: abort.signal });
    for (let i = 0; i < buffer + 5; i++) revision = await storage.update(`${root}a`, bytes(String(i)), revision);
    // The event that overruns may still be on its way on a shared store.
    const sentinel = await storage.watch(root, { after: revision - 1, signal: abort.signal });
    assert.equal((await take(sentinel, 1))[0]?.revision, revision);
    await rejectsWith('Overrun', take(slow, buffer + 6));
    await rejectsWith('Overrun', take(other, buffer + 5));
    abort.abort();
  });

  promise(
    'an idle watch that asked for it gets progress, which never runs ahead of changes',
    async ({ storage, root, pass }) => {
      const abort = new AbortController();
      const watch = await storage.watch(`${root}w/`, { progressMs: 500, signal: abort.signal });
      const iterator = watch[Symbol.asyncIterator]();
      const revision = await storage.create(`${root}w/a`, bytes('1'));
      const first = await iterator.next();
      assert.deepEqual([first.value?.type, first.value?.revision], ['put', revision]);
      const elsewhere = await storage.create(`${root}elsewhere`, bytes('1'));
      let newest = 0;
      for (let i = 0; i < 20 && newest < elsewhere; i++) {
        const next = iterator.next();
        await pass(600);
        const { value } = await next;
        assert.equal(value?.type, 'progress');
        newest = value!.revision;
      }
      assert.ok(newest >= elsewhere);
      abort.abort();
    },
  );

  promise('a subscription knows how far it is', async ({ storage, root }) => {
    const abort = new AbortController();
    const seen: string[] = [];
    const ends: unknown[] = [];
    const subscription = await storage.subscribe(
      `${root}w/`,
      { signal: abort.signal },
      { events: (batch) => seen.push(...batch.map(brief)), closed: (err) => ends.push(err) },
    );
    const r1 = await storage.create(`${root}w/a`, bytes('1'));
    const r2 = await storage.create(`${root}elsewhere`, bytes('1'));
    if (subscription.reportsProgress) {
      await subscription.reached(r2);
      assert.ok(subscription.revision >= r2);
    } else {
      await subscription.reached(r1);
    }
    assert.deepEqual(seen, [`put ${root}w/a ${r1} 1`]);
    abort.abort();
    assert.deepEqual(ends, [undefined]);
  });
}

const tick = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));

function concurrency(promise: Declare): void {
  promise(
    'sixteen writers: every write has its own revision, every watcher sees each once and in order',
    async ({ storage, root }) => {
      const WRITERS = 16;
      const ROUNDS = 12;
      const start = await storage.currentRevision();
      const abort = new AbortController();
      const early = await Promise.all(
        Array.from({ length: 5 }, () => storage.watch(root, { after: start, signal: abort.signal })),
      );
      const written = new Map<number, string>();
      const write = (line: string, revision: number) => {
        assert.ok(!written.has(revision), `revision ${revision} was given twice`);
        written.set(revision, line);
      };
      await Promise.all(
        Array.from({ length: WRITERS }, async (_, w) => {
          const key = `${root}k${w}`;
          for (let r = 0; r < ROUNDS; r++) {
            let revision = await storage.create(key, bytes(`${r}`));
            write(`put ${key} ${revision} ${r}`, revision);
            revision = await storage.update(key, bytes(`${r}u`), revision);
            write(`put ${key} ${revision} ${r}u`, revision);
            revision = await storage.delete(key, revision);
            write(`delete ${key} ${revision} `, revision);
          }
        }),
      );
      const want = [...written].sort((a, b) => a[0] - b[0]).map(([, line]) => line);
      const late = await storage.watch(root, { after: start, signal: abort.signal });
      for (const watch of [...early, late]) assert.deepEqual((await take(watch, want.length)).map(brief), want);
      assert.equal(await storage.count(root), 0);
      abort.abort();
    },
  );

  promise('one counter with compare-and-swap loses no increment', async ({ storage, root }) => {
    const key = `${root}counter`;
    await storage.create(key, bytes('0'));
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let done = 0; done < 10; ) {
          const { value, modRevision } = (await storage.get(key))!;
          try {
            await storage.update(key, bytes(String(Number(value) + 1)), modRevision);
            done++;
          } catch (err) {
            assert.ok(isStorageError(err, 'Conflict'), String(err));
          }
        }
      }),
    );
    assert.equal((await storage.get(key))?.value.toString(), '80');
  });

  promise('of many creates of one key exactly one succeeds', async ({ storage, root }) => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => storage.create(`${root}a`, bytes(String(i)))),
    );
    assert.equal(results.filter((r) => r.status === 'fulfilled').length, 1);
    for (const r of results) if (r.status === 'rejected') assert.ok(isStorageError(r.reason, 'KeyExists'));
  });

  promise('a list and the watch after it miss nothing and repeat nothing', async ({ storage, root }) => {
    const abort = new AbortController();
    const writer = (async () => {
      for (let i = 0; i < 60; i++) await storage.create(`${root}k${String(i).padStart(3, '0')}`, bytes(String(i)));
    })();
    await storage.healthy();
    const list = await storage.list(root);
    const watch = await storage.watch(root, { after: list.revision, signal: abort.signal });
    await writer;
    const events = await take(watch, 60 - list.items.length);
    assert.deepEqual(
      [...list.items.map((i) => i.value.toString()), ...events.map((e) => e.value!.toString())],
      Array.from({ length: 60 }, (_, i) => String(i)),
    );
    abort.abort();
  });
}

function lifetime(promise: Declare): void {
  promise(
    'a key with a time to live goes by itself, with an event; one written again stays',
    async ({ storage, root, pass }) => {
      const abort = new AbortController();
      const r1 = await storage.create(`${root}goes`, bytes('1'), { ttlSeconds: 1 });
      const r2 = await storage.create(`${root}stays`, bytes('1'), { ttlSeconds: 1 });
      const r3 = await storage.update(`${root}stays`, bytes('2'), r2);
      const watch = await storage.watch(root, { after: r3, signal: abort.signal });
      const gone = take(watch, 1);
      for (let i = 0; i < 40 && (await storage.get(`${root}goes`)) !== undefined; i++) await pass(500);
      const [event] = await gone;
      assert.deepEqual([event?.type, event?.key, event?.previous?.modRevision], ['delete', `${root}goes`, r1]);
      assert.equal((await storage.get(`${root}stays`))?.value.toString(), '2');
      abort.abort();
    },
  );

  promise('it says how much room it takes', async ({ storage, root, pass }) => {
    const value = bytes('x'.repeat(500_000));
    for (const key of ['a', 'b', 'c', 'd']) await storage.create(root + key, value);
    const enough = async () => (await storage.size()) >= 4 * value.length;
    // etcd writes what it has acknowledged to its file a little later.
    for (let i = 0; i < 40 && !(await enough()); i++) await pass(100);
    assert.ok(await enough(), `${await storage.size()}`);
  });

  promise('it is healthy until it is closed; afterwards everything is Closed', async ({ storage, root }) => {
    await storage.healthy();
    const watch = await storage.watch(root, { signal: new AbortController().signal });
    const end = take(watch, 1);
    await storage[Symbol.asyncDispose]();
    assert.deepEqual(await end, []);
    await rejectsWith('Closed', storage.get(`${root}a`));
    await rejectsWith('Closed', storage.create(`${root}a`, bytes('1')));
    await rejectsWith('Closed', storage.healthy());
    await storage[Symbol.asyncDispose]();
  });
}
