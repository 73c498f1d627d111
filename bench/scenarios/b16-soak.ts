/**
 * B16: writes at half of what the server can do, a LIST every five seconds, watchers that come and go; a minute unless --minutes
 * says otherwise (30 with --full). What counts is that memory does not grow and the loop is never kept for long.
 */
import { systemClock } from '../../src/base/clock.ts';
import { Generator } from '../harness/generator.ts';
import { residentMB } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { podsPath } from './b5-list.ts';
import { leasesPath } from './b9-watch.ts';
import { checked, fill, load, spreadOver } from './load.ts';

const OBJECTS = 256;
const LIST_SECONDS = 5;
const WATCHERS = 50;
const WATCH_MS = 3000;
const WRITERS = 16;
const SAMPLE_MS = 1000;
/** Shorter ones are all start: their slope says nothing. */
const TELLING_MINUTES = 10;
const MINUTES = { ci: 0.1, quick: 0.25, default: 1, full: 30 };

export const b16: Scenario = {
  id: 'B16',
  title: 'soak: writes at half the rate of B3, a LIST every 5 s, 50 watchers that come and go',
  async prepare(target, context) {
    if (target.name === 'floor') return;
    await fill(context, target, 'fillLeases', OBJECTS);
    await fill(context, target, 'fillPods', OBJECTS);
    await fill(context, target, 'fillPodStatus', OBJECTS);
  },
  cases(context: Context): Case[] {
    const minutes = context.settings.minutes ?? MINUTES[context.settings.mode];
    return [
      {
        name: `${minutes} min`,
        unit: 'MB/min',
        better: 'lower',
        withoutFloor: true,
        once: true,
        goals: [
          { what: 'loop p99 ms', figure: 'loopP99', atMost: 20 },
          ...(minutes < TELLING_MINUTES ? [] : [{ what: 'MB/min', figure: 'value', atMost: 1 }]),
        ],
        measure: (target, run) => soak(context, target, run, minutes * 60),
      },
    ];
  },
};

async function soak(context: Context, target: Target, run: string, seconds: number): Promise<Measurement> {
  const { generator, second, namespace } = context;
  const { endpoint } = target;
  const workload = { name: 'patchPod', run, objects: OBJECTS } as const;
  const { value: most } = await load(context, target, {
    ...spreadOver(WRITERS),
    workload: { ...workload, run: `${run}m` },
  });
  await target.probe?.reset();
  const until = systemClock.monotonic() + seconds * 1000;
  const churn = churnWatchers(context, target, until);
  const memory = sampleMemory(target, until);
  const lists = second.requests({
    endpoint,
    protocol: 'h2',
    connections: 1,
    streams: 1,
    seconds,
    rate: 1 / LIST_SECONDS,
    // Marks of the writers change the length of a Pod.
    workload: { name: 'get', run, namespace, path: podsPath(context), tolerance: 0.05 },
  });
  const written = checked(
    await generator.requests({
      endpoint,
      ...spreadOver(WRITERS),
      seconds,
      rate: most / 2,
      workload: { ...workload, namespace },
    }),
  );
  const listed = checked(await lists);
  const churned = await churn;
  const samples = await memory;
  const late = samples.slice(Math.floor(samples.length / 2));
  return {
    value: slope(late),
    operations: written.operations,
    p50: written.latency.p50,
    p99: written.latency.p99,
    generatorCpu: written.cpuSeconds + listed.cpuSeconds,
    generatorShare: written.cpuSeconds / written.elapsed,
    extra: {
      'writes/s': written.operations / written.elapsed,
      'write max ms': written.latency.max,
      'LIST p99 ms': listed.latency.p99,
      watches: churned,
      'MB at first': samples[0]?.mb ?? Number.NaN,
      'MB at last': samples.at(-1)?.mb ?? Number.NaN,
    },
  };
}

/** Opens watches, leaves them for a while, breaks them off; says how many. */
async function churnWatchers(context: Context, { endpoint }: Target, until: number): Promise<number> {
  using generator = new Generator();
  let opened = 0;
  const path = `${leasesPath(context)}?watch=1`;
  while (systemClock.monotonic() + WATCH_MS < until) {
    await generator.watch({ endpoint, protocol: 'h2', connections: WATCHERS / 10, streams: 10, path });
    opened += WATCHERS;
    await systemClock.sleep(WATCH_MS);
    const { closed } = await generator.watched(0, 0);
    if (closed > 0) throw new Error(`${closed} watchers were closed`);
  }
  return opened;
}

interface MemorySample {
  minutes: number;
  mb: number;
}

async function sampleMemory({ pids }: Target, until: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const began = systemClock.monotonic();
  if (pids.length === 0) return samples;
  for (let now = began; now < until; now = systemClock.monotonic()) {
    samples.push({ minutes: (now - began) / 60_000, mb: residentMB(pids) });
    await systemClock.sleep(SAMPLE_MS);
  }
  return samples;
}

/** MB a minute, by least squares. */
function slope(samples: readonly MemorySample[]): number {
  const n = samples.length;
  if (n < 2) return Number.NaN;
  const mean = (f: (s: MemorySample) => number) => samples.reduce((sum, s) => sum + f(s), 0) / n;
  const [x, y] = [mean((s) => s.minutes), mean((s) => s.mb)];
  return mean((s) => (s.minutes - x) * (s.mb - y)) / mean((s) => (s.minutes - x) ** 2);
}
