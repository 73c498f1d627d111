/**
 * B11: how long from exec to ready, empty and with objects on disk; what an idle server holds and uses; what CRDs add.
 * Ours is the command of the package as npm packs it (`kube-apiserver`). The floor is a bare Node server on the same file: it reads every
 * row and listens. Both run with Node's compile cache, as bin/keelson.js does; the very first start fills it and is slower.
 */
import { systemClock } from '../../src/base/clock.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { openSqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts';
import { customResourceDefinition } from '../fixtures/crd.ts';
import { configMap } from '../fixtures/objects.ts';
import { cpuSeconds, peakMB, residentMB } from '../harness/process-sample.ts';
import { whenReady } from '../harness/ready.ts';
import type { Case, Context, Goal, Measurement, Scenario } from '../harness/scenario.ts';
import {
  install,
  spawnFloor,
  spawnInstalled,
  temporaryDirectory,
  writeFloorCertificate,
  writeKeys,
} from '../harness/servers.ts';
import type { Target } from '../harness/target.ts';
import { isQuick } from './load.ts';

const BATCH = 1000;
const FULL_RUNS = 10;
/** By then a server is quiet and has given back what it can. */
const IDLE_SECONDS = { ci: 20, quick: 20, default: 20, full: 60 };
const idleMeasured = new Set<string>();
const READY_MS = 60_000;
const EMPTY_GOALS: readonly Goal[] = [
  { what: 'ms', figure: 'value', atMost: 500 },
  { what: 'idle MB', figure: 'idle MB', atMost: 120 },
  { what: 'idle CPU %', figure: 'idle CPU %', atMost: 1 },
];

export const b11: Scenario = {
  id: 'B11',
  title: 'exec to /readyz, idle memory and CPU',
  startsServers: true,
  cases(context: Context): Case[] {
    const many = isQuick(context) ? 10_000 : 100_000;
    const crds = isQuick(context) ? 20 : 100;
    const start = (objects: number) => ({
      name: objects === 0 ? 'start, empty' : `start, ${objects} ConfigMaps of 1 KB`,
      unit: 'ms',
      better: 'lower' as const,
      goals: objects === 0 ? EMPTY_GOALS : [{ what: 'ms', figure: 'value', atMost: 3000 }],
      ...(context.settings.mode === 'full' ? { rounds: FULL_RUNS } : {}),
      measure: (target: Target) => measureStart(context, target, objects),
    });
    return [
      start(0),
      start(many),
      {
        name: `idle with ${crds} CRDs: MB a CRD`,
        unit: 'MB',
        better: 'lower' as const,
        withoutFloor: true,
        once: true,
        goals: [{ what: 'MB a CRD', figure: 'value', atMost: 1 }],
        measure: () => measureCrds(context, crds),
      },
    ];
  },
};

const prepared = new Map<string, { dir: string } & Disposable>();

/** A directory with the objects in it; made once, kept for all rounds. */
async function directoryWith(context: Context, target: Target, objects: number): Promise<string> {
  const id = `${target.name} ${objects}`;
  let found = prepared.get(id);
  if (found === undefined) {
    const { dir, [Symbol.dispose]: dispose } = temporaryDirectory();
    if (target.name === 'floor') await writeFloorCertificate(dir);
    else await writeKeys(dir, context.port(2));
    await using storage = await openSqliteStorage({ dir, clock: systemClock });
    for (let i = 0; i < objects; i += BATCH) {
      await Promise.all(
        Array.from({ length: BATCH }, (_, j) => {
          const name = `map-${i + j}`;
          const object = JSON.stringify(configMap(name)).replace(
            '"metadata":{',
            `"metadata":{"uid":"00000000-0000-4000-8000-${String(i + j).padStart(12, '0')}","creationTimestamp":"2026-01-01T00:00:00Z",`,
          );
          return storage.create(`/registry/configmaps/bench/${name}`, Buffer.from(object));
        }),
      );
    }
    found = { dir, [Symbol.dispose]: dispose };
    prepared.set(id, found);
    process.once('exit', dispose);
  }
  return found.dir;
}

async function measureStart(context: Context, target: Target, objects: number): Promise<Measurement> {
  await install();
  const dir = await directoryWith(context, target, objects);
  const port = context.port(2);
  const began = systemClock.monotonic();
  const spawn = target.name === 'floor' ? spawnFloor : spawnInstalled;
  const server = spawn(dir, { port, env: { BENCH_READ: objects === 0 ? '' : '1' } });
  try {
    await whenReady(port, READY_MS);
    const value = systemClock.monotonic() - began;
    const cpu = cpuSeconds([server.pid]);
    const peak = peakMB([server.pid]);
    const result = { value, operations: 0, peakMB: peak, extra: { 'CPU s to ready': cpu } };
    const idleSeconds = IDLE_SECONDS[context.settings.mode];
    // Idleness is long and much the same each time: once for each server is enough.
    const what = `${context.namespace} ${target.name} ${objects}`;
    if (idleMeasured.has(what)) return result;
    idleMeasured.add(what);
    // What a start leaves to do (caches, garbage) is over before idleness is measured.
    await systemClock.sleep(2000);
    const before = cpuSeconds([server.pid]);
    await systemClock.sleep(idleSeconds * 1000);
    const idle = (cpuSeconds([server.pid]) - before) / idleSeconds;
    return { ...result, extra: { ...result.extra, 'idle MB': residentMB([server.pid]), 'idle CPU %': idle * 100 } };
  } finally {
    await server.stop();
  }
}

async function measureCrds(context: Context, crds: number): Promise<Measurement> {
  using temporary = temporaryDirectory();
  const port = context.port(2);
  await install();
  await writeKeys(temporary.dir, port);
  const server = spawnInstalled(temporary.dir, { port });
  try {
    const config = loadKubeconfig(`${temporary.dir}/kubeconfig`);
    await whenReady(port, READY_MS);
    await using transport = httpTransport(config);
    const client = createClient(transport);
    const CRDS = {
      group: 'apiextensions.k8s.io',
      version: 'v1',
      resource: 'customresourcedefinitions',
      kind: 'CustomResourceDefinition',
      namespaced: false,
    };
    // The first ones pay for what all share.
    for (let i = 0; i < 5; i++) await client.create(CRDS, customResourceDefinition(`warm${i}`) as never);
    await systemClock.sleep(3000);
    const before = residentMB([server.pid]);
    const began = systemClock.monotonic();
    for (let i = 0; i < crds; i++) await client.create(CRDS, customResourceDefinition(`thing${i}`) as never);
    const took = systemClock.monotonic() - began;
    for (let i = 0; i < crds; i++) await served(client, `/apis/bench.keelson.dev/v1/namespaces/default/thing${i}s`);
    await systemClock.sleep(3000);
    return {
      value: (residentMB([server.pid]) - before) / crds,
      operations: 0,
      peakMB: peakMB([server.pid]),
      extra: { 'ms a CRD': took / crds },
    };
  } finally {
    await server.stop();
  }
}

async function served(client: ReturnType<typeof createClient>, path: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await client.raw('GET', path);
      return;
    } catch (err) {
      if (attempt > 100) throw err;
      await systemClock.sleep(50);
    }
  }
}
