/** Field selectors: texts, escapes, matching. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { escapeFieldValue, FieldSelectorError, parseFieldSelector } from './selector.ts';

describe('field selectors', () => {
  const texts: [string, string][] = [
    ['', ''],
    ['metadata.name=a', 'metadata.name=a'],
    ['status.phase!=Running,metadata.name==a', 'metadata.name=a,status.phase!=Running'],
    ['a=', 'a='],
    ['=,a=b', 'a=b'],
    ['a=x\\,y\\=z\\\\', 'a=x\\,y\\=z\\\\'],
  ];
  for (const [text, want] of texts)
    it(`${text || 'nothing'} reads as ${want}`, () => assert.equal(parseFieldSelector(text).toString(), want));

  const broken: [string, string][] = [
    ['a', "invalid selector: 'a'; can't understand 'a'"],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
  ];
  for (const [text, message] of broken) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => parseFieldSelector(text),
        (err) => err instanceof FieldSelectorError && err.message === message,
      );
    });
  }

  it('match, tell exact values, and are renamed', () => {
    const s = parseFieldSelector('spec.nodeName=n1,status.phase!=Failed');
    const get = (o: Record<string, string>) => (f: string) => o[f] ?? '';
    assert.equal(s.matches(get({ 'spec.nodeName': 'n1' })), true);
    assert.equal(s.matches(get({ 'spec.nodeName': 'n1', 'status.phase': 'Failed' })), false);
    assert.equal(s.requiresExactMatch('spec.nodeName'), 'n1');
    assert.equal(s.requiresExactMatch('status.phase'), undefined);
    assert.equal(
      s.transform((field, value) => (field === 'status.phase' ? undefined : { field: 'x', value })).toString(),
      'x=n1',
    );
  });

  it('any value survives its escape', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        assert.equal(parseFieldSelector(`f=${escapeFieldValue(value)}`).requiresExactMatch('f'), value);
      }),
    );
  });
});
