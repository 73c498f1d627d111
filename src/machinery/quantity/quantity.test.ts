/** Quantities: upstream's canonical texts and numbers as a table, arithmetic as properties. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  addQuantity,
  asInt64,
  canonicalQuantity,
  cmpQuantity,
  formatQuantity,
  newQuantity,
  parseQuantity,
  QuantityError,
  quantityMilliValue,
  quantityValue,
  roundUpQuantity,
  subQuantity,
} from './quantity.ts';

describe('quantities', () => {
  // What upstream's ParseQuantity(text).String(), .Value() and .MilliValue() give.
  const cases: [string, string, number, number][] = [
    ['0', '0', 0, 0],
    ['1', '1', 1, 1000],
    ['1000', '1k', 1000, 1e6],
    ['1024', '1024', 1024, 1024000],
    ['100m', '100m', 1, 100],
    ['1000m', '1', 1, 1000],
    ['1500m', '1500m', 2, 1500],
    ['0.5', '500m', 1, 500],
    ['.5', '500m', 1, 500],
    ['5.', '5.', 5, 5000],
    ['1.5Gi', '1536Mi', 1610612736, 1610612736000],
    ['0.5Mi', '512Ki', 524288, 524288000],
    ['0.1Ki', '102400m', 103, 102400],
    ['1000Ki', '1000Ki', 1024000, 1024000000],
    ['1024Mi', '1Gi', 1073741824, 1073741824000],
    ['01Mi', '01Mi', 1048576, 1048576000],
    ['1.500', '1.500', 2, 1500],
    ['12.5m', '12500u', 1, 13],
    ['0.1n', '1n', 1, 1],
    ['5e3', '5e3', 5000, 5e6],
    ['1e2', '100', 100, 1e5],
    ['-1', '-1', -1, -1000],
    ['+5', '+5', 5, 5000],
    ['100000000000000000000', '100E', 1e20, 1e23],
    ['9Ei', '9223372036854775807', 2 ** 63, 2 ** 63 * 1000],
  ];
  for (const [text, canonical, value, milli] of cases) {
    it(`${text} is ${canonical}`, () => {
      const q = parseQuantity(text);
      assert.equal(formatQuantity(q), canonical);
      assert.equal(quantityValue(q), value);
      assert.equal(quantityMilliValue(q), milli);
    });
  }

  it('numbers are taken as texts', () => {
    assert.equal(canonicalQuantity(2), '2');
    assert.equal(canonicalQuantity(0.25), '250m');
    assert.equal(canonicalQuantity('982578.125Ki'), '1006160k');
    assert.equal(canonicalQuantity('1.5Ki'), '1536');
    assert.equal(canonicalQuantity(9007199254740993n), '9007199254740993');
  });

  const regexp = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const bad: [string, string][] = [
    ['', regexp],
    ['1.5.5', regexp],
    ['1x', regexp],
    ['1 Mi', regexp],
    ['1mi', "unable to parse quantity's suffix"],
    ['1e', "unable to parse quantity's suffix"],
    ['-Pi', 'unable to parse numeric part of quantity'],
    ['1e999999999', 'unable to parse numeric part of quantity'],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseQuantity(text),
        (err) => err instanceof QuantityError && err.message === message,
      );
    });
  }

  it('sums keep the format of what was there first', () => {
    const sum = (a: string, b: string): string => formatQuantity(addQuantity(parseQuantity(a), parseQuantity(b)));
    assert.equal(sum('100m', '1900m'), '2');
    assert.equal(sum('1Gi', '1G'), '2073741824');
    assert.equal(sum('0', '1Gi'), '1Gi');
    assert.equal(formatQuantity(subQuantity(parseQuantity('1Gi'), parseQuantity('512Mi'))), '512Mi');
    assert.equal(asInt64(parseQuantity('1500m')), undefined);
    assert.equal(asInt64(parseQuantity('2000m')), 2n);
    assert.equal(formatQuantity(roundUpQuantity(parseQuantity('1234567n'), -3)), '2m');
    assert.equal(formatQuantity(newQuantity(1500, 'DecimalSI', -3)), '1500m');
  });

  const text = fc
    .tuple(
      fc.integer({ min: -1e6, max: 1e6 }),
      fc.option(fc.nat(999)),
      fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3'),
    )
    .map(([n, f, s]) => `${n}${f === null ? '' : `.${f}`}${s}`);

  it('the canonical text is its own canonical text and the same number', () => {
    fc.assert(
      fc.property(text, (t) => {
        const canonical = canonicalQuantity(t);
        assert.equal(cmpQuantity(parseQuantity(canonical), parseQuantity(t)), 0);
        assert.equal(formatQuantity({ ...parseQuantity(canonical) }), canonical);
      }),
    );
  });

  it('adding and taking away again changes nothing; order is that of differences', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [x, y] = [parseQuantity(a), parseQuantity(b)];
        assert.equal(cmpQuantity(subQuantity(addQuantity(x, y), y), x), 0);
        const difference = subQuantity(x, y).unscaled;
        assert.equal(cmpQuantity(x, y), difference < 0n ? -1 : difference > 0n ? 1 : 0);
        assert.equal(cmpQuantity(x, y) + cmpQuantity(y, x), 0);
      }),
    );
  });
});
