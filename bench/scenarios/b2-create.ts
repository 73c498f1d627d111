/** B2: creating ConfigMaps of 1 KB and Pods of 3.5 KB, each answered when it is on disk. */
import { configMap, pod } from '../fixtures/objects.ts';
import type { Case, Context, Scenario } from '../harness/scenario.ts';
import { isQuick, load, spreadOver } from './load.ts';

const KINDS = [
  {
    name: 'ConfigMap',
    plural: 'configmaps',
    workload: 'createConfigMap',
    atLeast: 0.35,
    bytes: JSON.stringify(configMap('x')).length,
  },
  { name: 'Pod', plural: 'pods', workload: 'createPod', atLeast: 0.2, bytes: JSON.stringify(pod('x')).length },
] as const;

export const b2: Scenario = {
  id: 'B2',
  title: `create ConfigMap (${KINDS[0].bytes} bytes) and Pod (${KINDS[1].bytes} bytes), durable`,
  cases(context: Context): Case[] {
    const { mode } = context.settings;
    const writers = isQuick(context) ? [64] : mode === 'full' ? [1, 16, 64, 256] : [1, 16, 64];
    return KINDS.flatMap(({ name, plural, workload, atLeast }) =>
      writers.map((n) => ({
        name: `${name} ${n} writers`,
        unit: 'req/s',
        better: 'higher' as const,
        atLeast,
        pads: `/api/v1/namespaces/${context.namespace}/${plural}`,
        measure: (target, run) => load(context, target, { ...spreadOver(n), workload: { name: workload, run } }),
      })),
    );
  },
};
