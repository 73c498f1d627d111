/** Label selectors: texts, messages and matching as upstream's. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Path } from '../validation/field-error.ts';
import type { Operator } from './selector.ts';
import {
  everything,
  formatLabelSelector,
  nothing,
  parseSelector,
  Selector,
  SelectorError,
  selectorFromLabelSelector,
  selectorFromSet,
} from './selector.ts';
import { validateLabelSelector } from './validate.ts';

describe('label selectors', () => {
  const texts: [string, string][] = [
    ['', ''],
    ['a', 'a'],
    ['!a', '!a'],
    ['a=b', 'a=b'],
    ['a == b , c != d', 'a==b,c!=d'],
    ['x in (b,a,b)', 'x in (a,b)'],
    ['x notin (a)', 'x notin (a)'],
    ['x in ()', 'x in ()'],
    ['x in (,)', 'x in ()'],
    ['x in (a,,b)', 'x in (,a,b)'],
    ['a=', 'a='],
    ['b>3,a<5', 'a<5,b>3'],
    ['in in (in,notin)', 'in in (in,notin)'],
    ['example.com/x=y', 'example.com/x=y'],
  ];
  for (const [text, want] of texts)
    it(`${text || 'nothing'} reads as ${want}`, () => assert.equal(parseSelector(text).toString(), want));

  const key =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  const broken: [string, string][] = [
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a==(', "unable to parse requirement: found '(', expected: identifier"],
    [
      'a>b',
      `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    ['a@=b', `unable to parse requirement: <nil>: Invalid value: "a@": ${key}`],
  ];
  for (const [text, message] of broken) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => parseSelector(text),
        (err) => err instanceof SelectorError && err.message === message,
      );
    });
  }

  const labels = { app: 'web', tier: 'front', n: '5' };
  const matching: [string, boolean][] = [
    ['app=web', true],
    ['app!=web', false],
    ['missing!=x', true],
    ['app in (api,web),tier', true],
    ['missing notin (x)', true],
    ['missing in (x)', false],
    ['!missing', true],
    ['!app', false],
    ['n>4,n<6', true],
    ['app>1', false],
    ['toString', false],
  ];
  for (const [text, want] of matching)
    it(`${text} ${want ? 'matches' : 'does not match'}`, () => assert.equal(parseSelector(text).matches(labels), want));

  it('absent selectors select nothing, empty ones everything', () => {
    assert.equal(selectorFromLabelSelector(undefined), nothing);
    assert.equal(selectorFromLabelSelector({}), everything);
    assert.equal(nothing.matches({}), false);
    assert.equal(everything.matches(undefined), true);
    assert.equal(nothing.empty, false);
  });

  it('are made of LabelSelectors and sets', () => {
    const s = selectorFromLabelSelector({
      matchLabels: { b: '1' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['y', 'x'] },
        { key: 'c', operator: 'DoesNotExist' },
      ],
    });
    assert.equal(s.toString(), 'a in (x,y),b=1,!c');
    assert.equal(s.requiresExactMatch('b'), '1');
    assert.equal(s.requiresExactMatch('a'), undefined);
    assert.equal(selectorFromSet({ b: '2', a: '1' }).toString(), 'a=1,b=2');
    assert.throws(
      () => selectorFromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like' }] }),
      /"Like" is not a valid label selector operator/,
    );
    assert.equal(formatLabelSelector({}), '<none>');
    assert.equal(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like' }] }), '<error>');
  });

  it('the text of a selector is a selector of the same choice', () => {
    const word = fc.constantFrom('a', 'b', 'c-1', 'x.io/y');
    const value = fc.constantFrom('', '1', '2', 'v_1');
    const requirement = fc
      .tuple(
        word,
        fc.constantFrom<Operator>('=', '==', '!=', 'in', 'notin', 'exists', '!'),
        fc.uniqueArray(value, { minLength: 1 }),
      )
      .map(([k, operator, values]) => ({
        key: k,
        operator,
        values:
          operator === 'exists' || operator === '!'
            ? []
            : operator === 'in' || operator === 'notin'
              ? values
              : values.slice(0, 1),
      }));
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), fc.dictionary(word, value), (requirements, set) => {
        const s = new Selector(requirements);
        assert.equal(parseSelector(s.toString()).matches(set), s.matches(set));
        assert.equal(
          s.matches(set),
          requirements.every((r) => new Selector([r]).matches(set)),
        );
      }),
    );
  });

  it('in objects are validated with their paths', () => {
    const errs = validateLabelSelector(
      {
        matchExpressions: [
          { key: 'a', operator: 'In' },
          { key: 'a', operator: 'Exists', values: ['x'] },
          { key: 'a', operator: 'Is' },
        ],
      },
      {},
      Path.root('spec', 'selector'),
    );
    assert.deepEqual(
      errs.map((e) => `${e.type} ${e.field} ${e.detail}`),
      [
        "FieldValueRequired spec.selector.matchExpressions[0].values must be specified when `operator` is 'In' or 'NotIn'",
        "FieldValueForbidden spec.selector.matchExpressions[1].values may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        'FieldValueInvalid spec.selector.matchExpressions[2].operator not a valid selector operator',
      ],
    );
  });
});
