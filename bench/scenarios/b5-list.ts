/** B5: LIST of Pods of 10 KB in every form a client asks for. */

import { NAMESPACE } from '../fixtures/objects.ts';
import type { Case, Context, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { checked, fill } from './load.ts';

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

interface Form {
  name: string;
  path: string;
  headers?: Record<string, string>;
  /** Against the floor's concatenated buffers of the same bytes. */
  atMost?: number;
  everyMode?: boolean;
  tolerance?: number;
}

const FORMS: readonly Form[] = [
  { name: 'JSON', path: PODS, atMost: 1.5, everyMode: true },
  { name: 'JSON rv=0', path: `${PODS}?resourceVersion=0`, atMost: 1.5 },
  { name: 'JSON gzip', path: PODS, headers: { 'accept-encoding': 'gzip' }, atMost: 1.5 },
  { name: 'protobuf', path: PODS, headers: { accept: PROTOBUF }, atMost: 1.5 },
  { name: 'Table', path: PODS, headers: { accept: TABLE }, atMost: 1.5, tolerance: 0.01, everyMode: true },
  { name: 'PartialObjectMetadata', path: PODS, headers: { accept: PARTIAL }, atMost: 1.5 },
  { name: 'limit=500, first page', path: `${PODS}?limit=500`, atMost: 1.5 },
  { name: 'labelSelector, 1 of 100', path: `${PODS}?labelSelector=bench.keelson.dev%2Fslot%3Ds7` },
  { name: 'fieldSelector spec.nodeName, 1 of 100', path: `${PODS}?fieldSelector=spec.nodeName%3Dnode-7` },
];

function pods({ settings: { mode, objects } }: Context): number {
  return objects ?? (mode === 'quick' ? 1000 : 10_000);
}

function forms({ settings: { mode } }: Context): readonly Form[] {
  return mode === 'quick' ? FORMS.filter((f) => f.everyMode) : FORMS;
}

export const b5: Scenario = {
  id: 'B5',
  title: 'LIST Pods of 10 KB (10 000; 1000 with --quick): time to last byte',
  async prepare(target, context) {
    if (target.name === 'floor') return;
    await fill(context, target, 'fillPods', pods(context));
    await fill(context, target, 'fillPodStatus', pods(context));
  },
  async prime(floor, keelson, context) {
    await floor.prime?.(
      keelson.endpoint,
      forms(context).map(({ path, headers = {} }) => ({ path, headers })),
    );
  },
  cases(context: Context): Case[] {
    const { mode } = context.settings;
    return forms(context).flatMap((form) =>
      (mode === 'full' ? [1, 10] : [1]).map((connections) => ({
        name: `${form.name}, ${connections} at once`,
        unit: 'ms',
        better: 'lower' as const,
        ...(form.atMost === undefined ? {} : { atMost: form.atMost }),
        measure: (target: Target, run: string) => listing(context, target, run, form, connections),
      })),
    );
  },
};

async function listing({ generator, settings }: Context, target: Target, run: string, form: Form, connections: number) {
  const r = checked(
    await generator.requests({
      endpoint: target.endpoint,
      protocol: 'h1',
      connections,
      streams: 1,
      seconds: settings.seconds,
      workload: { name: 'get', run, path: form.path, headers: form.headers ?? {}, tolerance: form.tolerance ?? 0 },
    }),
  );
  return {
    value: r.latency.p50,
    operations: r.operations,
    p50: r.latency.p50,
    p99: r.latency.p99,
    generatorCpu: r.cpuSeconds,
    extra: { firstByteMs: r.firstByte.p50, MB: r.bytes / (r.operations || 1) / 1e6 },
  };
}
