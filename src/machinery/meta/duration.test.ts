import assert from 'node:assert/strict';
import { parseDuration } from './duration.ts';

describe('durations', () => {
  const cases: { text: string; want: number | string }[] = [
    { text: '0', want: 0 },
    { text: '1h2m3s4ms', want: 3_723_004 },
    { text: '-1.5s', want: -1500 },
    { text: '+.5s', want: 500 },
    { text: '1ns', want: 1e-6 },
    { text: '2µs', want: 2e-3 },
    { text: '', want: 'time: invalid duration ""' },
    { text: 'x', want: 'time: invalid duration "x"' },
    { text: '-', want: 'time: invalid duration "-"' },
    { text: '5', want: 'time: missing unit in duration "5"' },
    { text: '5y', want: 'time: unknown unit "y" in duration "5y"' },
    { text: '5 s', want: 'time: unknown unit " s" in duration "5 s"' },
    { text: '1s.', want: 'time: invalid duration "1s."' },
  ];
  for (const { text, want } of cases)
    it(JSON.stringify(text), () => {
      if (typeof want === 'number') assert.equal(parseDuration(text), want);
      else assert.throws(() => parseDuration(text), { message: want });
    });
});
