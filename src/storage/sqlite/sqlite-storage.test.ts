/** The sqlite store under the contract's suite, and what concerns its file: restart, compaction, refusals. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../base/clock.ts';
import { openCacher } from '../cacher/cacher.ts';
import { isStorageError, type StorageError } from '../storage.ts';
import { storageSuite } from '../testing/storage-suite.ts';
import { DATABASE_FILE } from './database.ts';
import { openSqliteStorage } from './sqlite-storage.ts';

const WATCH_BUFFER = 1000;

const temporary = () => {
  const dir = mkdtempSync(join(tmpdir(), 'keelson-sqlite-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
};

for (const cached of [false, true]) {
  storageSuite(
    cached ? 'cacher on sqlite' : 'sqlite',
    async () => {
      const t = temporary();
      const clock = new VirtualClock();
      let storage = await openSqliteStorage({ dir: t.dir, clock, watchBuffer: WATCH_BUFFER });
      if (cached) {
        const cacher = openCacher(storage, { clock, watchBuffer: WATCH_BUFFER });
        cacher.cacheStored('/registry/');
        storage = cacher;
      }
      return {
        storage,
        root: '/registry/things/',
        pass: (ms) => clock.advance(ms),
        close: async () => {
          await storage[Symbol.asyncDispose]();
          t[Symbol.dispose]();
        },
      };
    },
    { watchBuffer: WATCH_BUFFER },
  );
}

describe('sqlite storage', () => {
  const value = (n: number) => Buffer.alloc(1000, String(n));

  it('finds everything again after a restart: values, revisions, history, expiry', async () => {
    using t = temporary();
    const clock = new VirtualClock();
    let storage = await openSqliteStorage({ dir: t.dir, clock });
    const r1 = await storage.create('/registry/a', value(1));
    const r2 = await storage.update('/registry/a', value(2), r1);
    const r3 = await storage.create('/registry/expires', value(3), { ttlSeconds: 60 });
    const r4 = await storage.create('/registry/b', value(4));
    const r5 = await storage.delete('/registry/b', r4);
    await storage[Symbol.asyncDispose]();
    storage = await openSqliteStorage({ dir: t.dir, clock });
    assert.equal(await storage.currentRevision(), r5);
    assert.deepEqual(await storage.get('/registry/a'), {
      key: '/registry/a',
      value: value(2),
      modRevision: r2,
      createRevision: r1,
    });
    assert.deepEqual(
      (await storage.list('/registry/', { revision: r4 })).items.map((i) => i.key),
      ['/registry/a', '/registry/b', '/registry/expires'],
    );
    const abort = new AbortController();
    const watch = await storage.watch('/registry/', { after: r3, signal: abort.signal });
    const seen: string[] = [];
    void clock.advance(61_000);
    for await (const event of watch) {
      seen.push(`${event.type} ${event.revision}`);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [`put ${r4}`, `delete ${r5}`, `delete ${r5 + 1}`]);
    await storage[Symbol.asyncDispose]();
  });

  it('never gives a revision again, also when the newest one was a deletion that is compacted', async () => {
    using t = temporary();
    const clock = new VirtualClock();
    let storage = await openSqliteStorage({ dir: t.dir, clock });
    const r1 = await storage.create('/registry/a', value(1));
    const r2 = await storage.delete('/registry/a', r1);
    await storage.compact(r2);
    await storage[Symbol.asyncDispose]();
    storage = await openSqliteStorage({ dir: t.dir, clock });
    assert.equal(await storage.create('/registry/a', value(1)), r2 + 1);
    await storage[Symbol.asyncDispose]();
  });

  it('is for its owner alone, whoever may enter the directory', async () => {
    using t = temporary();
    chmodSync(t.dir, 0o755);
    const storage = await openSqliteStorage({ dir: t.dir, clock: new VirtualClock() });
    await storage.create('/registry/secrets/a', value(1));
    for (const file of [DATABASE_FILE, `${DATABASE_FILE}-wal`]) {
      assert.equal(statSync(join(t.dir, file)).mode & 0o777, 0o600, file);
    }
    await storage[Symbol.asyncDispose]();
  });

  it('gives space back on compaction', async () => {
    using t = temporary();
    const storage = await openSqliteStorage({ dir: t.dir, clock: new VirtualClock() });
    let revision = await storage.create('/registry/a', Buffer.alloc(10_000));
    for (let i = 0; i < 400; i++) revision = await storage.update('/registry/a', Buffer.alloc(10_000, i), revision);
    await storage.compact(revision);
    assert.ok((await storage.get('/registry/a'))!.value.equals(Buffer.alloc(10_000, 399)));
    await storage[Symbol.asyncDispose]();
    assert.ok(statSync(join(t.dir, DATABASE_FILE)).size < 300_000);
  });

  it('lists more than fits one answer of the worker, in one state, while rows are compacted away', async () => {
    using t = temporary();
    const storage = await openSqliteStorage({ dir: t.dir, clock: new VirtualClock() });
    const big = (n: number) => Buffer.alloc(500_000, n);
    const revisions = await Promise.all(
      Array.from({ length: 30 }, (_, i) => storage.create(`/registry/k${String(i).padStart(2, '0')}`, big(i))),
    );
    const listing = storage.list('/registry/');
    const last = await storage.update('/registry/k29', big(77), revisions[29]!);
    await storage.compact(last);
    const { items, revision } = await listing;
    assert.equal(revision, last - 1);
    assert.ok(items.every((item, i) => item.value.equals(big(i))));
    await storage[Symbol.asyncDispose]();
  });

  it('is refused to a second opener with a clear message', async () => {
    using t = temporary();
    const clock = new VirtualClock();
    const storage = await openSqliteStorage({ dir: t.dir, clock });
    await assert.rejects(openSqliteStorage({ dir: t.dir, clock }), (err: StorageError) => {
      assert.equal(err.code, 'Unavailable');
      assert.match(err.message, /keelson\.db is in use by another process/);
      return true;
    });
    await storage.create('/registry/a', value(1));
    await storage[Symbol.asyncDispose]();
  });

  const refusals: { name: string; damage(file: string): void; message: RegExp }[] = [
    {
      name: 'a file that is no database',
      damage: (file) => writeFileSync(file, 'no database at all, '.repeat(1000)),
      message: /is not a database/,
    },
    {
      name: 'somebody else’s database',
      damage: (file) => {
        const bytes = readFileSync(file);
        bytes.writeUInt32BE(0x12345678, 68);
        writeFileSync(file, bytes);
      },
      message: /is not a keelson database/,
    },
    {
      name: 'a newer format',
      damage: (file) => {
        const bytes = readFileSync(file);
        bytes.writeUInt32BE(99, 60);
        writeFileSync(file, bytes);
      },
      message: /has format 99/,
    },
    {
      name: 'pages overwritten',
      damage: (file) => {
        const fd = openSync(file, 'r+');
        for (let page = 2; page < 8; page++) writeSync(fd, Buffer.alloc(8192, 0xab), 0, 8192, page * 8192);
        closeSync(fd);
      },
      message: /is corrupt/,
    },
    {
      name: 'a file cut short',
      damage: (file) => writeFileSync(file, readFileSync(file).subarray(0, 3 * 8192)),
      message: /is corrupt/,
    },
  ];
  for (const { name, damage, message } of refusals) {
    it(`refuses ${name} and leaves it as it is`, async () => {
      using t = temporary();
      const clock = new VirtualClock();
      const storage = await openSqliteStorage({ dir: t.dir, clock });
      await Promise.all(Array.from({ length: 200 }, (_, i) => storage.create(`/registry/k${i}`, value(i))));
      await storage[Symbol.asyncDispose]();
      const file = join(t.dir, DATABASE_FILE);
      damage(file);
      const damaged = readFileSync(file);
      await assert.rejects(openSqliteStorage({ dir: t.dir, clock }), (err: StorageError) => {
        assert.equal(err.code, 'Corrupt');
        assert.match(err.message, message);
        assert.ok(err.message.includes(file));
        return true;
      });
      assert.deepEqual(readFileSync(file), damaged);
    });
  }

  it('never serves a value with a flipped bit', async () => {
    using t = temporary();
    const clock = new VirtualClock();
    let storage = await openSqliteStorage({ dir: t.dir, clock });
    await storage.create('/registry/a', Buffer.alloc(1000, 'flip me '));
    await storage[Symbol.asyncDispose]();
    const file = join(t.dir, DATABASE_FILE);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('flip me flip me') + 100]! ^= 1;
    writeFileSync(file, bytes);
    storage = await openSqliteStorage({ dir: t.dir, clock });
    await assert.rejects(storage.get('/registry/a'), (err) => isStorageError(err, 'Corrupt'));
    await assert.rejects(storage.list('/registry/'), (err) => isStorageError(err, 'Corrupt'));
    await storage[Symbol.asyncDispose]();
  });
});
