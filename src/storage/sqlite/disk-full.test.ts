/** A full disk: a clear error, nothing half written, everything goes on when there is space again. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from '../../../test/harness/needs.ts';
import { VirtualClock } from '../../base/clock.ts';
import { isStorageError, type Storage, type StorageError } from '../storage.ts';
import { openSqliteStorage } from './sqlite-storage.ts';

const mountTmpfs = (dir: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir]).status;

const value = (i: number) => Buffer.alloc(50_000, i);

/** Writes until there is no space; returns what was acknowledged. */
async function fill(storage: Storage): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>();
  for (let i = 0; ; i++) {
    const keys = [`/registry/k${i}a`, `/registry/k${i}b`, `/registry/k${i}c`];
    const results = await Promise.allSettled(keys.map((key) => storage.create(key, value(i))));
    for (const [k, r] of results.entries()) {
      if (r.status === 'fulfilled') acknowledged.set(keys[k]!, r.value);
      else {
        assert.ok(isStorageError(r.reason, 'NoSpace'), String(r.reason));
        assert.match((r.reason as StorageError).message, /^no space left to write .*keelson\.db/);
      }
    }
    if (results.some((r) => r.status === 'rejected')) return acknowledged;
  }
}

async function holdsExactly(storage: Storage, acknowledged: Map<string, number>): Promise<void> {
  const { items } = await storage.list('/registry/');
  assert.deepEqual(new Map(items.map((i) => [i.key, i.modRevision])), acknowledged);
  for (const item of items) assert.ok(item.value.every((b) => b === item.value[0]));
}

describe('sqlite storage without space', () => {
  it('refuses writes beyond its own limit and takes them after a compaction', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'keelson-full-'));
    try {
      const clock = new VirtualClock();
      let storage = await openSqliteStorage({ dir, clock, maxBytes: 2 << 20 });
      const acknowledged = await fill(storage);
      assert.ok(acknowledged.size > 10);
      const newest = Math.max(...acknowledged.values());
      assert.equal(await storage.currentRevision(), newest);
      await holdsExactly(storage, acknowledged);
      await storage[Symbol.asyncDispose]();
      storage = await openSqliteStorage({ dir, clock, maxBytes: 2 << 20 });
      await holdsExactly(storage, acknowledged);
      let last = 0;
      for (const [key, revision] of [...acknowledged].slice(0, 3)) {
        last = await storage.delete(key, revision);
        acknowledged.delete(key);
      }
      assert.ok(last > newest);
      await storage.compact(last);
      acknowledged.set('/registry/again', await storage.create('/registry/again', value(1)));
      await holdsExactly(storage, acknowledged);
      await storage[Symbol.asyncDispose]();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  describe('on a file system of 4 MB', () => {
    let mount: string;
    before(function () {
      needs(this, 'mounting');
      mount = mkdtempSync(join(tmpdir(), 'keelson-tmpfs-'));
      assert.equal(mountTmpfs(mount), 0);
    });
    beforeEach(() => rmSync(join(mount, 'data'), { recursive: true, force: true }));
    after(() => {
      if (mount === undefined) return;
      spawnSync('umount', [mount]);
      rmSync(mount, { recursive: true, force: true });
    });

    it('says so, keeps what was acknowledged, and goes on when there is space', async () => {
      const clock = new VirtualClock();
      const ballast = join(mount, 'ballast');
      writeFileSync(ballast, Buffer.alloc(1 << 20));
      const dir = join(mount, 'data');
      let storage = await openSqliteStorage({ dir, clock });
      const acknowledged = await fill(storage);
      assert.ok(acknowledged.size > 5);
      await holdsExactly(storage, acknowledged);
      rmSync(ballast);
      acknowledged.set('/registry/again', await storage.create('/registry/again', value(1)));
      await storage[Symbol.asyncDispose]();
      storage = await openSqliteStorage({ dir, clock });
      await holdsExactly(storage, acknowledged);
      await storage[Symbol.asyncDispose]();
    });

    it('does not half-start where there is no space at all', async () => {
      const clock = new VirtualClock();
      const dir = join(mount, 'fresh');
      mkdirSync(dir);
      const ballast = join(mount, 'ballast');
      for (let size = 4 << 20; size >= 4096; size >>= 1) {
        try {
          writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
        } catch {
          // As much as fits.
        }
      }
      await assert.rejects(openSqliteStorage({ dir, clock }), (err: StorageError) => {
        assert.equal(err.code, 'NoSpace');
        return true;
      });
      rmSync(ballast);
      const storage = await openSqliteStorage({ dir, clock });
      await storage.create('/registry/a', value(1));
      await storage[Symbol.asyncDispose]();
    });
  });
});
