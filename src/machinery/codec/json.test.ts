/** JSON without loss, Go's words for broken texts, duplicate keys. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeJson, findDuplicateKeys, JsonSyntaxError, parseJson } from './json.ts';

describe('parseJson and encodeJson', () => {
  it('keep integers beyond 2^53', () => {
    const text = '{"a":9007199254740993,"b":[-9223372036854775808,1],"c":1.5,"d":"1234567890123456789"}';
    const value = parseJson(text) as Record<string, unknown>;
    assert.equal(value.a, 9007199254740993n);
    assert.equal(value.d, '1234567890123456789');
    assert.equal(encodeJson(value).toString(), text);
  });

  it('treat __proto__ as any key', () => {
    const value = parseJson('{"__proto__":{"x":1},"n":12345678901234567890}') as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(encodeJson(value).toString(), '{"__proto__":{"x":1},"n":12345678901234567890}');
  });

  it('drop undefined', () => assert.equal(encodeJson({ a: undefined, b: 1 }).toString(), '{"b":1}'));

  it('refuse nesting beyond the limit', () => {
    assert.throws(() => parseJson('['.repeat(10001) + ']'.repeat(10001)), /^JsonSyntaxError: exceeded max depth$/);
    assert.ok(parseJson('['.repeat(10000) + ']'.repeat(10000)));
  });

  it('are inverse', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (v) => {
        const text = JSON.stringify(v);
        assert.equal(encodeJson(parseJson(text)).toString(), text);
      }),
    );
  });

  const broken = [
    { text: '', want: 'unexpected end of JSON input' },
    { text: '{', want: 'unexpected end of JSON input' },
    { text: '{"a":1', want: 'unexpected end of JSON input' },
    { text: 'hello', want: "invalid character 'h' looking for beginning of value" },
    { text: '{a:1}', want: "invalid character 'a' looking for beginning of object key string" },
    { text: '{"a" 1}', want: "invalid character '1' after object key" },
    { text: '{"a":1 "b"}', want: `invalid character '"' after object key:value pair` },
    { text: '[1 2]', want: "invalid character '2' after array element" },
    { text: '{"a":1,}', want: "invalid character '}' looking for beginning of object key string" },
    { text: '[1,]', want: "invalid character ']' looking for beginning of value" },
    { text: '{"a":tru}', want: "invalid character '}' in literal true (expecting 'e')" },
    { text: '{"a":1}x', want: "invalid character 'x' after top-level value" },
    { text: '{"a":01}', want: "invalid character '1' after object key:value pair" },
    { text: '"\n"', want: "invalid character '\\n' in string literal" },
    { text: '"\\q"', want: "invalid character 'q' in string escape code" },
    { text: '{"a":-}', want: "invalid character '}' in numeric literal" },
  ];
  for (const { text, want } of broken) {
    it(`say of ${JSON.stringify(text)}: ${want}`, () => {
      assert.throws(
        () => parseJson(text),
        (err) => err instanceof JsonSyntaxError && err.message === want,
      );
    });
  }
});

describe('findDuplicateKeys', () => {
  const cases = [
    { text: '{"a":1,"b":{"a":1}}', want: [] },
    { text: '{"a":1,"a":2}', want: ['duplicate field "a"'] },
    { text: '{"spec":{"c":[{"n":1},{"n":1,"n":2}]}}', want: ['duplicate field "spec.c[1].n"'] },
    { text: '{"a":":","\\u0061":2}', want: ['duplicate field "a"'] },
    { text: '{"a":1,"a":2,"a":3}', want: ['duplicate field "a"'] },
    { text: '{"d":{"x\\"y":1}}', want: [] },
  ];
  for (const { text, want } of cases) {
    it(text, () => {
      assert.deepEqual(findDuplicateKeys(Buffer.from(text)), want);
      assert.deepEqual(findDuplicateKeys(Buffer.from(text), JSON.parse(text)), want);
    });
  }
});
