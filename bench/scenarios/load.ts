/** What scenarios share: one load against one server as a Measurement, and filling a server with objects. */
import { systemClock } from '../../src/base/clock.ts';
import type { Context, Measurement } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import type { RequestsJob, RequestsResult } from '../load/messages.ts';
import type { WorkloadSpec } from '../load/workloads.ts';

type Load = Pick<RequestsJob, 'protocol' | 'connections' | 'streams'> & {
  workload: Omit<WorkloadSpec, 'namespace'>;
  seconds?: number;
  rate?: number;
};

const FILL_SECONDS = 300;
const SETTLE_MS = 30_000;

/** Throws when any answer was wrong. */
export function checked(result: RequestsResult): RequestsResult {
  if (result.failed > 0) throw new Error(`${result.failed} wrong answers: ${result.errors.join('; ')}`);
  if (result.operations === 0) throw new Error('no answer came');
  return result;
}

export async function load(context: Context, target: Target, what: Load): Promise<Measurement> {
  const { generator, settings, namespace } = context;
  const workload = { ...what.workload, namespace };
  const r = checked(
    await generator.requests({ endpoint: target.endpoint, seconds: settings.seconds, ...what, workload }),
  );
  return {
    value: r.operations / r.elapsed,
    operations: r.operations,
    p50: r.latency.p50,
    p99: r.latency.p99,
    generatorCpu: r.cpuSeconds,
    generatorShare: r.cpuSeconds / r.elapsed,
    answerBytes: r.bytes / r.operations,
  };
}

/** A server that has become quiet has given back by then what it gives back. */
export function settle(): Promise<void> {
  return systemClock.sleep(SETTLE_MS);
}

/** Makes `objects` objects; none may fail. */
export async function fill(
  { generator, namespace }: Context,
  target: Target,
  name: WorkloadSpec['name'],
  objects: number,
  protocol: RequestsJob['protocol'] = 'h2',
): Promise<void> {
  const connections = Math.min(objects, 16);
  checked(
    await generator.requests({
      endpoint: target.endpoint,
      protocol,
      connections,
      streams: 1,
      seconds: FILL_SECONDS,
      workload: { name, run: 'fill', namespace, objects },
    }),
  );
}

/** So many requests at once: over sixteen connections at most, as many streams on each as it takes. */
export function spreadOver(writers: number): { protocol: 'h2'; connections: number; streams: number } {
  const connections = Math.min(writers, 16);
  return { protocol: 'h2', connections, streams: Math.ceil(writers / connections) };
}

export const isQuick = ({ settings: { mode } }: Context): boolean => mode === 'quick' || mode === 'ci';
