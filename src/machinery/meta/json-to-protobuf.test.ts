import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { VECTORS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import { encodeProtobuf, encodeProtobufEnvelope, messageFor, openEnvelope } from '../codec/protobuf.ts';
import { planOf, UNUSUAL } from '../codec/wire-plan.ts';
import { scan } from '../codec/wire-scan.ts';
import { wireMessage } from '../codec/wire-table.ts';
import { parseWithFieldSetText } from './field-set-text.ts';
import { jsonToProtobuf, jsonToProtobufEnvelope, protobufSizeOf } from './json-to-protobuf.ts';

const CORE = 'io.k8s.api.core.v1';

function assertSame(text: string, message: string): void {
  const json = Buffer.from(text);
  const want = encodeProtobuf(parseWithFieldSetText(json), message);
  assert.equal(protobufSizeOf(json, message), want.length);
  assert.equal(jsonToProtobuf(json, message).toString('hex'), want.toString('hex'));
}

function isWalked(text: string, message: string): boolean {
  try {
    scan(planOf(wireMessage(message)), Buffer.from(text));
    return true;
  } catch (err) {
    if (err !== UNUSUAL) throw err;
    return false;
  }
}

describe('jsonToProtobuf: golden vectors', () => {
  if (!existsSync(VECTORS)) {
    it('become what upstream makes of them', function () {
      needs(this, 'vectors');
    });
    return;
  }
  for (const file of readdirSync(VECTORS).filter((f) => f.endsWith('.pb'))) {
    const { apiVersion, kind, raw } = openEnvelope(readFileSync(new URL(file, VECTORS)));
    if (kind === '') continue;
    it(file.slice(0, -3), () => {
      const json = Buffer.from(
        JSON.stringify(JSON.parse(readFileSync(new URL(file.replace(/pb$/, 'json'), VECTORS), 'utf8'))),
      );
      const message = messageFor(apiVersion, kind)!;
      for (let turn = 0; turn < 3; turn++) {
        assert.equal(protobufSizeOf(json, message), raw.length);
        assert.equal(jsonToProtobuf(json, message).toString('hex'), raw.toString('hex'));
      }
    });
  }
});

describe('jsonToProtobuf', () => {
  const cases: { name: string; text: string; message: string; walked: boolean }[] = [
    { name: 'nothing in it', text: '{}', message: `${CORE}.Pod`, walked: true },
    {
      name: 'unknown members',
      text: '{"a":{"b":["}",{}]},"c":"\\"","d":1,"e":null,"metadata":{"name":"n"}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'fields in another order',
      text: '{"status":{"podIP":"1","phase":"Running"},"metadata":{"uid":"u","name":"n"}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'lists in another order than their neighbours',
      text: '{"spec":{"containers":[{"name":"a"},{"name":"b"}],"volumes":[{"emptyDir":{},"name":"v"},{"name":"w","hostPath":{"path":"/"}}]}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'escapes and other scripts',
      text: '{"data":{"a":"\\n\\u00e9\\ud83d\\ude00é😀","b":"\\\\"}}',
      message: `${CORE}.ConfigMap`,
      walked: true,
    },
    { name: 'a lone surrogate', text: '{"data":{"a":"\\ud800"}}', message: `${CORE}.ConfigMap`, walked: true },
    { name: 'a map out of order', text: '{"data":{"b":"1","a":"2"}}', message: `${CORE}.ConfigMap`, walked: false },
    { name: 'a key with an escape', text: '{"data":{"\\u0061":"1"}}', message: `${CORE}.ConfigMap`, walked: false },
    { name: 'a key twice', text: '{"metadata":{"name":"a","name":"b"}}', message: `${CORE}.ConfigMap`, walked: false },
    { name: 'a key of a map twice', text: '{"data":{"a":"1","a":"2"}}', message: `${CORE}.ConfigMap`, walked: false },
    { name: 'space', text: '{ "data" : {"a":"1"} }', message: `${CORE}.ConfigMap`, walked: false },
    {
      name: 'null members, lists and maps',
      text: '{"metadata":null,"data":null,"immutable":null}',
      message: `${CORE}.ConfigMap`,
      walked: true,
    },
    { name: 'a null in a map', text: '{"data":{"a":null}}', message: `${CORE}.ConfigMap`, walked: false },
    {
      name: 'base64',
      text: '{"data":{"a":"","b":"YQ==","c":"YWI=","d":"YWJj"},"type":"Opaque"}',
      message: `${CORE}.Secret`,
      walked: true,
    },
    { name: 'base64 of another alphabet', text: '{"data":{"a":"-_8="}}', message: `${CORE}.Secret`, walked: false },
    { name: 'a negative number', text: '{"spec":{"priority":-1}}', message: `${CORE}.Pod`, walked: false },
    {
      name: 'a large number',
      text: '{"metadata":{"generation":9007199254740993}}',
      message: `${CORE}.Pod`,
      walked: false,
    },
    { name: 'a fraction', text: '{"spec":{"priority":1.5}}', message: `${CORE}.Pod`, walked: false },
    {
      name: 'quantities, canonical and not',
      text: '{"spec":{"containers":[{"resources":{"limits":{"cpu":"1000m","memory":"1024Mi"},"requests":{"cpu":2,"memory":"1Gi"}}}]}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'a number for a port, and a name',
      text: '{"spec":{"ports":[{"targetPort":8080},{"targetPort":"http"},{}]}}',
      message: `${CORE}.Service`,
      walked: true,
    },
    {
      name: 'times',
      text: '{"metadata":{"creationTimestamp":"2024-02-29T23:59:59Z","deletionTimestamp":"2030-12-31T00:00:00.5+02:00"}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'the last day of a month',
      text: '{"metadata":{"creationTimestamp":"2023-01-31T00:00:00Z"}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'the zero time',
      text: '{"metadata":{"creationTimestamp":"0001-01-01T00:00:00Z"}}',
      message: `${CORE}.Pod`,
      walked: false,
    },
    {
      name: 'micro times',
      text: '{"spec":{"renewTime":"2026-01-01T00:00:00.000001Z","acquireTime":"2026-01-01T00:00:00.000000Z"}}',
      message: 'io.k8s.api.coordination.v1.Lease',
      walked: true,
    },
    {
      name: 'a field set',
      text: '{"metadata":{"managedFields":[{"fieldsV1":{"f:a":{"k:{\\"n\\":\\"}\\"}":{}}},"time":"2026-01-01T00:00:00Z"},{"fieldsV1":{}},{}]}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'a field set that is null',
      text: '{"metadata":{"managedFields":[{"fieldsV1":null}]}}',
      message: `${CORE}.Pod`,
      walked: true,
    },
    {
      name: 'any JSON',
      text: '{"data":{"a":[1,2.50]},"revision":3}',
      message: 'io.k8s.api.apps.v1.ControllerRevision',
      walked: false,
    },
  ];
  for (const { name, text, message, walked } of cases) {
    it(name, () => {
      assert.equal(isWalked(text, message), walked);
      assertSame(text, message);
    });
  }

  it('objects of one template, as each is by itself', () => {
    const container = fc.record(
      {
        name: fc.constantFrom('a', 'b', 'ä'),
        image: fc.constantFrom('registry.example.com/shop/storefront:4.12.3', 'x'),
        args: fc.array(fc.constantFrom('--config=/etc/app/application.properties', '"', ''), { maxLength: 3 }),
        env: fc.array(fc.record({ name: fc.string(), value: fc.string() }), { maxLength: 2 }),
        resources: fc.constantFrom({}, { limits: { cpu: '500m', memory: '512Mi' }, requests: { cpu: '0.1' } }),
        volumeMounts: fc.array(
          fc.record({
            name: fc.constantFrom('x', 'kube-api-access-wnhq5'),
            mountPath: fc.constant('/var/run/secrets/kubernetes.io/serviceaccount'),
          }),
          { maxLength: 2 },
        ),
        livenessProbe: fc.record(
          {
            httpGet: fc.record({ path: fc.string(), port: fc.oneof(fc.nat(65535), fc.string()) }),
            periodSeconds: fc.nat(600),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    const pod = fc.record(
      {
        metadata: fc.record(
          { name: fc.string(), labels: fc.dictionary(fc.string(), fc.constantFrom('1', 'é')), generation: fc.nat() },
          { requiredKeys: [] },
        ),
        spec: fc.record(
          { nodeName: fc.string(), containers: fc.array(container, { maxLength: 3 }), priority: fc.integer() },
          { requiredKeys: [] },
        ),
        status: fc.record(
          {
            phase: fc.constantFrom('Running', 'Failed'),
            startTime: fc.constantFrom('2026-01-01T00:00:10Z', '2026-02-30T00:00:00Z', null),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(pod, { minLength: 1, maxLength: 8 }), (pods) => {
        const message = wireMessage(`${CORE}.Pod`).name;
        for (const object of [...pods, ...pods]) assertSame(JSON.stringify(object), message);
      }),
      { numRuns: 300 },
    );
  });

  it('more different pieces than are kept', () => {
    for (let i = 0; i < 3000; i++) {
      const env = [{ name: 'TUNING', value: String(i % 700).padStart(4000, '-') }];
      assertSame(
        JSON.stringify({
          spec: {
            containers: [
              { name: 'a', env },
              { name: 'b', env },
            ],
          },
        }),
        `${CORE}.Pod`,
      );
    }
  });

  it('does not know of what broke off', () => {
    for (const text of [
      '',
      '{',
      '{"metadata":{"name":"a',
      '{"metadata":{"name":"a"}',
      '{"metadata":{"name":"a"}}x',
      '{"metadata":{"name',
    ])
      assert.equal(isWalked(text, `${CORE}.Pod`), false, text);
  });
});

describe('jsonToProtobufEnvelope', () => {
  const cases = [
    { name: 'kind first, as ours', text: '{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"1"}}' },
    { name: 'kind elsewhere', text: '{"data":{"a":"1"},"apiVersion":"v1","kind":"ConfigMap"}' },
    { name: 'nothing else', text: '{"kind":"ConfigMap","apiVersion":"v1"}' },
  ];
  for (const { name, text } of cases) {
    it(name, () => {
      const want = encodeProtobufEnvelope(JSON.parse(text));
      assert.equal(jsonToProtobufEnvelope(Buffer.from(text)).toString('hex'), want.toString('hex'));
    });
  }
  it('has none for custom resources', () => {
    const json = Buffer.from('{"kind":"Widget","apiVersion":"example.com/v1"}');
    assert.throws(() => jsonToProtobufEnvelope(json), /Widget in example.com\/v1 has no protobuf encoding/);
  });
});
