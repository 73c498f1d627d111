/** B1: GET of one ConfigMap of 1 KB. */
import type { Context, Scenario } from '../harness/scenario.ts';
import type { Protocol } from '../load/connection.ts';
import { fill, isQuick, load } from './load.ts';

const path = ({ namespace }: Context) => `/api/v1/namespaces/${namespace}/configmaps/map-0`;

export const b1: Scenario = {
  id: 'B1',
  title: 'GET one ConfigMap of 1 KB',
  prepare: (target, context) => fill(context, target, 'fillConfigMaps', 10),
  prime: async (floor, keelson, context) =>
    floor.prime?.(keelson.endpoint, { requests: [{ path: path(context), headers: {} }] }),
  cases(context: Context) {
    const protocols: Protocol[] = ['h1', 'h2'];
    const counts = isQuick(context) ? [16] : [1, 16, 64];
    return protocols.flatMap((protocol) =>
      counts.map((connections) => ({
        name: `${protocol} ${connections} connections`,
        unit: 'req/s',
        better: 'higher' as const,
        atLeast: 0.5,
        measure: (target, run) =>
          load(context, target, {
            protocol,
            connections,
            streams: 1,
            workload: { name: 'get', run, path: path(context) },
          }),
      })),
    );
  },
};
