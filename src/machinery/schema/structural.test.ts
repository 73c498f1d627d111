import assert from 'node:assert/strict';
import { pruneUnknown } from '../codec/unknown-fields.ts';
import { fieldErrorMessage, Path } from '../validation/field-error.ts';
import type { SchemaSource } from './schema.ts';
import type { JsonSchemaProps } from './structural.ts';
import { defaultStructural } from './structural-default.ts';
import { hasFormat } from './structural-formats.ts';
import { validateLists } from './structural-lists.ts';
import { validateStructuralSchema } from './structural-rules.ts';
import { schemaOfStructural } from './structural-schema.ts';
import { validateStructural, validateStructuralUpdate } from './structural-validate.ts';

const object = (properties: Record<string, JsonSchemaProps>, more: JsonSchemaProps = {}): JsonSchemaProps => ({
  type: 'object',
  properties,
  ...more,
});
const spec = (properties: Record<string, JsonSchemaProps>): JsonSchemaProps => object({ spec: object(properties) });
const messages = (value: unknown, schema: JsonSchemaProps): string[] =>
  validateStructural(value, schema).map(fieldErrorMessage);

describe('validation against a structural schema', () => {
  const cases: { name: string; schema: JsonSchemaProps; value: unknown; want: string[] }[] = [
    {
      name: 'a wrong type',
      schema: { type: 'integer' },
      value: 'x',
      want: ['spec.f: Invalid value: "string": spec.f in body must be of type integer: "string"'],
    },
    { name: 'a whole number for number', schema: { type: 'number' }, value: 1, want: [] },
    {
      name: 'null where it is not allowed',
      schema: { type: 'string' },
      value: null,
      want: ['spec.f: Invalid value: "null": spec.f in body must be of type string: "null"'],
    },
    { name: 'null where it is', schema: { type: 'string', nullable: true }, value: null, want: [] },
    {
      name: 'minimum',
      schema: { type: 'integer', minimum: 1 },
      value: 0,
      want: ['spec.f: Invalid value: 0: spec.f in body should be greater than or equal to 1'],
    },
    {
      name: 'exclusive maximum',
      schema: { type: 'integer', maximum: 10, exclusiveMaximum: true },
      value: 10,
      want: ['spec.f: Invalid value: 10: spec.f in body should be less than 10'],
    },
    {
      name: 'multipleOf',
      schema: { type: 'number', multipleOf: 0.5 },
      value: 0.3,
      want: ['spec.f: Invalid value: 0.3: spec.f in body should be a multiple of 0.5'],
    },
    {
      name: 'a bound that the format cannot hold',
      schema: { type: 'integer', format: 'int32', minimum: 3000000000, maximum: 100000000000000000000n as never },
      value: 1,
      want: [
        '<nil>: Invalid value: "": Minimum boundary value must be of type integer with format int32 in spec.f',
        'spec.f: Invalid value: 1: spec.f in body should be greater than or equal to 3e+09',
        '<nil>: Invalid value: "": Maximum boundary value must be of type integer with format int32 in spec.f',
      ],
    },
    {
      name: 'maxLength',
      schema: { type: 'string', maxLength: 2 },
      value: 'abc',
      want: ['spec.f: Too long: may not be more than 2 bytes'],
    },
    {
      name: 'minLength',
      schema: { type: 'string', minLength: 2 },
      value: 'a',
      want: ['spec.f: Invalid value: "a": spec.f in body should be at least 2 chars long'],
    },
    {
      name: 'pattern',
      schema: { type: 'string', pattern: '^[a-z]+$' },
      value: 'A1',
      want: ['spec.f: Invalid value: "A1": spec.f in body should match \'^[a-z]+$\''],
    },
    {
      name: 'enum',
      schema: { type: 'string', enum: ['a', 'b'] },
      value: 'x',
      want: ['spec.f: Unsupported value: "x": supported values: "a", "b"'],
    },
    {
      name: 'format',
      schema: { type: 'string', format: 'date-time' },
      value: 'nope',
      want: ['spec.f: Invalid value: "nope": spec.f in body must be of type date-time: "nope"'],
    },
    { name: 'an unknown format', schema: { type: 'string', format: 'whatever' }, value: 'nope', want: [] },
    {
      name: 'maxItems',
      schema: { type: 'array', maxItems: 1, items: { type: 'string' } },
      value: ['a', 'b'],
      want: ['spec.f: Too many: 2: must have at most 1 item'],
    },
    {
      name: 'an item',
      schema: { type: 'array', items: { type: 'string' } },
      value: ['a', 1],
      want: ['spec.f[1]: Invalid value: "integer": spec.f[1] in body must be of type string: "integer"'],
    },
    {
      name: 'maxProperties',
      schema: { type: 'object', maxProperties: 1, additionalProperties: { type: 'string' } },
      value: { a: '1', b: '2' },
      want: ['spec.f: Too many: 2: must have at most 1 item'],
    },
    {
      name: 'required',
      schema: object({ a: { type: 'string' } }, { required: ['a'] }),
      value: {},
      want: ['spec.f.a: Required value'],
    },
    {
      name: 'int or string',
      schema: { 'x-kubernetes-int-or-string': true },
      value: true,
      want: ['spec.f: Invalid value: "boolean": spec.f in body must be of type integer,string: "boolean"'],
    },
    {
      name: 'oneOf',
      schema: object({ a: {}, b: {} }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
      value: { a: 1, b: 2 },
      want: [
        '<nil>: Invalid value: "": "spec.f" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    },
    {
      name: 'anyOf',
      schema: { type: 'integer', anyOf: [{ minimum: 5 }, { maximum: 1 }] },
      value: 3,
      want: [
        '<nil>: Invalid value: "": "spec.f" must validate at least one schema (anyOf)',
        'spec.f: Invalid value: 3: spec.f in body should be greater than or equal to 5',
      ],
    },
    {
      name: 'not',
      schema: { type: 'integer', not: { minimum: 5 } },
      value: 6,
      want: ['<nil>: Invalid value: "": "spec.f" must not validate the schema (not)'],
    },
  ];
  for (const { name, schema, value, want } of cases)
    it(name, () => assert.deepEqual(messages({ spec: { f: value } }, spec({ f: schema })), want));

  it('does not hold what was there before against an update', () => {
    const schema = spec({
      f: { type: 'integer', maximum: 1 },
      list: {
        type: 'array',
        items: object({ k: { type: 'string' }, v: { type: 'integer' } }),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
    });
    const old = { spec: { f: 5, list: [{ k: 'a', v: 'x' }] } };
    assert.deepEqual(
      validateStructuralUpdate(
        {
          spec: {
            f: 5,
            list: [
              { k: 'b', v: 1 },
              { k: 'a', v: 'x' },
            ],
          },
        },
        old,
        schema,
      ),
      [],
    );
    assert.deepEqual(
      validateStructuralUpdate({ spec: { f: 6, list: [{ k: 'a', v: 'y' }] } }, old, schema).map((e) => e.field),
      ['spec.f', 'spec.list[0].v'],
    );
  });
  it('finds repeated items of sets and maps', () => {
    const schema = spec({
      set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      map: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        items: object({ k: { type: 'string' } }),
      },
    });
    assert.deepEqual(
      validateLists(Path.root(), schema, {
        spec: {
          set: ['a', 'b', 'a', 'a'],
          map: [
            { k: '1', v: 1 },
            { k: '1', v: 2 },
          ],
        },
      }).map(fieldErrorMessage),
      ['spec.set[2]: Duplicate value: "a"', 'spec.map[1]: Duplicate value: {"k":"1"}'],
    );
  });
});

describe('formats', () => {
  const cases: [string, string, boolean][] = [
    ['date', '2024-02-29', true],
    ['date', '2023-02-29', false],
    ['duration', '1h30m', true],
    ['duration', '3 days', true],
    ['duration', 'soon', false],
    ['ipv4', '10.0.0.1', true],
    ['ipv4', '::1', false],
    ['cidr', '10.0.0.0/8', true],
    ['cidr', '10.0.0.0/33', false],
    ['uuid', '123e4567-e89b-12d3-a456-426614174000', true],
    ['mac', '01:23:45:67:89:ab', true],
    ['mac', '01:23', false],
    ['hostname', 'example.com', true],
    ['hostname', '-x', false],
    ['uri', 'https://x/y', true],
    ['uri', 'x y', false],
    ['byte', 'aGk=', true],
    ['byte', 'a', false],
    ['isbn13', '978-0321751041', true],
    ['creditcard', '4111111111111111', true],
    ['email', 'a@b.c', true],
    ['email', 'ab', false],
  ];
  for (const [format, value, want] of cases)
    it(`${value} ${want ? 'is' : 'is no'} ${format}`, () => assert.equal(hasFormat(value, format), want));
});

describe('defaulting', () => {
  it('fills what is absent, also in items and values, and nulls that may not be', () => {
    const schema = spec({
      a: { type: 'string', default: 'x' },
      n: { type: 'string', nullable: true, default: 'x' },
      gone: { type: 'string' },
      list: { type: 'array', items: object({ v: { type: 'integer', default: 7 } }) },
      map: { type: 'object', additionalProperties: object({ v: { type: 'integer', default: 8 } }) },
      deep: object({ v: { type: 'integer', default: 9 } }, { default: {} }),
    });
    const value = { spec: { a: null, n: null, gone: null, list: [{}], map: { k: {} } } };
    defaultStructural(value, schema);
    assert.deepEqual(value, { spec: { a: 'x', n: null, list: [{ v: 7 }], map: { k: { v: 8 } }, deep: { v: 9 } } });
  });
});

describe('pruning through the schema nodes', () => {
  const meta: SchemaSource = {
    definition: () => ({ type: 'object', fields: new Map([['name', { type: 'string' }]]), required: new Set() }),
  };
  const schema = schemaOfStructural(
    spec({
      a: { type: 'string' },
      free: object({ known: object({ x: { type: 'string' } }) }, { 'x-kubernetes-preserve-unknown-fields': true }),
      whole: {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        properties: { spec: object({ y: { type: 'string' } }) },
      },
      any: { 'x-kubernetes-preserve-unknown-fields': true },
    }),
  );
  it('drops what is not known and keeps what is to be preserved', () => {
    const value = {
      apiVersion: 'v1',
      kind: 'K',
      metadata: { name: 'n', odd: 1 },
      extra: 1,
      spec: {
        a: 'x',
        b: 1,
        free: { q: { r: 1 }, known: { x: '1', z: 2 } },
        whole: { apiVersion: 'v1', kind: 'K', metadata: { name: 'm' }, spec: { y: '1', z: 1 }, odd: 1 },
        any: [{ deep: { er: 1 } }],
      },
    };
    assert.deepEqual(pruneUnknown(value, schema, meta).sort(), [
      'unknown field "extra"',
      'unknown field "metadata.odd"',
      'unknown field "spec.b"',
      'unknown field "spec.free.known.z"',
      'unknown field "spec.whole.odd"',
      'unknown field "spec.whole.spec.z"',
    ]);
    assert.deepEqual(value.spec, {
      a: 'x',
      free: { q: { r: 1 }, known: { x: '1' } },
      whole: { apiVersion: 'v1', kind: 'K', metadata: { name: 'm' }, spec: { y: '1' } },
      any: [{ deep: { er: 1 } }],
    });
  });
});

describe('rules of structural schemas', () => {
  const cases: { name: string; schema: JsonSchemaProps; want: string[] }[] = [
    { name: 'take a plain one', schema: spec({ a: { type: 'string' } }), want: [] },
    {
      name: 'want types',
      schema: object({ spec: { properties: { a: { type: 'string' } } } }),
      want: ['s.properties[spec].type: Required value: must not be empty for specified object fields'],
    },
    {
      name: 'want items',
      schema: object({ b: { type: 'array' } }),
      want: ['s.properties[b].items: Required value: must be specified'],
    },
    {
      name: 'forbid types in junctors',
      schema: object({ e: { type: 'string', anyOf: [{ type: 'string' }] } }),
      want: ['s.properties[e].anyOf[0].type: Forbidden: must be empty to be structural'],
    },
    {
      name: 'want what junctors speak of',
      schema: object({}, { allOf: [{ required: ['x'], properties: { x: { minimum: 1 } } }] }),
      want: ['s.properties[x]: Required value: because it is defined in s.allOf[0].properties[x]'],
    },
    {
      name: 'take the pattern of int or string',
      schema: object({ p: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }),
      want: [],
    },
    {
      name: 'want valid patterns',
      schema: object({ d: { type: 'string', pattern: '(' } }),
      want: [
        's.properties[d].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
      ],
    },
    {
      name: 'restrict metadata at the root',
      schema: object({ metadata: object({ labels: { type: 'object' } }) }),
      want: [
        's.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
      ],
    },
  ];
  for (const { name, schema, want } of cases)
    it(name, () => assert.deepEqual(validateStructuralSchema(Path.root('s'), schema).map(fieldErrorMessage), want));
});
