/** B7: 2000 ConfigMaps of 100 KB and ten clients that list them all, again and again: memory must not follow the answers. */
import { HELD } from '../harness/asked.ts';
import { peakMB, residentMB } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { checked, fill, isQuick, settle } from './load.ts';

const LISTERS = 10;
const MAP_MB = 0.1005;
const SECONDS = { ci: 2, quick: 3, default: 10, full: 60 };

const maps = (context: Context) => context.settings.objects ?? (isQuick(context) ? 200 : 2000);
const path = ({ namespace }: Context) => `/api/v1/namespaces/${namespace}/configmaps`;

export const b7: Scenario = {
  id: 'B7',
  title: `${LISTERS} listers of 2000 ConfigMaps of 100 KB (200 with --quick): time to last byte, peak memory`,
  async prepare(target, context) {
    if (target.name === 'floor') return;
    await fill(context, target, 'fillBigConfigMaps', maps(context), 'h1');
    // The peak is to be the lists', not what 200 MB of creates left behind.
    if (!isQuick(context)) await settle();
  },
  prime: async (floor, keelson, context) =>
    floor.prime?.(keelson.endpoint, { requests: [{ path: path(context), headers: {} }] }),
  cases: (context: Context): Case[] => [
    {
      name: `${maps(context)} ConfigMaps, ${LISTERS} listers`,
      unit: 'ms',
      better: 'lower',
      atMost: 1.5,
      heldMB: maps(context) * MAP_MB,
      goals: [{ what: HELD, figure: HELD, atMost: 1.3 }],
      once: true,
      measure: (target, run) => listed(context, target, run),
    },
  ],
};

async function listed(context: Context, target: Target, run: string): Promise<Measurement> {
  const { generator, namespace, settings } = context;
  const before = residentMB(target.pids);
  const r = checked(
    await generator.requests({
      endpoint: target.endpoint,
      protocol: 'h2',
      connections: LISTERS,
      streams: 1,
      seconds: SECONDS[settings.mode],
      workload: { name: 'get', run, namespace, path: path(context) },
    }),
  );
  return {
    value: r.latency.p50,
    operations: r.operations,
    p50: r.latency.p50,
    p99: r.latency.p99,
    generatorCpu: r.cpuSeconds,
    generatorShare: r.cpuSeconds / r.elapsed,
    answerBytes: r.bytes / r.operations,
    extra: {
      'first byte ms': r.firstByte.p50,
      'MB/s': r.bytes / r.elapsed / 1e6,
      // The figure asked for has in it what filling the server left behind; this is what the lists took.
      'peak MB more than before the lists': peakMB(target.pids) - before,
    },
  };
}
