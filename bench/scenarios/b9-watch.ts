/** B9: many watchers of the same Leases while sixteen writers change them as fast as they can. */
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import type { Protocol } from '../load/connection.ts';
import { checked, fill, isQuick, spreadOver } from './load.ts';

export const leasesPath = ({ namespace }: Context) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
export const OBJECTS = 64;
const WRITERS = 16;
/** How long the slowest watcher may lag behind before the run counts as wrong. */
const PATIENCE_MS = 60_000;
/** HTTP/2: so many watches share a connection. */
const STREAMS = 50;

export const b9: Scenario = {
  id: 'B9',
  title: 'watch fan-out on Leases, 16 writers',
  prepare: (target, context) => fill(context, target, 'fillLeases', OBJECTS),
  cases(context: Context): Case[] {
    const counts = isQuick(context) ? [100] : [10, 100, 1000];
    const protocols: Protocol[] = isQuick(context) ? ['h2'] : ['h1', 'h2'];
    return protocols.flatMap((protocol) =>
      counts.map((watchers) => ({
        name: `${protocol} ${watchers} watchers`,
        unit: 'deliveries/s',
        better: 'higher' as const,
        atLeast: 0.5,
        copies: [leasesPath(context)],
        measure: (target: Target, run: string) => fanOut(context, target, run, { protocol, watchers }),
      })),
    );
  },
};

interface FanOut {
  protocol: Protocol;
  watchers: number;
  /** Writes a second; absent: as many as can be. */
  rate?: number;
  /** All watches are open, nothing is written yet. */
  opened?(): Promise<void>;
}

export async function fanOut(
  context: Context,
  target: Target,
  run: string,
  { protocol, watchers, rate, opened }: FanOut,
): Promise<Measurement> {
  const { generator, second, settings, namespace } = context;
  const streams = protocol === 'h1' ? 1 : Math.min(watchers, STREAMS);
  const { endpoint } = target;
  await second.watch({
    endpoint,
    protocol,
    connections: watchers / streams,
    streams,
    path: `${leasesPath(context)}?watch=1`,
  });
  await opened?.();
  const written = checked(
    await generator.requests({
      endpoint,
      ...spreadOver(WRITERS),
      seconds: settings.seconds,
      workload: { name: 'patchLease', run, namespace, objects: OBJECTS },
      ...(rate === undefined ? {} : { rate }),
    }),
  );
  const seen = await second.watched(written.operations, PATIENCE_MS);
  // Upstream ends watches that fall behind; what it delivered until then counts.
  if (seen.closed > 0 && target.name !== 'peer')
    throw new Error(`${seen.closed} watchers were closed: ${seen.whyClosed.join('; ')}`);
  if (seen.errors.length > 0) throw new Error(seen.errors.join('; '));
  return {
    value: seen.deliveries / seen.elapsed,
    operations: seen.deliveries,
    p50: seen.delay.p50,
    p99: seen.delay.p99,
    generatorCpu: seen.cpuSeconds + written.cpuSeconds,
    generatorShare: Math.max(seen.cpuSeconds / (seen.elapsed || 1), written.cpuSeconds / written.elapsed),
    extra: {
      'writes/s': written.operations / written.elapsed,
      writeP99: written.latency.p99,
      ...(seen.closed > 0 ? { 'watchers closed': seen.closed } : {}),
    },
  };
}
