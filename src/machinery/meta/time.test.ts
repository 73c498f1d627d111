/** Times, durations and IntOrString as upstream reads and prints them. */
import assert from 'node:assert/strict';
import { intValue, parseIntOrString, scaledValueFromIntOrPercent } from './int-or-string.ts';
import * as time from './time.ts';

describe('times', () => {
  it('are written in UTC with whole seconds or microseconds', () => {
    assert.equal(time.formatTime(1704164645999), '2024-01-02T03:04:05Z');
    assert.equal(time.formatMicroTime(1704164645001.5), '2024-01-02T03:04:05.001500Z');
    assert.equal(time.normalizeTime('2024-01-02T03:04:05.9+02:00'), '2024-01-02T01:04:05Z');
    assert.equal(time.normalizeMicroTime('2024-01-02T03:04:05.000001+02:00'), '2024-01-02T01:04:05.000001Z');
  });

  const read: [string, number | undefined][] = [
    ['2024-01-02T03:04:05Z', 1704164645000],
    ['2024-01-02T05:04:05.5+02:00', 1704164645500],
    ['2024-02-29T00:00:00Z', 1709164800000],
    ['2024-02-29T00:00:00.000001Z', 1709164800000.001],
    ['2023-02-29T00:00:00Z', undefined],
    ['2100-02-29T00:00:00Z', undefined],
    ['2024-04-31T00:00:00Z', undefined],
    ['2024-00-01T00:00:00Z', undefined],
    ['2024-01-00T00:00:00Z', undefined],
    ['0001-01-01T00:00:00Z', -62135596800000],
    ['2024-01-02T03:04:5xZ', undefined],
    ['2024-01-02T03:04:05.00000xZ', undefined],
    ['2024-01-02T03:04:05,500000Z', 1704164645500],
    ['2024-01-02T24:04:05Z', undefined],
    ['2024-01-02 03:04:05Z', undefined],
    ['2024-01-02T03:04:05', undefined],
  ];
  for (const [text, want] of read)
    it(`${text} is ${want ?? 'no time'}`, () => assert.equal(time.parseTimeOrUndefined(text), want));

  const errors: [string, boolean, string][] = [
    [
      '2024-1-02T03:04:05Z',
      false,
      'parsing time "2024-1-02T03:04:05Z" as "2006-01-02T15:04:05Z07:00": cannot parse "1-02T03:04:05Z" as "01"',
    ],
    ['2024-13-02T03:04:05Z', false, 'parsing time "2024-13-02T03:04:05Z": month out of range'],
    ['2024-02-30T03:04:05Z', false, 'parsing time "2024-02-30T03:04:05Z": day out of range'],
    ['2024-01-02T03:04:05Zx', false, 'parsing time "2024-01-02T03:04:05Zx": extra text: "x"'],
    [
      '2024-01-02T03:04:05Z',
      true,
      'parsing time "2024-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    ],
  ];
  for (const [text, micro, want] of errors) it(want, () => assert.equal(time.timeParseError(text, { micro }), want));
});

describe('durations', () => {
  const s = 1000;
  const [m, h, d] = [60 * s, 3600 * s, 86400 * s];
  const cases: [number, string, string][] = [
    [-2 * s, '<invalid>', '<invalid>'],
    [-s / 2, '0s', '0s'],
    [119 * s, '119s', '1m'],
    [2 * m, '2m', '2m'],
    [125 * s, '2m5s', '2m'],
    [10 * m + 5 * s, '10m', '10m'],
    [3 * h, '3h', '3h'],
    [7 * h + 59 * m, '7h59m', '7h'],
    [47 * h, '47h', '1d'],
    [48 * h, '2d', '2d'],
    [5 * d + 12 * h, '5d12h', '5d'],
    [8 * d + h, '8d', '8d'],
    [800 * d, '2y70d', '2y'],
    [3000 * d, '8y', '8y'],
  ];
  for (const [ms, long, short] of cases) {
    it(`${ms} ms is ${long}`, () => {
      assert.equal(time.humanDuration(ms), long);
      assert.equal(time.shortHumanDuration(ms), short);
    });
  }
});

describe('IntOrString', () => {
  it('scales percentages up or down', () => {
    const scaled = (v: number | string, roundUp: boolean): number => scaledValueFromIntOrPercent(v, 3, { roundUp });
    assert.deepEqual([scaled('25%', true), scaled('25%', false), scaled(2, true), scaled('100%', false)], [1, 0, 2, 3]);
    assert.throws(
      () => scaled('25', true),
      /^Error: invalid value for IntOrString: invalid type: string is not a percentage$/,
    );
  });

  it('reads numbers from texts', () => {
    assert.deepEqual(['80', 'http', '3000000000'].map(parseIntOrString), [80, 'http', '3000000000']);
    assert.deepEqual([80, '80', 'http'].map(intValue), [80, 80, 0]);
  });
});
