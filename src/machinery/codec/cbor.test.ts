/** The Kubernetes dialect of CBOR. */
import assert from 'node:assert/strict';
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { CborError, decodeCbor, decodeCborSequence, encodeCbor, firstCborItem } from './cbor.ts';

const hex = (v: unknown): string => encodeCbor(v).toString('hex');
const from = (s: string): unknown => decodeCbor(Buffer.from(s, 'hex'));

describe('CBOR', () => {
  const encoded = [
    { name: 'text as byte strings', value: 'abc', want: 'd9d9f743616263' },
    {
      name: 'shorter keys first, then by bytes',
      value: { bb: 1, a: 2, ab: 3 },
      want: 'd9d9f7a34161024261620342626201',
    },
    {
      name: 'integers as short as possible',
      value: [0, 23, 24, 256, 65536, 4294967296, -1, -25],
      want: 'd9d9f788001718181901001a000100001b0000000100000000203818',
    },
    {
      name: 'floats as short as exact',
      value: [1.5, 0.1, 100000.5],
      want: 'd9d9f783f93e00fb3fb999999999999afa47c35040',
    },
    { name: 'the rest', value: [true, false, null, []], want: 'd9d9f784f5f4f680' },
    {
      name: 'int64 beyond 2^53',
      value: [9223372036854775807n, -9223372036854775808n],
      want: 'd9d9f7821b7fffffffffffffff3b7fffffffffffffff',
    },
  ];
  for (const { name, value, want } of encoded) {
    it(`writes ${name}`, () => {
      assert.equal(hex(value), want);
      assert.deepEqual(from(want), value);
    });
  }

  it('reads text strings, indefinite lengths, nested prefixes and bytes for later base64', () => {
    assert.deepEqual(from('a1616101'), { a: 1 });
    assert.deepEqual(from('bf6161d9d9f79f0102ffff'), { a: [1, 2] });
    assert.deepEqual(from('d643010203'), 'AQID');
    assert.equal(from('5f4261624163ff'), 'abc');
  });

  const broken = [
    { name: 'cut short', bytes: '43', want: /unexpected EOF/ },
    { name: 'a count nobody sent', bytes: '9b7fffffffffffffff', want: /unexpected EOF/ },
    { name: 'a key twice', bytes: 'a2416101416102', want: /duplicate map key "a"/ },
    { name: 'a key that is no text', bytes: 'a10102', want: /map key must be a string/ },
    { name: 'NaN', bytes: 'f97e00', want: /NaN/ },
    { name: 'something behind it', bytes: '0000', want: /extraneous data/ },
    { name: 'text that is not UTF-8', bytes: '41ff', want: /invalid UTF-8/ },
    { name: 'a bignum', bytes: 'c249010000000000000000', want: /bignum/ },
    { name: 'undefined', bytes: 'f7', want: /simple value/ },
  ];
  for (const { name, bytes, want } of broken) {
    it(`refuses ${name}`, () =>
      assert.throws(
        () => from(bytes),
        (err) => err instanceof CborError && want.test(err.message),
      ));
  }

  it('gives back any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnpairedSurrogates: true } as never), (v) => {
        const json = JSON.parse(JSON.stringify(v).replace(/\\ud[89a-f][0-9a-f]{2}/gi, '?'));
        assert.deepEqual(decodeCbor(encodeCbor(json)), json);
      }),
    );
  });

  it('reads whatever cbor-x writes', () => {
    const judge = new Encoder({ useRecords: false, mapsAsObjects: true });
    fc.assert(
      fc.property(fc.jsonValue({ noUnpairedSurrogates: true } as never), (v) => {
        const json = JSON.parse(JSON.stringify(v).replace(/\\ud[89a-f][0-9a-f]{2}/gi, '?'));
        assert.deepEqual(decodeCbor(judge.encode(json)), json);
      }),
    );
  });

  it('takes sequences apart, also while they arrive', () => {
    const bytes = Buffer.concat([encodeCbor({ a: 1 }), encodeCbor('x')]);
    assert.deepEqual(decodeCborSequence(bytes), [{ a: 1 }, 'x']);
    assert.equal(firstCborItem(bytes.subarray(0, 4)), undefined);
    assert.deepEqual(firstCborItem(bytes)?.value, { a: 1 });
  });
});
