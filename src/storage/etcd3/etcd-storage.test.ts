/** The etcd store, alone and under the cacher, in the contract's suite against a real etcd; skipped where there is none. */
import assert from 'node:assert/strict';
import { needs } from '../../../test/harness/needs.ts';
import { systemClock } from '../../base/clock.ts';
import { openCacher } from '../cacher/cacher.ts';
import { isStorageError, type StorageError } from '../storage.ts';
import { EtcdServer, etcdVersion } from '../testing/etcd-server.ts';
import { storageSuite } from '../testing/storage-suite.ts';
import { reportsProgress } from './client.ts';
import { openEtcdStorage } from './etcd-storage.ts';

const WATCH_BUFFER = 600;

describe('etcd storage', function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let tests = 0;

  before(async function () {
    needs(this, 'etcd');
    server = await EtcdServer.start();
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  // The server's version decides whether its progress is trusted; Debian's etcd is too old for that.
  const trusted = reportsProgress(etcdVersion());
  for (const cached of [false, true]) {
    storageSuite(
      cached ? 'cacher on etcd' : 'etcd',
      async () => {
        const options = { servers: [server.url], clock: systemClock, watchBuffer: WATCH_BUFFER };
        const cacher = openCacher(await openEtcdStorage(options), { clock: systemClock, watchBuffer: WATCH_BUFFER });
        const root = `/registry/t${++tests}/`;
        if (cached) cacher.cacheStored(root);
        return {
          storage: cached ? cacher : cacher.inner,
          root,
          pass: (ms) => systemClock.sleep(ms),
          close: () => cacher[Symbol.asyncDispose](),
        };
      },
      {
        watchBuffer: WATCH_BUFFER,
        skip: trusted
          ? []
          : [
              {
                test: 'an idle watch that asked for it gets progress, which never runs ahead of changes',
                reason: `etcd ${etcdVersion()} may report progress too early`,
              },
            ],
      },
    );
  }

  it('learns from progress how far an idle watch is', async () => {
    // Safe on old servers too: they are wrong only while changes under the prefix are on their way.
    await using storage = await openEtcdStorage({ servers: [server.url], clock: systemClock, reportsProgress: true });
    const seen: unknown[] = [];
    const subscription = await storage.subscribe(
      '/registry/idle/',
      { signal: new AbortController().signal },
      { events: (events) => seen.push(...events), closed: () => {} },
    );
    const revision = await storage.create('/registry/busy', Buffer.from('1'));
    await subscription.reached(revision);
    assert.ok(subscription.revision >= revision);
    assert.deepEqual(seen, []);
  });

  it('watches on after the connection was lost, without gap or repeat', async () => {
    await using own = await EtcdServer.start();
    await using storage = await openEtcdStorage({ servers: [own.url], clock: systemClock });
    const abort = new AbortController();
    const watch = await storage.watch('/registry/', { signal: abort.signal });
    const r1 = await storage.create('/registry/a', Buffer.from('1'));
    await own.kill();
    await assert.rejects(storage.create('/registry/b', Buffer.from('1')), (err) => isStorageError(err, 'Unavailable'));
    await own.launch();
    let r2 = 0;
    while (r2 === 0) {
      r2 = await storage.update('/registry/a', Buffer.from('2'), r1).catch(async () => {
        await systemClock.sleep(50);
        return 0;
      });
    }
    const seen: number[] = [];
    for await (const event of watch) {
      seen.push(event.revision);
      if (seen.length === 2) break;
    }
    assert.deepEqual(seen, [r1, r2]);
  });

  it('fails to open with a clear message when nobody answers', async () => {
    await assert.rejects(
      openEtcdStorage({ servers: ['http://127.0.0.1:1'], clock: systemClock }),
      (err: StorageError) =>
        err.code === 'Unavailable' && /^etcd at http:\/\/127.0.0.1:1 does not answer/.test(err.message),
    );
  });

  it('serves a watch cache that is never behind, with and without progress', async () => {
    for (const progress of [true, false]) {
      const options = { servers: [server.url], clock: systemClock };
      await using other = await openEtcdStorage(options);
      const inner = await openEtcdStorage({ ...options, reportsProgress: progress });
      await using cacher = openCacher(inner, { clock: systemClock });
      const prefix = `/registry/wc-${progress}/`;
      for (let i = 0; i < 10; i++) await other.create(`${prefix}k${i}`, Buffer.from(`{"n":${i}}`));
      const cache = cacher.cacheFor<{ n: number }>({ prefix });
      await cache.ready();
      await other.create('/registry/elsewhere-1', Buffer.from('{}')).catch(() => 0);
      await other.create(`${prefix}new`, Buffer.from('{"n":10}'));
      const elsewhere = await other.create(`/registry/elsewhere-${progress}`, Buffer.from('{}'));
      const first = await cache.list({ limit: 6 });
      assert.ok(first.revision >= elsewhere);
      assert.equal(first.remaining, 5);
      // The cache has no way to see that nothing else happened under its prefix; none of these may wait for that.
      const rest = await cache.list({ limit: 6, revision: first.revision, start: first.next! });
      assert.deepEqual(
        [...first.entries, ...rest.entries].map((e) => e.object.n),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      );
      assert.equal((await cache.list({ minRevision: elsewhere })).entries.length, 11);
      assert.equal((await cache.get(`${prefix}new`, { minRevision: elsewhere }))?.object.n, 10);
      const seen: number[] = [];
      const abort = new AbortController();
      const watch = await cache.watch({
        after: first.revision,
        signal: abort.signal,
        onBatch: (batch) => seen.push(...batch.deliveries.map((d) => d.revision)),
        onClose: () => {},
      });
      watch.resume();
      assert.ok(watch.progress! >= first.revision);
      const started = await cache.watch({ initial: true, signal: abort.signal, onBatch: () => {}, onClose: () => {} });
      assert.equal(started.initial?.entries.length, 11);
      const last = await other.create(`${prefix}last`, Buffer.from('{"n":11}'));
      for (let i = 0; i < 100 && seen.length === 0; i++) await systemClock.sleep(20);
      assert.deepEqual(seen, [last]);
      await assert.rejects(cache.list({ minRevision: last + 1000, waitMs: 200 }), (err) =>
        isStorageError(err, 'FutureRevision'),
      );
      abort.abort();
    }
  });

  it('knows which servers report progress rightly', () => {
    for (const [version, want] of [
      ['3.4.23', false],
      ['3.4.31', true],
      ['3.5.12', false],
      ['3.5.13', true],
      ['3.6.0', true],
      ['4.0.0', true],
    ] as const) {
      assert.equal(reportsProgress(version), want, version);
    }
  });
});
