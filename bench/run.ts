/**
 * `npm run bench -- [B1 B5 ...] [flags]`: measures our API server against its floor (and another API server), prints tables, writes
 * JSON. `--help` says the flags, `--list` the scenarios; README.md the rest. Never fails on time, only on wrong answers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { RUN, runScenario } from './harness/drive.ts';
import { HELP, type Options, parseOptions, UsageError } from './harness/flags.ts';
import { Generator } from './harness/generator.ts';
import { comparison, progress, scenarioTable, verdict } from './harness/report.ts';
import type { RunResult } from './harness/result.ts';
import type { Context } from './harness/scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const RESULTS = join(import.meta.dirname, 'results');

let options: Options;
let before: RunResult | undefined;
try {
  options = parseOptions(process.argv.slice(2), SCENARIOS);
  if (options.compare !== undefined) before = JSON.parse(readFileSync(options.compare, 'utf8')) as RunResult;
} catch (err) {
  console.error(err instanceof UsageError ? err.message : `--compare: ${(err as Error).message}`);
  process.exit(2);
}
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
if (options.list) {
  for (const { id, title } of SCENARIOS) console.log(`${id.padEnd(9)} ${title}`);
  process.exit(0);
}

const { settings, peer, port } = options;
using generator = new Generator();
using second = new Generator();
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
for (const scenario of options.scenarios) {
  console.error(`${scenario.id} ${scenario.title}`);
  const namespace = `bench-${scenario.id.toLowerCase()}-${RUN}`;
  const context: Context = { settings, generator, second, namespace, port: (n) => port + n };
  try {
    const result = await runScenario(scenario, context, {
      ...(peer === undefined ? {} : { peer }),
      only: options.only,
      nodeFlags: options.cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${RESULTS}`] : [],
      onCase: (_, c) => console.error(progress(c)),
    });
    run.scenarios.push(result);
    if (result.cases.length > 0) console.log(scenarioTable(result));
  } catch (err) {
    failed = true;
    console.error(`${scenario.id} failed:`, err);
  }
}

const file = options.json ?? join(RESULTS, `${startedAt.replaceAll(':', '-')}.json`);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(run, undefined, 1)}\n`);
console.log(verdict(run));
if (before !== undefined)
  console.log(`\nAgainst ${options.compare} of ${before.startedAt}:\n${comparison(run, before)}`);
console.log(`\n${file}`);
process.exitCode = failed ? 1 : 0;
