/** B9: many watchers of the same Leases while sixteen writers change them as fast as they can. */
import { NAMESPACE } from '../fixtures/objects.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import type { Protocol } from '../load/connection.ts';
import { checked, fill, spreadOver } from './load.ts';

const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const OBJECTS = 64;
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
    const counts = context.settings.mode === 'quick' ? [100] : [10, 100, 1000];
    const protocols: Protocol[] = context.settings.mode === 'quick' ? ['h2'] : ['h1', 'h2'];
    return protocols.flatMap((protocol) =>
      counts.map((watchers) => ({
        name: `${protocol} ${watchers} watchers`,
        unit: 'deliveries/s',
        better: 'higher' as const,
        atLeast: 0.5,
        measure: (target: Target, run: string) => fanOut(context, target, run, protocol, watchers),
      })),
    );
  },
};

async function fanOut(
  context: Context,
  target: Target,
  run: string,
  protocol: Protocol,
  watchers: number,
): Promise<Measurement> {
  const { generator, second, settings } = context;
  const streams = protocol === 'h1' ? 1 : Math.min(watchers, STREAMS);
  const { endpoint } = target;
  await second.watch({ endpoint, protocol, connections: watchers / streams, streams, path: `${LEASES}?watch=1` });
  const written = checked(
    await generator.requests({
      endpoint,
      ...spreadOver(WRITERS),
      seconds: settings.seconds,
      workload: { name: 'patchLease', run, objects: OBJECTS },
    }),
  );
  const seen = await second.watched(written.operations, PATIENCE_MS);
  if (seen.closed > 0) throw new Error(`${seen.closed} watchers were closed`);
  if (seen.errors.length > 0) throw new Error(seen.errors.join('; '));
  return {
    value: seen.deliveries / seen.elapsed,
    operations: seen.deliveries,
    p50: seen.delay.p50,
    p99: seen.delay.p99,
    generatorCpu: seen.cpuSeconds + written.cpuSeconds,
    extra: { 'writes/s': written.operations / written.elapsed, writeP99: written.latency.p99 },
  };
}
