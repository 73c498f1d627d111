/**
 * FLAT: what ten times as much of something else does to a request, in CPU of the server. Two servers are under the same load at the
 * same time, so that whatever disturbs one disturbs both; they are compared while they hold the same, and again when one of them holds ten
 * times as much: what two processes differ by on their own falls out.
 */
import { httpTransport } from '../../src/client/http-transport.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { customResourceDefinition } from '../fixtures/crd.ts';
import { Generator } from '../harness/generator.ts';
import { makeNamespace } from '../harness/identity.ts';
import { threadSeconds } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import { startKeelson } from '../harness/servers.ts';
import { median } from '../harness/statistics.ts';
import type { Target } from '../harness/target.ts';
import type { WorkloadSpec } from '../load/workloads.ts';
import { podsPath } from './b5-list.ts';
import { checked, fill, isQuick } from './load.ts';

const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const OWN = 64;
const STREAMS = 50;
/** Of each server, beside the first two of the run's ports. */
const PORTS = [2, 4] as const;
/** Rounds are short and many: a pause of the machine, or of the collector, spoils one of them. */
const ROUND_SECONDS = 0.15;
const ROUNDS = { ci: 4, quick: 10, default: 60, full: 120 };
/** Compilers go on for a while. */
const WARM_SECONDS = 3;
/** One connection: handshakes are no part of a request. */
const LOAD = { protocol: 'h2', connections: 1, streams: 16 } as const;

interface More {
  name: string;
  /** Brings a server to the amount: `few`, or ten times that. */
  few: number;
  bring(context: Context, target: Target, amount: number): Promise<AsyncDisposable | undefined>;
}

const MORE: readonly More[] = [
  {
    // How far the measurement itself is to be trusted.
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
      goals: [{ what: 'x CPU', figure: 'value', atMost: more.few === 0 ? 1.03 : 1.15 }],
      measure: () => factor(context, more),
    })),
};

const REQUESTS: readonly { name: string; workload: WorkloadSpec['name'] }[] = [
  { name: 'GET', workload: 'get' },
  { name: 'create', workload: 'createConfigMap' },
  { name: 'patch', workload: 'patchLease' },
];

async function factor(context: Context, more: More): Promise<Measurement> {
  await using a = await started(context, PORTS[0]);
  await using b = await started(context, PORTS[1]);
  await using stack = new AsyncDisposableStack();
  for (const server of [a, b]) stack.use(await more.bring(context, server, more.few));
  await warm(context, a, b);
  const before = await costs(context, a, b);
  stack.use(await more.bring(context, b, more.few * 10));
  await warm(context, a, b);
  const after = await costs(context, a, b);
  const factors = REQUESTS.map((_, i) => after[i]! / before[i]!);
  return {
    // One number for the three: no verb may hide behind another.
    value: Math.max(...factors),
    operations: 0,
    extra: Object.fromEntries(REQUESTS.map(({ name }, i) => [`${name} x`, factors[i]!])),
  };
}

async function started(context: Context, port: number): Promise<Target> {
  const server = await startKeelson({ port: context.port(port) });
  await makeNamespace(server.admin!, context.namespace);
  await fill(context, server, 'fillConfigMaps', 10);
  await fill(context, server, 'fillLeases', OWN);
  return server;
}

async function warm(context: Context, a: Target, b: Target): Promise<void> {
  for (const { workload } of REQUESTS) await together(context, [a, b], workload, WARM_SECONDS);
}

/** What a request of each kind costs `b`, over what it costs `a` in the same moments: the median of the rounds. */
async function costs(context: Context, a: Target, b: Target): Promise<number[]> {
  const found: number[][] = REQUESTS.map(() => []);
  for (let round = 0; round < ROUNDS[context.settings.mode]; round++) {
    for (const [i, { workload }] of REQUESTS.entries()) {
      const [costA, costB] = await together(context, [a, b], workload, ROUND_SECONDS);
      found[i]!.push(costB! / costA!);
    }
  }
  return found.map(median);
}

let runs = 0;

/** CPU seconds a request of each server, loaded at the same time; without the collector's helpers, whose work comes in fits. */
async function together(
  context: Context,
  servers: readonly Target[],
  name: WorkloadSpec['name'],
  seconds: number,
): Promise<number[]> {
  const { namespace } = context;
  const path = `/api/v1/namespaces/${namespace}/configmaps/map-0`;
  const run = `f${++runs}`;
  const generators = [context.generator, context.second];
  const cpu = servers.map(({ pids }) => threadSeconds(pids));
  const results = await Promise.all(
    servers.map(({ endpoint }, i) =>
      generators[i]!.requests({
        endpoint,
        ...LOAD,
        seconds,
        workload: { name, namespace, run, objects: OWN, path },
      }),
    ),
  );
  return servers.map(({ pids }, i) => (threadSeconds(pids) - cpu[i]!) / checked(results[i]!).operations);
}
