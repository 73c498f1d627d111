/** Splicing against parsing: whatever the bytes look like, the result is the object with that resourceVersion. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeProtobufEnvelope } from '../codec/protobuf.ts';
import type { KubeObject } from './object.ts';
import {
  decodeStored,
  encodeForStorage,
  metadataSlice,
  metadataSpan,
  parseWithoutManagedFields,
  partialMetadata,
  spliceResourceVersion,
  storedJson,
} from './resource-version.ts';

const splice = (text: string, revision = 7): string => spliceResourceVersion(Buffer.from(text), revision).toString();

describe('spliceResourceVersion', () => {
  const cases = [
    {
      name: 'puts it behind uid',
      text: '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"u","labels":{"x":"y"}},"spec":{}}',
      want: '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"u","resourceVersion":"7","labels":{"x":"y"}},"spec":{}}',
    },
    {
      name: 'puts it first where there is no uid',
      text: '{"metadata":{"name":"a"}}',
      want: '{"metadata":{"resourceVersion":"7","name":"a"}}',
    },
    { name: 'fills empty metadata', text: '{"metadata":{}}', want: '{"metadata":{"resourceVersion":"7"}}' },
    {
      name: 'replaces one behind uid',
      text: '{"metadata":{"uid":"u","resourceVersion":"123","x":1}}',
      want: '{"metadata":{"uid":"u","resourceVersion":"7","x":1}}',
    },
    {
      name: 'replaces one before uid',
      text: '{"metadata":{"resourceVersion":"123","uid":"u"}}',
      want: '{"metadata":{"resourceVersion":"7","uid":"u"}}',
    },
    { name: 'makes metadata', text: '{"data":{}}', want: '{"metadata":{"resourceVersion":"7"},"data":{}}' },
    { name: 'makes metadata in an empty object', text: '{}', want: '{"metadata":{"resourceVersion":"7"}}' },
    {
      name: 'is not misled by inner metadata, strings or spaces',
      text: '{ "spec" : {"template":{"metadata":{"uid":"inner"}}, "s":"\\"metadata\\":{"}, "metadata" : { "uid" : "u" } }',
      want: '{ "spec" : {"template":{"metadata":{"uid":"inner"}}, "s":"\\"metadata\\":{"}, "metadata" : { "uid" : "u","resourceVersion":"7" } }',
    },
  ];
  for (const c of cases) it(c.name, () => assert.equal(splice(c.text), c.want));

  it('gives what parsing and setting gives, for any object', () => {
    const meta = fc.dictionary(fc.constantFrom('name', 'uid', 'labels', 'annotations', 'zeta', '__x'), fc.jsonValue());
    const object = fc.record(
      { first: fc.jsonValue(), metadata: meta, spec: fc.jsonValue() },
      { requiredKeys: ['metadata'] },
    );
    fc.assert(
      fc.property(object, fc.boolean(), (o, spaced) => {
        const text = JSON.stringify(o, null, spaced ? 1 : 0);
        const got = JSON.parse(splice(text, 42));
        const want = JSON.parse(text);
        want.metadata.resourceVersion = '42';
        assert.deepEqual(got, want);
        assert.deepEqual(JSON.parse(splice(splice(text, 42), 43)).metadata.resourceVersion, '43');
      }),
    );
  });
});

describe('stored values', () => {
  const pod: KubeObject = {
    metadata: {
      labels: { a: 'b' },
      resourceVersion: '5',
      selfLink: '/x',
      creationTimestamp: null,
      uid: 'u',
      name: 'p',
    },
    apiVersion: 'v1',
    kind: 'Pod',
  };

  it('begin with kind, apiVersion and metadata and carry no resourceVersion', () => {
    assert.equal(
      encodeForStorage(pod).toString(),
      '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","uid":"u","labels":{"a":"b"}}}',
    );
  });

  it('are read with their revision, JSON or protobuf', () => {
    const want = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'p', uid: 'u', labels: { a: 'b' }, resourceVersion: '9' },
    };
    assert.deepEqual(decodeStored(encodeForStorage(pod), 9), want);
    const { resourceVersion: _, selfLink: __, ...metadata } = pod.metadata;
    const proto = encodeProtobufEnvelope({ ...pod, metadata });
    assert.deepEqual(decodeStored(proto, 9), { ...want, spec: { containers: null }, status: {} });
    assert.deepEqual(JSON.parse(storedJson(proto).toString()).metadata, { name: 'p', uid: 'u', labels: { a: 'b' } });
  });

  it('encrypted ones are refused by name', () => {
    assert.throws(
      () => decodeStored(Buffer.from('k8s:enc:aescbc:v1:key1:\x01\x02'), 1),
      /encrypted at rest \(aescbc v1\)/,
    );
  });

  it('give their metadata without being parsed', () => {
    const bytes = Buffer.from('{"spec":{"metadata":{}},"metadata":{"name":"}{","a":[1,{"b":"]"}]},"z":1}');
    assert.equal(metadataSlice(bytes)?.toString(), '{"name":"}{","a":[1,{"b":"]"}]}');
    assert.equal(
      partialMetadata(bytes).toString(),
      '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"}{","a":[1,{"b":"]"}]}}',
    );
  });
});

describe('metadataSpan', () => {
  const managed = [{ manager: 'a', fieldsV1: { 'f:metadata': { 'f:labels': { '.': {} } } } }];
  const cases: { name: string; metadata: object }[] = [
    { name: 'last', metadata: { name: 'a', managedFields: managed } },
    { name: 'first', metadata: { managedFields: managed, name: 'a' } },
    { name: 'between', metadata: { name: 'a', managedFields: managed, uid: 'u' } },
    { name: 'alone', metadata: { managedFields: managed } },
    { name: 'absent', metadata: { name: 'a' } },
    { name: 'named in a value', metadata: { annotations: { x: '"managedFields":[1]' }, managedFields: managed } },
    { name: 'named in a map', metadata: { annotations: { managedFields: 'x' }, labels: { a: 'b' } } },
    { name: 'nothing at all', metadata: {} },
  ];
  for (const { name, metadata } of cases) {
    for (const space of [0, 2]) {
      it(`managedFields ${name}${space > 0 ? ', indented' : ''}`, () => {
        const object = { kind: 'Pod', metadata, spec: { managedFields: [1] } };
        const bytes = Buffer.from(JSON.stringify(object, undefined, space));
        const span = metadataSpan(bytes)!;
        assert.deepEqual(JSON.parse(bytes.toString('utf8', span.start, span.end)), metadata);
        const { managedFields: _, ...rest } = metadata as { managedFields?: unknown };
        assert.deepEqual(parseWithoutManagedFields(bytes, span), { ...object, metadata: rest });
      });
    }
  }
});
