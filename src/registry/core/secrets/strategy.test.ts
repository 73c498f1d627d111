/** Defaults and rules of secrets, config maps and service accounts: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import assert from 'node:assert/strict';
import { created, testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'secret: defaults',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, stringData: { a: 'x' }, data: { b: 'eA==' } },
    { data: { b: 'eA==', a: 'eA==' }, type: 'Opaque' },
  ],
  [
    'secret: reports tls',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, type: 'kubernetes.io/tls' },
    ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
  ],
  [
    'secret: reports dc',
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'x' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'WzFd' },
    },
    [
      'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
  ],
  [
    'secret: reports ba',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, type: 'kubernetes.io/basic-auth' },
    ['data[username]: Required value', 'data[password]: Required value'],
  ],
  [
    'secret: reports sat',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, type: 'kubernetes.io/service-account-token' },
    ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ],
  [
    'secret: reports key',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data: { 'a b': '' } },
    [
      "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  ],
  [
    'secret: reports ssh',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, type: 'kubernetes.io/ssh-auth' },
    ['data[ssh-privatekey]: Required value'],
  ],
  [
    'config map: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
      data: { a: 'x' },
      binaryData: { a: 'eA==', '..': 'eA==' },
    },
    [
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
      'binaryData[..]: Invalid value: "..": must not be \'..\'',
    ],
  ],
  [
    'service account: defaults',
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'x' }, secrets: [{ name: 'a', namespace: 'b' }] },
    { secrets: [{ name: 'a' }] },
  ],
];

describe('defaults and rules of secrets, config maps and service accounts', () => {
  testCreates(CASES);

  const pairs = [
    { crt: 'x', key: 'y', want: 'tls: failed to find any PEM data in certificate input' },
    { crt: '-----BEGIN CERTIFICATE-----\n', key: 'y', want: 'tls: failed to find any PEM data in key input' },
  ];
  for (const { crt, key, want } of pairs) {
    it(`warn of a key pair: ${want}`, () => {
      const stringData = { 'tls.crt': crt, 'tls.key': key };
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'x' },
        type: 'kubernetes.io/tls',
        stringData,
      };
      assert.deepEqual(created(secret).warnings, [want]);
    });
  }
});
