/**
 * FLAT: what ten times as much of something else does to a request. CPU of the server for a GET, a create and a patch, before and
 * after; both in one server, so that nothing else differs.
 */
import { systemClock } from '../../src/base/clock.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { customResourceDefinition } from '../fixtures/crd.ts';
import { Generator } from '../harness/generator.ts';
import { makeNamespace } from '../harness/identity.ts';
import { cpuSeconds } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import { startKeelson } from '../harness/servers.ts';
import { median } from '../harness/statistics.ts';
import type { Target } from '../harness/target.ts';
import type { WorkloadSpec } from '../load/workloads.ts';
import { podsPath } from './b5-list.ts';
import { fill, isQuick, load, spreadOver } from './load.ts';

const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const OWN = 64;
const SETTLE_MS = 3000;
const STREAMS = 50;

interface More {
  name: string;
  /** Brings it to the amount; `few` and ten times that. */
  few: number;
  bring(context: Context, target: Target, amount: number): Promise<AsyncDisposable | undefined>;
}

const MORE: readonly More[] = [
  {
    // How far two measurements of the same server are apart: its own creates fill it, the machine is not quiet.
    name: 'nothing more, for control',
    few: 0,
    bring: async () => undefined,
  },
  {
    name: 'CRDs (resources and routes)',
    few: 10,
    async bring(_, target, amount) {
      await using transport = httpTransport(target.admin!);
      const client = createClient(transport);
      const from = amount === 10 ? 0 : 10;
      for (let i = from; i < amount; i++) await client.create(CRDS, customResourceDefinition(`thing${i}`) as never);
      return undefined;
    },
  },
  {
    name: 'objects outside the range',
    few: 1000,
    async bring(context, target, amount) {
      const namespace = `${context.namespace}-other`;
      await makeNamespace(target.admin!, namespace);
      await fill({ ...context, namespace }, target, 'fillConfigMaps', amount);
      return undefined;
    },
  },
  {
    name: 'watchers of another resource',
    few: 100,
    async bring(context, { endpoint }, amount) {
      const generator = new Generator();
      const path = `${podsPath(context)}?watch=1`;
      await generator.watch({ endpoint, protocol: 'h2', connections: amount / STREAMS, streams: STREAMS, path });
      return { [Symbol.asyncDispose]: async () => generator[Symbol.dispose]() };
    },
  },
];

export const flat: Scenario = {
  id: 'FLAT',
  title: 'CPU of a request with ten times as much of something else, over that with once as much',
  startsServers: true,
  cases: (context: Context): Case[] =>
    MORE.slice(0, isQuick(context) ? 2 : MORE.length).map((more) => ({
      name: more.few === 0 ? more.name : `${more.few} to ${more.few * 10} ${more.name}`,
      unit: 'x CPU',
      better: 'lower',
      withoutFloor: true,
      once: true,
      goals: more.few === 0 ? [] : [{ what: 'x CPU', figure: 'value', atMost: 1.15 }],
      measure: () => factor(context, more),
    })),
};

const REQUESTS: readonly { name: string; workload: WorkloadSpec['name'] }[] = [
  { name: 'GET', workload: 'get' },
  { name: 'create', workload: 'createConfigMap' },
  { name: 'patch', workload: 'patchLease' },
];

async function factor(context: Context, more: More): Promise<Measurement> {
  await using server = await startKeelson({ port: context.port(2) });
  await makeNamespace(server.admin!, context.namespace);
  await fill(context, server, 'fillConfigMaps', 10);
  await fill(context, server, 'fillLeases', OWN);
  const few = await more.bring(context, server, more.few);
  // Compilers go on for a while.
  for (let i = 0; i < 2; i++) await costs(context, server, `w${i}`);
  const before = await costs(context, server, 'a');
  await few?.[Symbol.asyncDispose]();
  const many = await more.bring(context, server, more.few * 10);
  await systemClock.sleep(SETTLE_MS);
  await costs(context, server, 'w9');
  const after = await costs(context, server, 'b');
  await many?.[Symbol.asyncDispose]();
  const factors = REQUESTS.map((_, i) => after[i]! / before[i]!);
  return {
    // One number for the three: no verb may hide behind another.
    value: Math.max(...factors),
    operations: 0,
    extra: Object.fromEntries(REQUESTS.map(({ name }, i) => [`${name} x`, factors[i]!])),
  };
}

/** CPU seconds a request of each kind: the median of rounds, since what runs beside it disturbs some of them. */
async function costs(context: Context, target: Target, run: string): Promise<number[]> {
  const found: number[] = [];
  for (const { workload } of REQUESTS) {
    const rounds: number[] = [];
    for (let round = 0; round < context.settings.rounds; round++) {
      const cpu = cpuSeconds(target.pids);
      const path = `/api/v1/namespaces/${context.namespace}/configmaps/map-0`;
      const { operations } = await load(context, target, {
        ...spreadOver(16),
        workload: { name: workload, run: `${run}${round}`, objects: OWN, path },
      });
      rounds.push((cpuSeconds(target.pids) - cpu) / operations);
    }
    found.push(median(rounds));
  }
  return found;
}
