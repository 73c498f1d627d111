import assert from 'node:assert/strict';
import { askedOf, HELD, notesOf } from './asked.ts';
import { number, ratioOf } from './figures.ts';
import { comparison, progress, scenarioTable, verdict } from './report.ts';
import type { CaseResult, RunResult, Sample } from './result.ts';
import type { Case } from './scenario.ts';
import type { TargetName } from './target.ts';

const sample = (value: number, more: Partial<Sample> = {}): Sample => ({
  value,
  operations: 10,
  load: 1,
  at: 0,
  ...more,
});
const result = (samples: Partial<Record<TargetName, Sample[]>>, name = 'GET'): CaseResult => ({
  name,
  unit: 'req/s',
  better: 'higher',
  asked: [],
  notes: [],
  samples,
});
const run = (cases: CaseResult[], startedAt = '2026-01-01T00:00:00Z'): RunResult => ({
  startedAt,
  mode: 'default',
  seconds: 2,
  rounds: 3,
  node: 'v24',
  cpus: 2,
  cpu: '',
  scenarios: [{ id: 'B1', title: 'reads', cases }],
});
const measure: Case['measure'] = () => Promise.reject(new Error('not measured here'));

describe('the report of the bench', () => {
  it('writes numbers shortly', () => {
    const cases: [number, string][] = [
      [0, '0'],
      [0.012345, '0.0123'],
      [1.5, '1.5'],
      [999.6, '1000'],
      [12345.6, '12346'],
      [-0.5, '-0.5'],
      [Number.NaN, ''],
    ];
    for (const [n, want] of cases) assert.equal(number(n), want);
  });

  it('takes the ratio of medians, whatever single rounds were', () => {
    const r = result({
      keelson: [sample(100), sample(1), sample(120)],
      floor: [sample(200), sample(9000), sample(150)],
    });
    assert.equal(ratioOf(r, 'floor'), 0.5);
    assert.equal(Number.isNaN(ratioOf(r, 'peer')), true);
  });

  it('says what was reached and what is SHORT', () => {
    const samples = {
      keelson: [sample(40, { loopMax: 25, extra: { 'first byte ms': 3, [HELD]: 1.4 } })],
      floor: [sample(100)],
    };
    const cases: { name: string; asks: Partial<Case>; want: string[] }[] = [
      { name: 'nothing asked', asks: {}, want: [] },
      { name: 'at least', asks: { atLeast: 0.5 }, want: ['of the floor >= 0.5: 0.4 SHORT'] },
      { name: 'at least, reached exactly', asks: { atLeast: 0.4 }, want: ['of the floor >= 0.4: 0.4 ok'] },
      { name: 'at most', asks: { atMost: 1.5 }, want: ['of the floor <= 1.5: 0.4 ok'] },
      {
        name: 'figures and extras',
        asks: {
          goals: [
            { what: 'first byte ms', figure: 'first byte ms', atMost: 20 },
            { what: 'longest stall ms', figure: 'loopMax', atMost: 20 },
          ],
        },
        want: ['first byte ms <= 20: 3 ok', 'longest stall ms <= 20: 25 SHORT'],
      },
      {
        name: 'a figure that nobody measured',
        asks: { goals: [{ what: 'p99', figure: 'p99', atMost: 1 }] },
        want: ['p99 <= 1: - SHORT'],
      },
      {
        name: 'memory over few bytes',
        asks: { heldMB: 9, goals: [{ what: HELD, figure: HELD, atMost: 1.3 }] },
        want: [],
      },
      {
        name: 'memory over many',
        asks: { heldMB: 200, goals: [{ what: HELD, figure: HELD, atMost: 1.3 }] },
        want: [`${HELD} <= 1.3: 1.4 SHORT`],
      },
    ];
    for (const { name, asks, want } of cases) {
      const r = result(samples);
      r.asked = askedOf({ name, unit: '', better: 'higher', measure, ...asks }, r);
      assert.deepEqual(progress(r).split('; ').slice(1), want, name);
    }
  });

  it('warns of busy generators and of answers of another size', () => {
    const c: Case = { name: 'c', unit: '', better: 'higher', measure, otherSize: 'compressed' };
    const r = result({
      keelson: [sample(1, { generatorShare: 0.9, answerBytes: 1000 })],
      floor: [sample(1, { generatorShare: 0.2, answerBytes: 1011 })],
    });
    assert.deepEqual(notesOf(c, r), [
      'a generator used 90 % of a core: keelson may be faster than shown',
      "answers of 1000 bytes, the floor's 1011: compressed",
    ]);
    assert.deepEqual(
      notesOf(c, result({ keelson: [sample(1, { answerBytes: 1000 })], floor: [sample(1, { answerBytes: 1009 })] })),
      [],
    );
  });

  it('is a block for each case, a line for each server, without empty columns', () => {
    const r = result({
      keelson: [sample(1000, { p50: 1.5, cpuPer1000: 0.02 })],
      floor: [sample(2000, { p50: 0.5, cpuPer1000: 0.01 })],
    });
    r.asked = [{ what: 'of the floor >= 0.5', got: 0.5, met: true }];
    assert.equal(
      scenarioTable({ id: 'B1', title: 'reads', cases: [r] }),
      [
        'B1  reads',
        '         median    min..max  p50 ms  CPU s/1000  load  ours/it  CPU ours/it',
        'GET, req/s   asked: of the floor >= 0.5: 0.5 ok',
        '  ours     1000  1000..1000     1.5        0.02     1                      ',
        '  floor    2000  2000..2000     0.5        0.01     1      0.5            2',
        '',
      ].join('\n'),
    );
  });

  it('ends with all that fell short', () => {
    const r = result({});
    r.asked = [
      { what: 'a <= 1', got: 0.5, met: true },
      { what: 'b <= 1', got: 2, met: false },
      { what: 'c <= 1', got: Number.NaN, met: false },
    ];
    assert.equal(
      verdict(run([r])),
      ['1 of 3 figures are as asked.', 'SHORT  B1 GET: b <= 1, got 2', 'SHORT  B1 GET: c <= 1, got nothing'].join('\n'),
    );
  });

  it('compares with an earlier run, case by case', () => {
    const before = run([
      result({ keelson: [sample(100)], floor: [sample(400)] }),
      result({ keelson: [sample(1)] }, 'gone'),
    ]);
    const now = run([
      result({ keelson: [sample(150)], floor: [sample(300)] }),
      result({ keelson: [sample(1)] }, 'new'),
    ]);
    const lines = comparison(now, before).split('\n');
    assert.equal(lines.length, 2);
    assert.deepEqual(lines[1]!.trim().split(/\s{2,}/), ['B1 GET', 'req/s', '100', '150', '1.5', '0.25', '0.5']);
    assert.equal(
      comparison(now, run([], '2025-01-01T00:00:00Z')),
      'No case of that file was measured now: nothing to compare.',
    );
  });
});
