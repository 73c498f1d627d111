/** Strict decoding: unknown fields by name, wrong types in Go's words. */
import assert from 'node:assert/strict';
import type { ObjectSchema, Schema, SchemaSource } from '../schema/schema.ts';
import { checkTypes, decodeTypeError, pruneUnknown } from './unknown-fields.ts';

const struct = (name: string, fields: Record<string, Schema>, more: Partial<ObjectSchema> = {}): ObjectSchema => ({
  type: 'object',
  name: `io.k8s.api.core.v1.${name}`,
  fields: new Map(Object.entries(fields)),
  required: new Set(),
  ...more,
});
const string: Schema = { type: 'string' };
const definitions: Record<string, Schema> = {
  Meta: struct('ObjectMeta', {
    name: string,
    labels: { type: 'map', values: string },
    creationTimestamp: { type: 'string', format: 'date-time' },
  }),
  Container: struct('Container', {
    name: string,
    cpu: { type: 'string', format: 'quantity' },
    port: { type: 'string', format: 'int-or-string' },
  }),
  Props: struct('Props', { title: string, properties: { type: 'map', values: { type: 'ref', ref: 'Props' } } }),
};
const pod = struct('Pod', {
  apiVersion: string,
  kind: string,
  metadata: { type: 'ref', ref: 'Meta' },
  spec: struct('PodSpec', {
    containers: { type: 'list', items: { type: 'ref', ref: 'Container' } },
    replicas: { type: 'integer', format: 'int32' },
    big: { type: 'integer', format: 'int64' },
    ok: { type: 'boolean' },
    data: { type: 'map', values: { type: 'string', format: 'byte' } },
    props: { type: 'ref', ref: 'Props' },
    raw: { type: 'any' },
    embedded: struct('Embedded', {}, { embedded: true }),
    kept: struct('Kept', {}, { preserveUnknown: true }),
  }),
});
const source: SchemaSource = {
  definition(name) {
    const d = definitions[name];
    if (d === undefined) throw new Error(`no ${name}`);
    return d;
  },
};

describe('pruneUnknown', () => {
  const cases = [
    { name: 'nothing', object: { metadata: { name: 'a', labels: { x: 'y' } } }, want: [] },
    {
      name: 'fields at every depth, and drops them',
      object: { foo: 1, spec: { bar: {}, containers: [{}, { baz: 1 }] } },
      want: ['foo', 'spec.bar', 'spec.containers[1].baz'],
      left: { spec: { containers: [{}, {}] } },
    },
    { name: 'fields in another case', object: { spec: { Replicas: 1 } }, want: ['spec.Replicas'], left: { spec: {} } },
    {
      name: 'fields below a map of structs',
      object: { spec: { props: { properties: { 'a.b': { x: 1 } } } } },
      want: ['spec.props.properties.a.b.x'],
      left: { spec: { props: { properties: { 'a.b': {} } } } },
    },
    {
      name: 'nothing in raw, kept or embedded parts',
      object: { spec: { raw: { a: 1 }, kept: { a: 1 }, embedded: { kind: 'X', metadata: {} } } },
      want: [],
    },
    {
      name: '__proto__',
      object: JSON.parse('{"spec":{"__proto__":{"a":1}}}'),
      want: ['spec.__proto__'],
      left: { spec: {} },
    },
  ];
  for (const { name, object, want, left } of cases) {
    it(`finds ${name}`, () => {
      const copy = structuredClone(object);
      assert.deepEqual(
        pruneUnknown(copy, pod, source),
        want.map((p) => `unknown field "${p}"`),
      );
      assert.deepEqual(copy, left ?? object);
    });
  }
});

describe('checkTypes', () => {
  const cases = [
    { object: { metadata: { name: null }, spec: null }, want: undefined },
    {
      object: { spec: { replicas: 'three' } },
      want: 'json: cannot unmarshal string into Go struct field PodSpec.spec.replicas of type int32',
    },
    {
      object: { spec: { replicas: 1.5 } },
      want: 'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.replicas of type int32',
    },
    {
      object: { spec: { replicas: 3000000000 } },
      want: 'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.replicas of type int32',
    },
    { object: { spec: { big: 9223372036854775807n } }, want: undefined },
    {
      object: { metadata: { labels: { a: 1 } } },
      want: 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    },
    {
      object: { metadata: { labels: [] } },
      want: 'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    },
    {
      object: { metadata: 'x' },
      want: 'json: cannot unmarshal string into Go struct field Pod.metadata of type v1.ObjectMeta',
    },
    {
      object: { spec: { containers: {} } },
      want: 'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    },
    {
      object: { spec: { containers: [{ name: true }] } },
      want: 'json: cannot unmarshal bool into Go struct field Container.spec.containers.name of type string',
    },
    {
      object: { spec: { ok: 'yes' } },
      want: 'json: cannot unmarshal string into Go struct field PodSpec.spec.ok of type bool',
    },
    {
      object: { spec: { containers: [{ cpu: '1x' }] } },
      want: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    },
    { object: { spec: { containers: [{ cpu: 2, port: 80 }] } }, want: undefined },
    {
      object: { spec: { containers: [{ port: 1.5 }] } },
      want: 'json: cannot unmarshal number 1.5 into Go struct field Container.spec.containers.port of type int32',
    },
    {
      object: { metadata: { creationTimestamp: 'yesterday' } },
      want: 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    },
    { object: { spec: { data: { a: 'b@d=' } } }, want: 'illegal base64 data at input byte 1' },
    { object: [], want: 'json: cannot unmarshal array into Go value of type v1.Pod' },
  ];
  for (const { object, want } of cases) {
    it(want ?? 'takes what fits', () => assert.equal(checkTypes(object, pod, source), want));
  }

  it('makes a 400 of it', () => {
    const err = decodeTypeError('Deployment', 'apps/v1', 'json: x');
    assert.equal(err.code, 400);
    assert.equal(err.message, 'Deployment in version "v1" cannot be handled as a Deployment: json: x');
  });
});
