/** Who asks for a certificate, and requests that are none; confirmed by upstream's API server 1.36. */
import assert from 'node:assert/strict';
import { strategyFor } from '../strategies.ts';
import { contextFor, rowOf, testCreates, type WriteCase } from '../strategy-testing.ts';

const CSR = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' };
const asking = (request: string) => ({
  ...CSR,
  metadata: { name: 'x' },
  spec: { request, signerName: 'a.b/c', usages: ['client auth'] },
});

const REFUSED: readonly WriteCase[] = [
  ['an empty request', asking(''), ['spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST']],
  [
    'bytes that are no PEM',
    asking('AAAA'),
    ['spec.request: Invalid value: "AAAA": PEM block type must be CERTIFICATE REQUEST'],
  ],
];

describe('certificate signing requests', () => {
  describe('refuse', () => testCreates(REFUSED));

  it('say who asks, in all that is known of the user', () => {
    const row = rowOf(CSR);
    const strategy = strategyFor(row, {});
    const object = asking('');
    Object.assign(object.spec, { username: 'me', extra: { a: ['me'] } });
    const user = { username: 'u', groups: ['g'], uid: '7', extra: { k: ['v'] } };
    strategy.default?.(object as never);
    strategy.prepareForCreate?.(object as never, { ...contextFor(row), user });
    const { username, groups, uid, extra } = object.spec as unknown as typeof user;
    assert.deepEqual({ username, groups, uid, extra }, user);
  });
});
