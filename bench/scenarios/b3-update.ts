/** B3: the ways to change an object: merge patch, strategic patch, status patch, PUT with resourceVersion, server-side apply. */
import type { Case, Context, Scenario } from '../harness/scenario.ts';
import type { WorkloadSpec } from '../load/workloads.ts';
import { fill, load, spreadOver } from './load.ts';

const OBJECTS = 256;

const WAYS: { name: string; workload: WorkloadSpec['name']; atLeast: number }[] = [
  { name: 'PATCH Lease (merge)', workload: 'patchLease', atLeast: 0.35 },
  { name: 'PATCH Pod annotation (strategic)', workload: 'patchPod', atLeast: 0.2 },
  { name: 'PATCH pods/status (strategic)', workload: 'patchPodStatus', atLeast: 0.2 },
  { name: 'PUT Pod with resourceVersion', workload: 'putPod', atLeast: 0.2 },
  { name: 'apply Pod (server-side)', workload: 'applyPod', atLeast: 0.2 },
];

export const b3: Scenario = {
  id: 'B3',
  title: 'change a Lease and a Pod of 10 KB, durable',
  async prepare(target, context) {
    await fill(context, target, 'fillLeases', OBJECTS);
    await fill(context, target, 'fillPods', OBJECTS);
    await fill(context, target, 'fillPodStatus', OBJECTS);
  },
  cases(context: Context): Case[] {
    const { mode } = context.settings;
    const writers = mode === 'full' ? [1, 16, 64] : [16];
    return WAYS.flatMap(({ name, workload, atLeast }) =>
      writers.map((n) => ({
        name: `${name} ${n} writers`,
        unit: 'req/s',
        better: 'higher' as const,
        atLeast,
        copies: [
          `/api/v1/namespaces/${context.namespace}/pods`,
          `/apis/coordination.k8s.io/v1/namespaces/${context.namespace}/leases`,
        ],
        measure: (target, run) =>
          load(context, target, { ...spreadOver(n), workload: { name: workload, run, objects: OBJECTS } }),
      })),
    );
  },
};
