/** kill -9 under 64 concurrent writers, twenty times over the same data: nothing acknowledged is lost or torn, no revision is given twice. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needs } from '../../../test/harness/needs.ts';
import { systemClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { openEtcdStorage } from '../etcd3/etcd-storage.ts';
import { openSqliteStorage } from '../sqlite/sqlite-storage.ts';
import type { Storage } from '../storage.ts';
import { numberIn, WRITERS, writeUntilKilled } from './crash-writer.ts';
import { EtcdServer } from './etcd-server.ts';

const ROUNDS = 20;

/** What the writers were told, over all rounds. */
class Acknowledged {
  readonly newest = new Map<string, { n: number; revision: number }>();
  readonly revisions = new Set<number>();

  add(key: string, n: number, revision: number): void {
    assert.ok(!this.revisions.has(revision), `revision ${revision} was given twice`);
    this.revisions.add(revision);
    const before = this.newest.get(key);
    if (before !== undefined) assert.ok(n > before.n && revision > before.revision, `${key} went back`);
    this.newest.set(key, { n, revision });
  }

  /** Compares with what a store holds after the crash. */
  async check(storage: Storage): Promise<void> {
    const { items, revision } = await storage.list('/registry/crash/');
    const found = new Map(items.map((item) => [item.key, item]));
    for (const [key, { n, revision: acknowledged }] of this.newest) {
      const item = found.get(key);
      assert.ok(item !== undefined, `${key} is lost`);
      const stored = numberIn(key, item.value);
      // The write that was under way may have happened; nothing beyond it can have.
      assert.ok(stored === n || stored === n + 1, `${key} holds ${stored}, acknowledged was ${n}`);
      if (stored === n) assert.equal(item.modRevision, acknowledged);
      else {
        assert.ok(item.modRevision > acknowledged);
        // Its writer goes on from there, and may be told nothing in the next round either; what was read once must stay as well.
        this.newest.set(key, { n: stored, revision: item.modRevision });
      }
    }
    for (const acknowledged of this.revisions) assert.ok(revision >= acknowledged);
  }
}

describe('kill -9', function () {
  this.timeout(120_000);
  const random = seededRandom(9);

  it(`sqlite: ${ROUNDS} times under ${WRITERS} writers`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'keelson-crash-'));
    let child: ChildProcess | undefined;
    try {
      const acknowledged = new Acknowledged();
      for (let round = 0; round < ROUNDS; round++) {
        const before = acknowledged.revisions.size;
        child = spawn(process.execPath, [fileURLToPath(new URL('./crash-writer.ts', import.meta.url)), dir], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const stdout = child.stdout!;
        const ended = new Promise<void>((resolve) => stdout.once('close', () => resolve()));
        let text = '';
        let victim: ChildProcess | undefined = child;
        stdout.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (victim !== undefined && /\n\/registry\/.*\n/.test(text)) {
            const killed = victim;
            victim = undefined;
            systemClock.after(20 + random.int(200), () => killed.kill('SIGKILL'));
          }
        });
        await ended;
        // A last line without its end was not delivered whole.
        for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n').slice(1)) {
          const [key, n, revision] = line.split(' ') as [string, string, string];
          acknowledged.add(key, Number(n), Number(revision));
        }
        assert.ok(acknowledged.revisions.size > before, 'the round wrote nothing');
        await using storage = await openSqliteStorage({ dir, clock: systemClock });
        await acknowledged.check(storage);
      }
    } finally {
      child?.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it(`etcd: ${ROUNDS} times under ${WRITERS} writers`, async function () {
    needs(this, 'etcd');
    await using server = await EtcdServer.start(['--heartbeat-interval', '20', '--election-timeout', '200']);
    const acknowledged = new Acknowledged();
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.revisions.size;
      await using storage = await openEtcdStorage({ servers: [server.url], clock: systemClock });
      await acknowledged.check(storage).catch((err: unknown) => {
        if (round > 0) throw err;
      });
      const stop = new AbortController();
      const first = Promise.withResolvers<void>();
      const writing = writeUntilKilled(storage, stop.signal, (key, n, revision) => {
        acknowledged.add(key, n, revision);
        first.resolve();
      });
      await Promise.race([first.promise, writing]);
      await systemClock.sleep(random.int(200));
      await server.kill();
      stop.abort();
      await writing;
      assert.ok(acknowledged.revisions.size > before, 'the round wrote nothing');
      await server.launch();
    }
    await using storage = await openEtcdStorage({ servers: [server.url], clock: systemClock });
    await acknowledged.check(storage);
  });
});
