/** The ledger's text form, what a run changes in it, and the reading of the suite's report. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseJUnit } from './junit.ts';
import { formatLedger, parseLedger, sigOf, withOutcomes } from './ledger.ts';

const TEXT = readFileSync(new URL('./ledger.tsv', import.meta.url), 'utf8');

describe('conformance ledger', () => {
  it('holds every test of the suite once and keeps its text', () => {
    const rows = parseLedger(TEXT);
    assert.equal(rows.length, 446);
    assert.equal(new Set(rows.map((r) => r.codename)).size, 446);
    assert.ok(rows.every((r) => sigOf(r.codename) !== 'none'));
    assert.equal(formatLedger(rows), TEXT);
  });

  it('has a date and a place for each test that ran, and none for the others', () => {
    for (const row of parseLedger(TEXT)) {
      assert.equal(/^\d{4}-\d\d-\d\d$/.test(row.date) && row.how !== '', row.state !== 'not-run', row.codename);
    }
  });

  it('refuses a damaged line', () => {
    assert.throws(() => parseLedger('codename\tclass\tstate\tdate\thow\na\tb\tmaybe\t\t\n'), /not a state: maybe/);
    assert.throws(() => parseLedger('codename\tclass\tstate\tdate\thow\na\tb\n'), /not a row/);
  });

  it('takes outcomes of the specs it holds and leaves the others alone', () => {
    const row = { codename: '[sig-apps] a', class: 'workload', state: 'not-run', date: '', how: '' } as const;
    const run = { date: '2026-11-23', how: 'here' };
    const outcomes = new Map([
      ['[sig-apps] a', 'passed'],
      ['[sig-apps] unknown', 'failed'],
    ] as const);
    assert.deepEqual(withOutcomes([row, { ...row, codename: '[sig-apps] b' }], outcomes, run), [
      { ...row, state: 'passed', ...run },
      { ...row, codename: '[sig-apps] b' },
    ]);
  });
});

describe('JUnit report of the suite', () => {
  it('gives passed and failed specs, without skipped ones and set-up nodes', () => {
    const xml = `<testsuites><testsuite>
      <testcase name="[SynchronizedBeforeSuite]" status="passed" time="0.1"></testcase>
      <testcase name="[It] [sig-apps] a &lt;b&gt; [Conformance]" classname="Kubernetes e2e suite" status="passed" time="1.5">
        <system-err>x</system-err></testcase>
      <testcase name="[It] [sig-apps] c" status="skipped" time="0"><skipped message="skipped"></skipped></testcase>
      <testcase name="[It] [sig-apps] d" status="failed" time="2"><failure message="want &#34;x&#34;&#xA;got y" type="failed">at</failure></testcase>
    </testsuite></testsuites>`;
    assert.deepEqual(parseJUnit(xml), [
      { codename: '[sig-apps] a <b> [Conformance]', state: 'passed', seconds: 1.5, message: '' },
      { codename: '[sig-apps] d', state: 'failed', seconds: 2, message: 'want "x"\ngot y' },
    ]);
  });
});
