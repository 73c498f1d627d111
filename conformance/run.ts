/**
 * `node conformance/run.ts --e2e PATH --kubeconfig FILE [--class C] [--sig S] [--state S] [--grep RE] [--batch N] [--parallel N]
 *   [--timeout 30m] [--reports DIR] [--how TEXT] [--dry-run]`
 * Runs specs of the v1.36 conformance suite with upstream's e2e.test against any cluster and writes how they went into ledger.tsv.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { type Outcome, parseJUnit } from './junit.ts';
import { readLedger, sigOf, summary, withOutcomes, writeLedger } from './ledger.ts';

const LEDGER = new URL('./ledger.tsv', import.meta.url).pathname;

const { values: flags } = parseArgs({
  options: {
    e2e: { type: 'string' },
    kubeconfig: { type: 'string' },
    class: { type: 'string' },
    sig: { type: 'string' },
    state: { type: 'string' },
    grep: { type: 'string', default: '' },
    batch: { type: 'string', default: '25' },
    parallel: { type: 'string', default: '1' },
    timeout: { type: 'string', default: '30m' },
    reports: { type: 'string', default: join(tmpdir(), 'keelson-conformance') },
    how: { type: 'string', default: 'keelson up, 2 simulated nodes' },
    'dry-run': { type: 'boolean', default: false },
  },
});

const wanted = new RegExp(flags.grep);
const specs = readLedger(LEDGER)
  .filter((r) => flags.class === undefined || r.class === flags.class)
  .filter((r) => flags.sig === undefined || sigOf(r.codename) === flags.sig)
  .filter((r) => flags.state === undefined || r.state === flags.state)
  .map((r) => r.codename)
  .filter((name) => wanted.test(name));

if (flags['dry-run']) {
  for (const name of specs) console.log(name);
  console.log(`${specs.length} specs`);
  process.exit(0);
}
if (flags.e2e === undefined || flags.kubeconfig === undefined) {
  console.error('usage: node conformance/run.ts --e2e PATH --kubeconfig FILE [--class api-only] ...');
  process.exit(2);
}

/** Batches of at most `size` names; serial specs (they change what every other spec sees) are kept apart. */
function batches(names: readonly string[], size: number): string[][] {
  const out: string[][] = [];
  for (let i = 0; i < names.length; i += size) out.push(names.slice(i, i + size));
  return out;
}

/** Runs one batch in its own e2e.test process; resolves with what its report says, whatever its exit code. */
async function runBatch(names: readonly string[], id: string): Promise<Outcome[]> {
  const directory = join(flags.reports, id);
  mkdirSync(directory, { recursive: true });
  const child = spawn(
    flags.e2e!,
    [
      `--kubeconfig=${flags.kubeconfig}`,
      '--provider=skeleton',
      '--allowed-not-ready-nodes=-1',
      '--disable-log-dump',
      `--report-dir=${directory}`,
      `--ginkgo.timeout=${flags.timeout}`,
      '--ginkgo.no-color',
      // A spec is found by its whole name; the suite puts its title before it.
      ...names.map((n) => `--ginkgo.focus=${n.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const log = createWriteStream(join(directory, 'e2e.log'));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  log.end();
  const report = join(directory, 'junit_01.xml');
  if (!existsSync(report)) {
    console.error(`batch ${id} wrote no report; see ${join(directory, 'e2e.log')}`);
    return [];
  }
  return parseJUnit(readFileSync(report, 'utf8'));
}

function record(outcomes: readonly Outcome[]): void {
  for (const o of outcomes) {
    console.log(`${o.state === 'passed' ? 'ok  ' : 'FAIL'} ${o.seconds.toFixed(1).padStart(6)} s  ${o.codename}`);
    if (o.message !== '') console.log(`       ${o.message.split('\n').slice(0, 6).join('\n       ')}`);
  }
  const date = new Date(systemClock.now()).toISOString().slice(0, 10);
  const states = new Map(outcomes.map((o) => [o.codename, o.state]));
  // Read again: another run may have written its own rows meanwhile.
  writeLedger(LEDGER, withOutcomes(readLedger(LEDGER), states, { date, how: flags.how }));
}

const isSerial = (name: string): boolean => name.includes('[Serial]');
const size = Number(flags.batch);
const queue = batches(
  specs.filter((n) => !isSerial(n)),
  size,
);
const serial = batches(specs.filter(isSerial), size);
const stamp = systemClock.now().toString(36);
let next = 0;
const ran = new Set<string>();

async function drain(from: string[][]): Promise<void> {
  for (let batch = from.shift(); batch !== undefined; batch = from.shift()) {
    const outcomes = await runBatch(batch, `${stamp}-${++next}`);
    record(outcomes);
    for (const o of outcomes) ran.add(o.codename);
  }
}

await Promise.all(Array.from({ length: Math.max(1, Number(flags.parallel)) }, () => drain(queue)));
await drain(serial);

const missing = specs.filter((n) => !ran.has(n));
if (missing.length > 0) console.log(`skipped by the suite or not reached:\n  ${missing.join('\n  ')}`);
console.log(summary(readLedger(LEDGER)));
process.exitCode = readLedger(LEDGER).some((r) => ran.has(r.codename) && r.state === 'failed') ? 1 : 0;
