/**
 * Durable writes of 1 KB through the storage contract against the floor: node:sqlite alone, committing as many rows at once as
 * there are writers, no threads, no index, no checks. Also: opening a store with 100 000 objects and filling a watch cache.
 * Run: node bench/storage.ts [--etcd URL] [--writers 16,128] [--seconds N] [--rounds N] [--json FILE]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { openCacher } from '../src/storage/cacher/cacher.ts';
import { openEtcdStorage } from '../src/storage/etcd3/etcd-storage.ts';
import { openMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import { openSqliteStorage } from '../src/storage/sqlite/sqlite-storage.ts';
import type { Storage } from '../src/storage/storage.ts';

const { values: flags } = parseArgs({
  options: {
    etcd: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'string' },
    writers: { type: 'string', default: '16,128,512' },
    rounds: { type: 'string', default: '3' },
  },
});
const SECONDS = Number(flags.seconds);
const ROUNDS = Number(flags.rounds);
const WRITERS = flags.writers.split(',').map(Number);
const VALUE = Buffer.alloc(1024, 'x');

interface Sample {
  rate: number;
  /** CPU seconds of the whole process per 1000 writes. */
  cpu: number;
}

const temporary = () => {
  const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'keelson-bench-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
};

async function measure(body: (until: number) => Promise<number> | number): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = systemClock.monotonic();
  const n = await body(start + SECONDS * 1000);
  const seconds = (systemClock.monotonic() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: n / seconds, cpu: (user + system) / 1e6 / (n / 1000) };
}

function floor(writers: number): Promise<Sample> {
  using t = temporary();
  const db = new DatabaseSync(join(t.dir, 'floor.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000');
  db.exec('CREATE TABLE log (rev INTEGER PRIMARY KEY, key TEXT, value BLOB)');
  const insert = db.prepare('INSERT INTO log (rev, key, value) VALUES (?, ?, ?)');
  let rev = 0;
  const sample = measure((until) => {
    while (systemClock.monotonic() < until) {
      db.exec('BEGIN');
      for (let w = 0; w < writers; w++) insert.run(++rev, `/registry/configmaps/default/k${w}`, VALUE);
      db.exec('COMMIT');
    }
    return rev;
  });
  db.close();
  return sample;
}

async function contract(storage: Storage, writers: number): Promise<Sample> {
  return measure(async (until) => {
    let n = 0;
    await Promise.all(
      Array.from({ length: writers }, async (_, w) => {
        const key = `/registry/configmaps/default/k${w}`;
        let revision = await storage.create(key, VALUE);
        while (systemClock.monotonic() < until) {
          revision = await storage.update(key, VALUE, revision);
          n++;
        }
        await storage.delete(key, revision);
      }),
    );
    return n;
  });
}

async function onSqlite(writers: number, cached: boolean): Promise<Sample> {
  using t = temporary();
  const inner = await openSqliteStorage({ dir: t.dir, clock: systemClock });
  await using storage = openCacher(inner, { clock: systemClock });
  if (cached) await storage.cacheFor({ prefix: '/registry/configmaps/' }).ready();
  return await contract(storage, writers);
}

async function opening(objects: number): Promise<{ open: number; fill: number; floor: number }> {
  using t = temporary();
  {
    await using storage = await openSqliteStorage({ dir: t.dir, clock: systemClock });
    for (let i = 0; i < objects; i += 1000) {
      await Promise.all(
        Array.from({ length: 1000 }, (_, j) => storage.create(`/registry/pods/ns${(i + j) % 50}/p${i + j}`, VALUE)),
      );
    }
  }
  let start = systemClock.monotonic();
  const db = new DatabaseSync(join(t.dir, 'keelson.db'));
  for (const _ of db.prepare('SELECT rev, key, value FROM log ORDER BY rev').iterate());
  db.close();
  const floorMs = systemClock.monotonic() - start;
  start = systemClock.monotonic();
  const inner = await openSqliteStorage({ dir: t.dir, clock: systemClock });
  const open = systemClock.monotonic() - start;
  await using cacher = openCacher(inner, { clock: systemClock });
  await cacher.cacheFor({ prefix: '/registry/pods/' }).ready();
  return { open, fill: systemClock.monotonic() - start - open, floor: floorMs };
}

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

const scenarios: { name: string; run(writers: number): Promise<Sample> }[] = [
  { name: 'floor', run: floor },
  { name: 'sqlite', run: (writers) => onSqlite(writers, false) },
  { name: 'sqlite + watch cache', run: (writers) => onSqlite(writers, true) },
  {
    name: 'memory',
    run: async (writers) => {
      await using storage = await openMemoryStorage({ clock: systemClock });
      return await contract(storage, writers);
    },
  },
];
if (flags.etcd !== undefined) {
  const url = flags.etcd;
  scenarios.push({
    name: 'etcd',
    run: async (writers) => {
      await using storage = await openEtcdStorage({ servers: [url], clock: systemClock });
      return await contract(storage, writers);
    },
  });
}

const results: Record<string, unknown>[] = [];
for (const writers of WRITERS) {
  const samples = new Map<string, Sample[]>(scenarios.map((s) => [s.name, []]));
  // Interleaved, so that a noisy neighbour hits all alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, run } of scenarios) samples.get(name)!.push(await run(writers));
  }
  const base = median(samples.get('floor')!.map((s) => s.rate));
  for (const [name, of] of samples) {
    const rates = of.map((s) => s.rate);
    results.push({
      writers,
      store: name,
      'writes/s': Math.round(median(rates)),
      min: Math.round(Math.min(...rates)),
      max: Math.round(Math.max(...rates)),
      'of floor': `${Math.round((median(rates) / base) * 100)} %`,
      'CPU s/1000': Number(median(of.map((s) => s.cpu)).toFixed(4)),
    });
  }
}
console.table(results);
const start = await opening(100_000);
console.log(
  `100 000 objects of 1 KB: open ${start.open.toFixed(0)} ms, fill the watch cache ${start.fill.toFixed(0)} ms (reading the table alone: ${start.floor.toFixed(0)} ms)`,
);
console.log(
  `load average ${loadavg()
    .map((n) => n.toFixed(1))
    .join(' ')}`,
);
if (flags.json !== undefined)
  writeFileSync(flags.json, `${JSON.stringify({ writes: results, start }, undefined, 2)}\n`);
