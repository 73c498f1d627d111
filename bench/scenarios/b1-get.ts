/** B1: GET of one ConfigMap of 1 KB. */
import { NAMESPACE } from '../fixtures/objects.ts';
import type { Context, Scenario } from '../harness/scenario.ts';
import type { Protocol } from '../load/connection.ts';
import { fill, load } from './load.ts';

const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps/map-0`;

export const b1: Scenario = {
  id: 'B1',
  title: 'GET one ConfigMap of 1 KB',
  prepare: (target, context) => fill(context, target, 'fillConfigMaps', 10),
  prime: async (floor, keelson) => floor.prime?.(keelson.endpoint, [{ path: PATH, headers: {} }]),
  cases(context: Context) {
    const protocols: Protocol[] = ['h1', 'h2'];
    const counts = context.settings.mode === 'quick' ? [16] : [1, 16, 64];
    return protocols.flatMap((protocol) =>
      counts.map((connections) => ({
        name: `${protocol} ${connections} connections`,
        unit: 'req/s',
        better: 'higher' as const,
        atLeast: 0.5,
        measure: (target, run) =>
          load(context, target, { protocol, connections, streams: 1, workload: { name: 'get', run, path: PATH } }),
      })),
    );
  },
};
