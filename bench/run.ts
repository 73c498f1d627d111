/**
 * `npm run bench -- [B1 B5 ...] [--quick | --full] [--seconds N] [--rounds N] [--objects N] [--json FILE] [--compare FILE]
 *   [--peer URL --peer-kubeconfig FILE [--peer-pid PID,PID]] [--port N]
 *   [--case TEXT] [--cpu-prof]`
 * `--case`: only cases whose name has this in it. `--cpu-prof`: a profile of our server beside the JSON. Measures our API server against its floor (and another API server) and prints a table; never fails on time, only on wrong answers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { runScenario } from './harness/drive.ts';
import { Generator } from './harness/generator.ts';
import { comparison, rowOf, scenarioTable } from './harness/report.ts';
import type { RunResult } from './harness/result.ts';
import type { Context, Mode } from './harness/scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    objects: { type: 'string' },
    json: { type: 'string' },
    compare: { type: 'string' },
    peer: { type: 'string' },
    'peer-kubeconfig': { type: 'string' },
    'peer-pid': { type: 'string', default: '' },
    port: { type: 'string', default: '22000' },
    case: { type: 'string', default: '' },
    'cpu-prof': { type: 'boolean', default: false },
  },
});

const DEFAULTS: Record<Mode, { seconds: number; rounds: number }> = {
  quick: { seconds: 1, rounds: 2 },
  default: { seconds: 2, rounds: 3 },
  full: { seconds: 5, rounds: 5 },
};

const wanted = positionals.map((p) => p.toUpperCase());
const unknown = wanted.filter((id) => !SCENARIOS.some((s) => s.id === id));
if (unknown.length > 0 || (flags.peer !== undefined && flags['peer-kubeconfig'] === undefined)) {
  const known = SCENARIOS.map((s) => s.id).join(' ');
  console.error(
    unknown.length > 0 ? `no scenario ${unknown.join(' ')}; there are ${known}` : '--peer needs --peer-kubeconfig',
  );
  process.exit(2);
}
const mode: Mode = flags.quick ? 'quick' : flags.full ? 'full' : 'default';
const settings = {
  mode,
  seconds: Number(flags.seconds ?? DEFAULTS[mode].seconds),
  rounds: Number(flags.rounds ?? DEFAULTS[mode].rounds),
  ...(flags.objects === undefined ? {} : { objects: Number(flags.objects) }),
};
const peerConfig = flags['peer-kubeconfig'];
const peer =
  peerConfig === undefined
    ? undefined
    : { url: flags.peer, kubeconfig: peerConfig, pids: flags['peer-pid'].split(',').filter(Boolean).map(Number) };
const basePort = Number(flags.port);

using generator = new Generator();
using second = new Generator();
const context: Context = { settings, generator, second, port: (n) => basePort + n };
const startedAt = new Date(systemClock.now()).toISOString();
const run: RunResult = {
  startedAt,
  ...settings,
  node: process.version,
  cpus: cpus().length,
  cpu: cpus()[0]?.model ?? '',
  ...(peer === undefined ? {} : { peer: peer.url ?? peer.kubeconfig }),
  scenarios: [],
};

let failed = false;
for (const scenario of SCENARIOS) {
  if (wanted.length > 0 && !wanted.includes(scenario.id)) continue;
  console.error(`${scenario.id} ${scenario.title}`);
  try {
    const result = await runScenario(scenario, context, {
      ...(peer === undefined ? {} : { peer }),
      only: flags.case,
      nodeFlags: flags['cpu-prof'] ? ['--cpu-prof', `--cpu-prof-dir=${join(import.meta.dirname, 'results')}`] : [],
      onCase: (_, c) => console.error(`  ${c.name}: ${rowOf(c).cells.slice(2, 7).join(' ')}`),
    });
    run.scenarios.push(result);
    console.log(scenarioTable(result));
  } catch (err) {
    failed = true;
    console.error(`${scenario.id} failed:`, err);
  }
}

const file = flags.json ?? join(import.meta.dirname, 'results', `${startedAt.replaceAll(':', '-')}.json`);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(run, undefined, 1)}\n`);
console.log(`${file}`);
if (flags.compare !== undefined)
  console.log(comparison(run, JSON.parse(readFileSync(flags.compare, 'utf8')) as RunResult));
process.exitCode = failed ? 1 : 0;
