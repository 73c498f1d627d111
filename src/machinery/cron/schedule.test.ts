/** Cron schedules: what is a schedule, and when it is due, over changes of clocks too. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nextTime, parseSchedule, scheduleProblem } from './schedule.ts';
import { formatLocal, timeZone } from './time-zone.ts';

describe('cron schedules', () => {
  const bad = [
    { text: '', want: 'empty spec string' },
    { text: '* * * *', want: 'expected exactly 5 fields, found 4: [* * * *]' },
    { text: '60 * * * *', want: 'end of range (60) above maximum (59): 60' },
    { text: '5-1 * * * *', want: 'beginning of range (5) beyond end of range (1): 5-1' },
    { text: '*/0 * * * *', want: 'step of range should be a positive number: */0' },
    { text: '* * 0 * *', want: 'beginning of range (0) below minimum (1): 0' },
    { text: 'x * * * *', want: 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax' },
    { text: '@often', want: 'unrecognized descriptor: @often' },
    { text: 'TZ=Mars/Olympus * * * * *', want: 'provided bad location Mars/Olympus: unknown time zone Mars/Olympus' },
  ];
  for (const { text, want } of bad) {
    it(`refuses ${text || 'nothing'}`, () => assert.equal(scheduleProblem(text), want));
  }

  const cases = [
    { schedule: '*/15 * * * *', from: '2026-01-01T00:00:00Z', want: '2026-01-01T00:15:00Z' },
    { schedule: '*/15 * * * *', from: '2026-01-01T00:14:59Z', want: '2026-01-01T00:15:00Z' },
    { schedule: '0 9-17/4 * * mon-fri', from: '2026-01-02T17:00:00Z', want: '2026-01-05T09:00:00Z' },
    { schedule: '7/20 3 * * *', from: '2026-01-01T03:27:00Z', want: '2026-01-01T03:47:00Z' },
    // A restricted day of the month and a restricted weekday: either will do.
    { schedule: '0 0 13 * 5', from: '2026-01-10T00:00:00Z', want: '2026-01-13T00:00:00Z' },
    { schedule: '0 0 13 * 5', from: '2026-01-13T00:00:00Z', want: '2026-01-16T00:00:00Z' },
    { schedule: '0 0 29 2 *', from: '2026-01-01T00:00:00Z', want: '2028-02-29T00:00:00Z' },
    { schedule: '59 23 31 2 *', from: '2026-01-01T00:00:00Z', want: undefined },
    { schedule: '@weekly', from: '2026-01-01T00:00:00Z', want: '2026-01-04T00:00:00Z' },
    { schedule: '@yearly', from: '2026-01-01T00:00:00Z', want: '2027-01-01T00:00:00Z' },
    { schedule: '@every 1h30m', from: '2026-01-01T00:00:10Z', want: '2026-01-01T01:30:10Z' },
    { schedule: '@every 10ms', from: '2026-01-01T00:00:00Z', want: '2026-01-01T00:00:01Z' },
    { schedule: 'TZ=Asia/Kolkata 0 9 * * *', from: '2026-01-01T00:00:00Z', want: '2026-01-01T03:30:00Z' },
    { schedule: 'CRON_TZ=America/New_York 30 1 * * *', from: '2026-01-01T00:00:00Z', want: '2026-01-01T06:30:00Z' },
    // Half past two is not there on the day the clocks go forward.
    { schedule: 'TZ=Europe/Berlin 30 2 * * *', from: '2026-03-28T12:00:00Z', want: '2026-03-30T00:30:00Z' },
    // And there twice when they go back.
    { schedule: 'TZ=Europe/Berlin 30 2 * * *', from: '2026-10-24T12:00:00Z', want: '2026-10-25T00:30:00Z' },
    { schedule: 'TZ=Europe/Berlin 30 2 * * *', from: '2026-10-25T00:30:00Z', want: '2026-10-25T01:30:00Z' },
    // The day begins at one o'clock.
    { schedule: 'TZ=Asia/Beirut 0 12 29 3 *', from: '2026-03-28T00:00:00Z', want: '2026-03-29T09:00:00Z' },
  ];
  for (const { schedule, from, want } of cases) {
    it(`${schedule} after ${from}`, () => {
      const next = nextTime(parseSchedule(schedule), Date.parse(from));
      assert.equal(next === undefined ? undefined : formatLocal(next, timeZone('UTC')!), want);
    });
  }

  it('the next time is later, and nothing lies between', () => {
    const at = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2030, 0, 1) });
    const minute = fc.integer({ min: 1, max: 59 });
    fc.assert(
      fc.property(
        at,
        minute,
        fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Beirut'),
        (ms, n, zone) => {
          const schedule = parseSchedule(`TZ=${zone} */${n} * * * *`);
          const next = nextTime(schedule, ms)!;
          assert.ok(next > ms && next - ms <= 60 * 60_000);
          assert.ok(nextTime(schedule, next - 1) === next);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('tells local time with its offset', () => {
    assert.equal(formatLocal(0, timeZone('Asia/Kolkata')!), '1970-01-01T05:30:00+05:30');
    assert.equal(timeZone('No/Where'), undefined);
    assert.equal(timeZone('+02:00'), undefined);
  });
});
