/** A run as a table on the terminal. */
import type { CaseResult, RunResult, Sample, ScenarioResult } from './result.ts';
import { median, spread } from './statistics.ts';
import type { TargetName } from './target.ts';

export interface Row {
  name: string;
  /** Ours over the floor's, as medians of the rounds. */
  ratio: number;
  cells: string[];
}

const HEAD = [
  'case',
  'unit',
  'ours',
  'min..max',
  'floor',
  'ratio',
  'wanted',
  'CPU/1000',
  'floor',
  'ratio',
  'p50 ms',
  'p99 ms',
  'peak MB',
  'floor',
  'loop p99',
  'gen CPU',
  'peer',
  'ours/peer',
  'peer CPU',
  'peer p99',
  'peer MB',
];

export function of(result: CaseResult, target: TargetName, pick: (s: Sample) => number | undefined): number {
  const samples = result.samples[target] ?? [];
  return median(samples.map((s) => pick(s) ?? Number.NaN));
}

export const medianOf = (result: CaseResult, target: TargetName) => of(result, target, (s) => s.value);

export function number(n: number, digits = 3): string {
  if (Number.isNaN(n)) return '';
  if (n === 0 || Math.abs(n) >= 1000) return String(Math.round(n));
  return String(Number(n.toPrecision(digits)));
}

function wanted(r: CaseResult): string {
  const ratio = medianOf(r, 'keelson') / medianOf(r, 'floor');
  if (r.atLeast !== undefined)
    return `>=${r.atLeast}${Number.isNaN(ratio) ? '' : ratio >= r.atLeast ? ' ok' : ' SHORT'}`;
  if (r.atMost !== undefined) return `<=${r.atMost}${Number.isNaN(ratio) ? '' : ratio <= r.atMost ? ' ok' : ' SHORT'}`;
  return '';
}

export function rowOf(r: CaseResult): Row {
  const ours = (r.samples.keelson ?? []).map((s) => s.value);
  const { median: value, min, max } = spread(ours);
  const floor = medianOf(r, 'floor');
  const peer = medianOf(r, 'peer');
  const cpu = of(r, 'keelson', (s) => s.cpuPer1000);
  const floorCpu = of(r, 'floor', (s) => s.cpuPer1000);
  const operations = of(r, 'keelson', (s) => s.operations);
  const generator = of(r, 'keelson', (s) => s.generatorCpu);
  const ratio = value / floor;
  return {
    name: r.name,
    ratio,
    cells: [
      r.name,
      r.unit,
      number(value),
      `${number(min)}..${number(max)}`,
      number(floor),
      number(ratio, 2),
      wanted(r),
      number(cpu),
      number(floorCpu),
      number(floorCpu / cpu, 2),
      number(of(r, 'keelson', (s) => s.p50)),
      number(of(r, 'keelson', (s) => s.p99)),
      number(of(r, 'keelson', (s) => s.peakMB)),
      number(of(r, 'floor', (s) => s.peakMB)),
      number(of(r, 'keelson', (s) => s.loopP99)),
      operations > 0 ? number((generator / operations) * 1000) : '',
      number(peer),
      number(value / peer, 2),
      number(of(r, 'peer', (s) => s.cpuPer1000)),
      number(of(r, 'peer', (s) => s.p99)),
      number(of(r, 'peer', (s) => s.peakMB)),
    ],
  };
}

export function extrasOf(r: CaseResult): string {
  const names = new Set((r.samples.keelson ?? []).flatMap((s) => Object.keys(s.extra ?? {})));
  const per = (t: TargetName) => (name: string) => `${name} ${number(of(r, t, (s) => s.extra?.[name]))}`;
  const parts: string[] = [];
  for (const t of ['keelson', 'floor', 'peer'] as const) {
    if (r.samples[t] !== undefined && names.size > 0) parts.push(`${t}: ${[...names].map(per(t)).join(', ')}`);
  }
  return parts.join(' | ');
}

export function table(rows: readonly (readonly string[])[]): string {
  const used = rows[0]!.map((_, i) => rows.slice(1).some((r) => r[i] !== ''));
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  return rows
    .map((r) =>
      r
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .filter((_, i) => used[i])
        .join('  '),
    )
    .join('\n');
}

export function scenarioTable(s: ScenarioResult): string {
  const lines = [`${s.id}  ${s.title}`, table([HEAD, ...s.cases.map((c) => rowOf(c).cells)])];
  for (const c of s.cases) {
    const extras = extrasOf(c);
    if (extras !== '') lines.push(`  ${c.name}: ${extras}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Against an earlier run: ratios to the floor first, since absolute figures depend on the day. */
export function comparison(now: RunResult, before: RunResult): string {
  const rows: string[][] = [
    ['case', 'unit', 'before', 'now', 'now/before', 'ratio before', 'ratio now', 'CPU/1000 before', 'now'],
  ];
  for (const s of now.scenarios) {
    for (const c of s.cases) {
      const old = before.scenarios.find((b) => b.id === s.id)?.cases.find((b) => b.name === c.name);
      if (old === undefined) continue;
      const [a, b] = [medianOf(old, 'keelson'), medianOf(c, 'keelson')];
      const cpu = (r: CaseResult) => number(of(r, 'keelson', (x) => x.cpuPer1000));
      const ratio = (r: CaseResult) => number(rowOf(r).ratio, 2);
      rows.push([
        `${s.id} ${c.name}`,
        c.unit,
        number(a),
        number(b),
        number(b / a, 2),
        ratio(old),
        ratio(c),
        cpu(old),
        cpu(c),
      ]);
    }
  }
  return rows.length === 1 ? 'nothing to compare' : table(rows);
}
