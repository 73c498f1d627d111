/** MEMORY: what the installed server holds beyond the bytes of its objects, after writing them and after a start with them on disk. */
import { makeNamespace } from '../harness/identity.ts';
import { residentMB } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import { startInstalled, temporaryDirectory } from '../harness/servers.ts';
import type { Target } from '../harness/target.ts';
import { checked, fill, isQuick, settle } from './load.ts';

interface Kind {
  name: string;
  resource: string;
  objects: number;
  fill(context: Context, target: Target, objects: number): Promise<void>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'ConfigMaps of 1 KB',
    resource: 'configmaps/map-0',
    objects: 100_000,
    fill: (context, target, n) => fill(context, target, 'fillConfigMaps', n),
  },
  {
    // What is alike takes less: here nothing is.
    name: 'ConfigMaps of 1 KB with nothing in common',
    resource: 'configmaps/map-0',
    objects: 100_000,
    fill: (context, target, n) => fill(context, target, 'fillUnlikeConfigMaps', n),
  },
  {
    name: 'Pods of 10 KB',
    resource: 'pods/pod-0',
    objects: 20_000,
    async fill(context, target, n) {
      await fill(context, target, 'fillPods', n);
      await fill(context, target, 'fillPodStatus', n);
    },
  },
];

export const memory: Scenario = {
  id: 'MEMORY',
  title:
    'resident memory over the idle server: 100 000 ConfigMaps of 1 KB, alike and not, 20 000 Pods of 10 KB (a tenth with --quick)',
  startsServers: true,
  cases: (context: Context): Case[] =>
    KINDS.map((kind) => {
      const objects = isQuick(context) ? kind.objects / 10 : kind.objects;
      return {
        name: `${objects} ${kind.name}`,
        unit: 'MB',
        better: 'lower',
        withoutFloor: true,
        once: true,
        goals: [{ what: 'of 1.5 x bytes + 1 KB an object', figure: 'of what is allowed', atMost: 1 }],
        measure: () => held(context, kind, objects),
      };
    }),
};

async function held(context: Context, kind: Kind, objects: number): Promise<Measurement> {
  using temporary = temporaryDirectory();
  const options = { port: context.port(2), dir: temporary.dir };
  let [idle, written, bytes] = [0, 0, 0];
  {
    await using server = await startInstalled(options);
    await makeNamespace(server.admin!, context.namespace);
    await settle();
    idle = residentMB(server.pids);
    await kind.fill(context, server, objects);
    bytes = await sizeOf(context, server, kind);
    await settle();
    written = residentMB(server.pids) - idle;
  }
  await using server = await startInstalled(options);
  await sizeOf(context, server, kind);
  await settle();
  const started = residentMB(server.pids) - idle;
  const allowed = (1.5 * bytes * objects + 1024 * objects) / 2 ** 20;
  return {
    value: written,
    operations: 0,
    extra: {
      'idle MB': idle,
      'MB of objects': (bytes * objects) / 2 ** 20,
      'MB allowed': allowed,
      'of what is allowed': written / allowed,
      'after a start MB': started,
      'after a start, of what is allowed': started / allowed,
    },
  };
}

/** Bytes of one object; every kind has all its objects the same. */
async function sizeOf({ generator, namespace }: Context, { endpoint }: Target, { resource }: Kind): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/${resource}`;
  const r = checked(
    await generator.requests({
      endpoint,
      protocol: 'h2',
      connections: 1,
      streams: 1,
      seconds: 0.1,
      workload: { name: 'get', run: 'size', namespace, path },
    }),
  );
  return r.bytes / r.operations;
}
