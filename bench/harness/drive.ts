/** Runs scenarios: servers up, objects in, then every case measured in turns (A/B/A/B) so that a noisy neighbour hits all alike. */
import { loadavg } from 'node:os';
import { systemClock } from '../../src/base/clock.ts';
import { cpuSeconds, peakMB, resetPeak } from './process-sample.ts';
import type { CaseResult, Sample, ScenarioResult } from './result.ts';
import type { Case, Context, Measurement, Scenario } from './scenario.ts';
import { joinPeer, type PeerOptions, startFloor, startKeelson } from './servers.ts';
import type { Target, TargetName } from './target.ts';

export interface DriveOptions {
  peer?: PeerOptions;
  /** Options of Node for our server only. */
  nodeFlags: readonly string[];
  /** Only cases whose name has this in it. */
  only: string;
  onCase(scenario: Scenario, result: CaseResult): void;
}

export async function runScenario(
  scenario: Scenario,
  context: Context,
  options: DriveOptions,
): Promise<ScenarioResult> {
  await using stack = new AsyncDisposableStack();
  const targets: Target[] = [];
  if (scenario.startsServers === true) targets.push(placeholder('keelson'), placeholder('floor'));
  else {
    const keelson = stack.use(await startKeelson({ port: context.port(0), nodeFlags: options.nodeFlags }));
    const floor = stack.use(await startFloor({ port: context.port(1) }));
    targets.push(keelson, floor);
    if (options.peer !== undefined) targets.push(stack.use(await joinPeer(options.peer)));
    for (const t of targets) await scenario.prepare?.(t, context);
    await scenario.prime?.(floor, keelson, context);
  }
  const cases: CaseResult[] = [];
  for (const c of scenario.cases(context)) {
    if (!c.name.includes(options.only)) continue;
    const result = await runCase(c, targets, context);
    options.onCase(scenario, result);
    cases.push(result);
  }
  return { id: scenario.id, title: scenario.title, cases };
}

/** For scenarios that start servers within the measurement. */
function placeholder(name: TargetName): Target {
  const endpoint = { host: '127.0.0.1', port: 0, ca: '', headers: {} };
  return { name, endpoint, pids: [], async [Symbol.asyncDispose]() {} };
}

let runs = 0;
/** Names of one run of the bench never meet those of another on a peer. */
const RUN = systemClock.now().toString(36);

async function runCase(c: Case, all: readonly Target[], { settings }: Context): Promise<CaseResult> {
  const targets = all.filter((t) => !(t.name === 'floor' && c.withoutFloor) && !(t.name === 'peer' && c.withoutPeer));
  const samples: Partial<Record<TargetName, Sample[]>> = {};
  // Uncounted: compilers and caches get warm. A server that lives only within a measurement has nothing to warm.
  for (const target of targets)
    if (target.pids.length > 0 || target.name === 'peer') await measure(c, target, `w${RUN}-${++runs}`);
  for (let round = 0; round < settings.rounds; round++) {
    for (const target of targets) {
      const sample = await measure(c, target, `r${RUN}-${++runs}`);
      samples[target.name] ??= [];
      samples[target.name]!.push(sample);
    }
  }
  return {
    name: c.name,
    unit: c.unit,
    better: c.better,
    ...(c.atLeast === undefined ? {} : { atLeast: c.atLeast }),
    ...(c.atMost === undefined ? {} : { atMost: c.atMost }),
    samples,
  };
}

async function measure(c: Case, target: Target, run: string): Promise<Sample> {
  await target.probe?.reset();
  resetPeak(target.pids);
  const cpu = cpuSeconds(target.pids);
  let found: Measurement;
  try {
    found = await c.measure(target, run);
  } catch (err) {
    throw new Error(`${c.name} against ${target.name}: ${(err as Error).message}`, { cause: err });
  }
  const known = target.pids.length > 0;
  const used = found.cpuSeconds ?? (known ? cpuSeconds(target.pids) - cpu : undefined);
  const peak = found.peakMB ?? (known ? peakMB(target.pids) : undefined);
  const probed = await target.probe?.sample();
  const { cpuSeconds: _, peakMB: __, ...rest } = found;
  return {
    ...rest,
    ...(used === undefined || found.operations === 0 ? {} : { cpuPer1000: (used / found.operations) * 1000 }),
    ...(peak === undefined ? {} : { peakMB: peak }),
    ...(probed === undefined ? {} : { loopP99: probed.loopP99, loopMax: probed.loopMax }),
    load: loadavg()[0]!,
    at: systemClock.now(),
  };
}
