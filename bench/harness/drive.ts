/** Runs scenarios: servers up, objects in, then every case measured in turns (A/B/A/B) so that a noisy neighbour hits all alike. */
import { loadavg } from 'node:os';
import { systemClock } from '../../src/base/clock.ts';
import { askedOf, HELD, notesOf } from './asked.ts';
import { clearNamespace, makeNamespace } from './identity.ts';
import { cpuSeconds, peakMB, resetPeak, residentMB } from './process-sample.ts';
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
    if (options.peer !== undefined) {
      const peer = stack.use(await joinPeer(options.peer));
      stack.defer(() => clearNamespace(peer.admin!, context.namespace));
      targets.push(peer);
    }
    // What a start leaves to do is over before memory is read.
    await systemClock.sleep(SETTLE_MS);
    for (const t of targets) {
      t.idleMB = residentMB(t.pids);
      if (t.admin !== undefined) await makeNamespace(t.admin, context.namespace);
    }
    for (const t of targets) await scenario.prepare?.(t, context);
    await scenario.prime?.(floor, keelson, context);
  }
  const cases: CaseResult[] = [];
  for (const c of scenario.cases(context)) {
    if (!c.name.includes(options.only)) continue;
    const result = await runCase(c, targets, context, cases.length === 0);
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

const SETTLE_MS = 500;
let runs = 0;
/** Names of one run of the bench never meet those of another on a peer. */
export const RUN = systemClock.now().toString(36);

/** The same number of bytes from the floor as from ours. */
async function teach(c: Case, floor: Target, keelson: Target, bytes: { ours: number; floor: number }): Promise<void> {
  if (c.pads !== undefined)
    await floor.prime?.(keelson.endpoint, { pad: { path: c.pads, bytes: bytes.ours - bytes.floor } });
}

/** A new server gets faster for some seconds, and ours, which has more code, for longer than the floor. */
const MAX_WARM_UPS = 6;
/** So often in a row it was no faster than it had been. */
const ENOUGH = 2;
const STEADY = 0.05;

/** One measurement of less than this warms nothing: what is called once an answer is compiled after some hundred of them. */
const WARM_SECONDS = 1;

/** Uncounted. Once where the servers have worked before, else until it makes no more difference. */
async function warmUp(c: Case, target: Target, isCold: boolean): Promise<Sample> {
  let sample = await measure(c, target, `w${RUN}-${++runs}`);
  let best = sample.value;
  for (let n = 1, steady = 0; isCold && n < MAX_WARM_UPS && steady < ENOUGH; n++) {
    sample = await measure(c, target, `w${RUN}-${++runs}`);
    const gain = c.better === 'higher' ? sample.value / best : best / sample.value;
    if (gain > 1) best = sample.value;
    steady = gain < 1 + STEADY ? steady + 1 : 0;
  }
  return sample;
}

async function runCase(c: Case, all: readonly Target[], { settings }: Context, isFirst: boolean): Promise<CaseResult> {
  const targets = all.filter((t) => !(t.name === 'floor' && c.withoutFloor));
  const samples: Partial<Record<TargetName, Sample[]>> = {};
  // Uncounted: compilers and caches get warm. A server that lives only within a measurement has nothing to warm.
  const bytes: Record<TargetName, number> = { keelson: 0, floor: 0, peer: 0 };
  const keelson = targets.find((t) => t.name === 'keelson');
  for (const target of targets) {
    if (c.once || (target.pids.length === 0 && target.name !== 'peer')) continue;
    if (target.name === 'floor' && c.copies !== undefined)
      await target.prime?.(keelson!.endpoint, { copies: c.copies });
    bytes[target.name] = (await warmUp(c, target, isFirst || settings.seconds < WARM_SECONDS)).answerBytes ?? 0;
    if (target.name === 'floor') await teach(c, target, keelson!, { ours: bytes.keelson, floor: bytes.floor });
  }
  for (let round = 0; round < (c.once ? 1 : (c.rounds ?? settings.rounds)); round++) {
    for (const target of targets) {
      const sample = await measure(c, target, `r${RUN}-${++runs}`);
      samples[target.name] ??= [];
      samples[target.name]!.push(sample);
    }
  }
  const result: CaseResult = { name: c.name, unit: c.unit, better: c.better, asked: [], notes: [], samples };
  result.asked = askedOf(c, result);
  result.notes = notesOf(c, result);
  return result;
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
  if (c.heldMB !== undefined && peak !== undefined)
    rest.extra = { ...rest.extra, [HELD]: (peak - (target.idleMB ?? 0)) / c.heldMB };
  return {
    ...rest,
    ...(used === undefined || found.operations === 0 ? {} : { cpuPer1000: (used / found.operations) * 1000 }),
    ...(peak === undefined ? {} : { peakMB: peak }),
    ...(probed === undefined ? {} : { loopP99: probed.loopP99, loopMax: probed.loopMax }),
    load: loadavg()[0]!,
    at: systemClock.now(),
  };
}
