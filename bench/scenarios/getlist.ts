/** GETLIST: what a LIST of all Pods, in every form, does to GETs that come in beside it. */
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { fillPods, podsPath } from './b5-list.ts';
import { checked, isQuick } from './load.ts';

const GETS = 200;
const FORMS: readonly { name: string; headers: Record<string, string>; tolerance?: number }[] = [
  { name: 'JSON', headers: {} },
  {
    name: 'Table',
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    tolerance: 0.01,
  },
  { name: 'protobuf', headers: { accept: 'application/vnd.kubernetes.protobuf' } },
  { name: 'gzip', headers: { 'accept-encoding': 'gzip' } },
];

export const getlist: Scenario = {
  id: 'GETLIST',
  title: `p99 of ${GETS} GETs a second during LISTs of 10 000 Pods (1000 with --quick), less p99 without`,
  prepare: fillPods,
  cases(context: Context): Case[] {
    return FORMS.slice(0, isQuick(context) ? 2 : FORMS.length).map((form) => ({
      name: `during LISTs, ${form.name}`,
      unit: 'ms more',
      better: 'lower' as const,
      withoutFloor: true,
      goals: [{ what: 'p99 ms more', figure: 'value', atMost: 20 }],
      measure: (target, run) => measure(context, target, run, form),
    }));
  },
};

async function measure(
  context: Context,
  target: Target,
  run: string,
  { headers, tolerance = 0 }: (typeof FORMS)[number],
): Promise<Measurement> {
  const { generator, second, settings, namespace } = context;
  const { endpoint } = target;
  const path = `${podsPath(context)}/pod-0`;
  const seconds = Math.max(settings.seconds, 2);
  const gets = async () =>
    checked(
      await generator.requests({
        endpoint,
        protocol: 'h2',
        connections: 2,
        streams: 1,
        seconds,
        rate: GETS,
        workload: { name: 'get', run, namespace, path },
      }),
    );
  const alone = await gets();
  const lists = second.requests({
    endpoint,
    protocol: 'h1',
    connections: 1,
    streams: 1,
    seconds,
    workload: { name: 'get', run, namespace, path: podsPath(context), headers, tolerance },
  });
  const [during, listed] = [await gets(), checked(await lists)];
  return {
    value: during.latency.p99 - alone.latency.p99,
    operations: listed.operations,
    p50: during.latency.p50,
    p99: during.latency.p99,
    generatorCpu: listed.cpuSeconds,
    generatorShare: Math.max(listed.cpuSeconds / listed.elapsed, during.cpuSeconds / during.elapsed),
    extra: { 'GET p99 alone': alone.latency.p99, 'GET max': during.latency.max, 'LIST p50 ms': listed.latency.p50 },
  };
}
