import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseJson } from '../codec/json.ts';
import { encodeProtobuf } from '../codec/protobuf.ts';
import { parseWithFieldSetText } from './field-set-text.ts';
import type { KubeObject } from './object.ts';

const CONFIG_MAP = 'io.k8s.api.core.v1.ConfigMap';

describe('parseWithFieldSetText', () => {
  const set = '{"f:data":{".":{},"f:a\\"}":{},"v:\\"x]\\"":{}}}';
  const cases: { name: string; text: string; fields: (string | undefined)[] | undefined }[] = [
    { name: 'no metadata', text: '{"kind":"ConfigMap"}', fields: undefined },
    { name: 'no managedFields', text: '{"metadata":{"name":"a"}}', fields: undefined },
    { name: 'null', text: '{"metadata":{"managedFields":null}}', fields: undefined },
    { name: 'no entries', text: '{"metadata":{"managedFields":[]}}', fields: undefined },
    { name: 'an entry that is no object', text: '{"metadata":{"managedFields":[{},3]}}', fields: undefined },
    {
      name: 'first, last and only member',
      text: `{"metadata":{"managedFields":[{"fieldsV1":${set}}]}}`,
      fields: [set],
    },
    {
      name: 'in the middle, entries with and without a set',
      text: `{"data":{"k":"v"},"metadata":{"name":"a","managedFields":[{"manager":"m","fieldsV1":${set},"operation":"Apply"},{"manager":"n"},{"fieldsV1":{}}],"uid":"u"},"immutable":true}`,
      fields: [set, undefined, '{}'],
    },
    {
      name: 'with space between',
      text: `{ "metadata" : { "managedFields" : [ { "fieldsV1" : ${set} , "manager" : "m" } , { } ] , "name" : "é" } }`,
      fields: [set, undefined],
    },
    { name: 'a null set', text: '{"metadata":{"managedFields":[{"fieldsV1":null}]}}', fields: [undefined] },
  ];
  for (const { name, text, fields } of cases) {
    it(name, () => {
      const bytes = Buffer.from(text);
      const got = parseWithFieldSetText(bytes) as KubeObject;
      const plain = parseJson(bytes) as KubeObject;
      const entries = (got.metadata?.managedFields ?? []) as { fieldsV1?: unknown }[];
      if (fields !== undefined)
        assert.deepEqual(
          entries.map((e) => (Buffer.isBuffer(e.fieldsV1) ? e.fieldsV1.toString() : undefined)),
          fields,
        );
      for (const e of entries) if (Buffer.isBuffer(e.fieldsV1)) e.fieldsV1 = parseJson(e.fieldsV1);
      assert.deepEqual(got, plain);
    });
  }

  it('is encoded as the parsed object is', () => {
    const fieldSet = fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.constant({})));
    const entry = fc.record({ manager: fc.string(), operation: fc.string(), fieldsV1: fieldSet }, { requiredKeys: [] });
    const metadata = fc.record(
      { name: fc.string(), managedFields: fc.array(entry), uid: fc.string() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(metadata, fc.dictionary(fc.string(), fc.string()), (m, data) => {
        const bytes = Buffer.from(JSON.stringify({ metadata: m, data }));
        assert.deepEqual(
          encodeProtobuf(parseWithFieldSetText(bytes), CONFIG_MAP),
          encodeProtobuf(parseJson(bytes), CONFIG_MAP),
        );
      }),
    );
  });
});
