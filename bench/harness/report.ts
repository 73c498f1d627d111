/** A run as tables on the terminal, at most 160 columns wide: a block for each case, a line for each server. */
import { medianOf, number, of, ratioOf } from './figures.ts';
import type { CaseResult, RunResult, ScenarioResult } from './result.ts';
import { spread } from './statistics.ts';
import type { TargetName } from './target.ts';

const WIDTH = 160;
const LABELS: Record<TargetName, string> = { keelson: 'ours', floor: 'floor', peer: 'peer' };
const HEAD = [
  '',
  'median',
  'min..max',
  'p50 ms',
  'p99 ms',
  'CPU s/1000',
  'peak MB',
  'loop p99',
  'max ms',
  'gen %',
  'gen s/1000',
  'load',
  'ours/it',
  'CPU ours/it',
];

function line(c: CaseResult, target: TargetName): string[] {
  const samples = c.samples[target]!;
  const { median, min, max } = spread(samples.map((s) => s.value));
  const other = target !== 'keelson';
  const generator = of(c, target, (s) =>
    s.operations > 0 ? ((s.generatorCpu ?? Number.NaN) / s.operations) * 1000 : undefined,
  );
  const cpu = of(c, target, (s) => s.cpuPer1000);
  return [
    `  ${LABELS[target]}`,
    number(median),
    `${number(min)}..${number(max)}`,
    number(of(c, target, (s) => s.p50)),
    number(of(c, target, (s) => s.p99)),
    number(cpu),
    number(of(c, target, (s) => s.peakMB)),
    number(of(c, target, (s) => s.loopP99)),
    number(of(c, target, (s) => s.loopMax)),
    number(of(c, target, (s) => s.generatorShare) * 100, 2),
    number(generator),
    number(
      of(c, target, (s) => s.load),
      2,
    ),
    other ? number(ratioOf(c, target), 2) : '',
    other ? number(of(c, 'keelson', (s) => s.cpuPer1000) / cpu, 2) : '',
  ];
}

function extras(c: CaseResult): string[] {
  const out: string[] = [];
  for (const target of ['keelson', 'floor', 'peer'] as const) {
    const names = new Set((c.samples[target] ?? []).flatMap((s) => Object.keys(s.extra ?? {})));
    const parts = [...names].map((name) => `${name} ${number(of(c, target, (s) => s.extra?.[name]))}`);
    if (parts.length > 0) out.push(...wrap(`    ${LABELS[target]}: `, parts));
  }
  return out;
}

/** Parts after a heading, in lines no wider than the table. */
function wrap(head: string, parts: readonly string[]): string[] {
  const lines: string[] = [];
  let text = head;
  for (const [i, part] of parts.entries()) {
    const piece = `${part}${i === parts.length - 1 ? '' : '; '}`;
    if (text.length + piece.length > WIDTH && text.trim() !== head.trim()) {
      lines.push(text.trimEnd());
      text = ' '.repeat(head.length);
    }
    text += piece;
  }
  return [...lines, text];
}

export function asked(c: CaseResult): string[] {
  return c.asked.map((a) => `${a.what}: ${Number.isNaN(a.got) ? '-' : number(a.got)} ${a.met ? 'ok' : 'SHORT'}`);
}

/** Cells in columns; those of `titles` stand across. */
export function table(rows: readonly (readonly string[] | string)[]): string {
  const cells = rows.filter((r) => typeof r !== 'string');
  const used = cells[0]!.map((_, i) => cells.slice(1).some((r) => r[i] !== ''));
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((r) => r[i]!.length)));
  return rows
    .map((r) =>
      typeof r === 'string'
        ? r
        : r
            .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
            .filter((_, i) => used[i])
            .join('  '),
    )
    .join('\n');
}

export function scenarioTable(s: ScenarioResult): string {
  const rows: (string[] | string)[] = [HEAD];
  for (const c of s.cases) {
    rows.push(...wrap(`${c.name}, ${c.unit}${c.asked.length > 0 ? '   asked: ' : ''}`, asked(c)));
    for (const target of ['keelson', 'floor', 'peer'] as const)
      if (c.samples[target] !== undefined) rows.push(line(c, target));
    rows.push(...extras(c));
    for (const note of c.notes) rows.push(`    note: ${note}`);
  }
  return `${s.id}  ${s.title}\n${table(rows)}\n`;
}

/** What was asked and not reached, of the whole run. */
export function verdict(run: RunResult): string {
  const all = run.scenarios.flatMap((s) =>
    s.cases.flatMap((c) => c.asked.map((a) => ({ id: s.id, name: c.name, ...a }))),
  );
  const short = all.filter((a) => !a.met);
  return [
    `${all.length - short.length} of ${all.length} figures are as asked.`,
    ...short.map((a) => `SHORT  ${a.id} ${a.name}: ${a.what}, got ${Number.isNaN(a.got) ? 'nothing' : number(a.got)}`),
  ].join('\n');
}

/** One line while the run goes on. */
export function progress(c: CaseResult): string {
  return [`  ${c.name}: ${number(medianOf(c, 'keelson'))} ${c.unit}`, ...asked(c)].join('; ');
}

/** Against an earlier run: ratios to the floor first, since absolute figures depend on the day. */
export function comparison(now: RunResult, before: RunResult): string {
  const rows: string[][] = [
    [
      'case',
      'unit',
      'before',
      'now',
      'now/before',
      'of floor before',
      'now',
      'CPU s/1000 before',
      'now',
      'peak MB before',
      'now',
    ],
  ];
  for (const s of now.scenarios) {
    for (const c of s.cases) {
      const old = before.scenarios.find((b) => b.id === s.id)?.cases.find((b) => b.name === c.name);
      if (old === undefined) continue;
      const [a, b] = [medianOf(old, 'keelson'), medianOf(c, 'keelson')];
      const both = (f: (r: CaseResult) => number, digits?: number) => [number(f(old), digits), number(f(c), digits)];
      rows.push([
        `${s.id} ${c.name}`,
        c.unit,
        number(a),
        number(b),
        number(b / a, 2),
        ...both((r) => ratioOf(r, 'floor'), 2),
        ...both((r) => of(r, 'keelson', (x) => x.cpuPer1000)),
        ...both((r) => of(r, 'keelson', (x) => x.peakMB)),
      ]);
    }
  }
  return rows.length === 1 ? 'No case of that file was measured now: nothing to compare.' : table(rows);
}
