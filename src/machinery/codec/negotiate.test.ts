/** Accept and Content-Type as clients send them. */
import assert from 'node:assert/strict';
import { StatusError } from '../errors/status-error.ts';
import { negotiate, negotiateContentType } from './negotiate.ts';

const TABLE = { kind: 'Table', group: 'meta.k8s.io', version: 'v1' };
const KUBECTL =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

describe('negotiate', () => {
  const cases = [
    { name: 'JSON without a wish', accept: undefined, want: { encoding: 'json' } },
    { name: 'JSON for anything', accept: '*/*', want: { encoding: 'json' } },
    { name: 'a Table for kubectl', accept: KUBECTL, want: { encoding: 'json', as: TABLE } },
    {
      name: 'protobuf before JSON',
      accept: 'application/vnd.kubernetes.protobuf,application/json',
      want: { encoding: 'protobuf' },
    },
    {
      name: 'the next wish where the kind has no protobuf',
      accept: 'application/vnd.kubernetes.protobuf,application/json',
      options: { protobuf: false },
      want: { encoding: 'json' },
    },
    {
      name: 'metadata in protobuf, also of such a kind',
      accept: 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
      options: { protobuf: false },
      want: { encoding: 'protobuf', as: { kind: 'PartialObjectMetadataList', group: 'meta.k8s.io', version: 'v1' } },
    },
    {
      name: 'no Table in protobuf',
      accept: 'application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json',
      want: { encoding: 'json' },
    },
    { name: 'the higher q', accept: 'application/json;q=0.5, application/yaml;q=0.8', want: { encoding: 'yaml' } },
    { name: 'the more specific of two equals', accept: '*/*, application/yaml', want: { encoding: 'yaml' } },
    {
      name: 'frames by name',
      accept: 'application/vnd.kubernetes.protobuf;stream=watch',
      options: { stream: true },
      want: { encoding: 'protobuf', stream: true },
    },
    { name: 'a CBOR sequence', accept: 'application/cbor-seq', options: { stream: true }, want: { encoding: 'cbor' } },
    {
      name: 'pretty by query',
      accept: 'application/json',
      options: { pretty: 'true' },
      want: { encoding: 'json', pretty: true },
    },
    { name: 'pretty by parameter', accept: 'application/json;pretty=1', want: { encoding: 'json', pretty: true } },
    {
      name: 'pretty for curl',
      accept: '*/*',
      options: { userAgent: 'curl/8.0' },
      want: { encoding: 'json', pretty: true },
    },
    {
      name: 'plain for curl that says so',
      accept: '*/*',
      options: { userAgent: 'curl/8.0', pretty: 'false' },
      want: { encoding: 'json' },
    },
  ];
  for (const { name, accept, options, want } of cases) {
    it(`gives ${name}`, () => {
      const { encoding, pretty, stream, as } = negotiate(accept, options);
      assert.deepEqual({ encoding, pretty, stream, as }, { pretty: false, stream: false, as: undefined, ...want });
      assert.equal(negotiate(accept, options), negotiate(accept, options));
    });
  }

  const refused = [
    { accept: 'text/html', want: 'application/json, application/yaml, application/vnd.kubernetes.protobuf' },
    {
      accept: 'application/json;as=Nonsense;v=v1;g=meta.k8s.io',
      want: 'application/json, application/yaml, application/vnd.kubernetes.protobuf',
    },
    {
      accept: 'application/yaml',
      options: { stream: true },
      want: 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    },
  ];
  for (const { accept, options, want } of refused) {
    it(`refuses ${accept}`, () => {
      assert.throws(
        () => negotiate(accept, options),
        (err) =>
          err instanceof StatusError &&
          err.code === 406 &&
          err.reason === 'NotAcceptable' &&
          err.message === `only the following media types are accepted: ${want}`,
      );
    });
  }
});

describe('negotiateContentType', () => {
  const cases = [
    { type: undefined, want: 'json' },
    { type: 'application/json; charset=utf-8', want: 'json' },
    { type: 'Application/YAML', want: 'yaml' },
    { type: 'application/vnd.kubernetes.protobuf', want: 'protobuf' },
    { type: 'application/cbor', want: 'cbor' },
  ];
  for (const { type, want } of cases) it(`${type} is ${want}`, () => assert.equal(negotiateContentType(type), want));

  it('refuses others with 415', () => {
    for (const [type, options] of [
      ['text/plain', {}],
      ['application/vnd.kubernetes.protobuf', { protobuf: false }],
    ] as const) {
      assert.throws(
        () => negotiateContentType(type, options),
        (err) =>
          err instanceof StatusError &&
          err.code === 415 &&
          err.reason === 'UnsupportedMediaType' &&
          err.message.startsWith(
            'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
          ),
      );
    }
  });
});
