/** Who asks for a certificate, and requests that are none; confirmed by upstream's API server 1.36. */
import assert from 'node:assert/strict';
import { strategyFor } from '../strategies.ts';
import { contextFor, rowOf, testCreates, updated, type WriteCase } from '../strategy-testing.ts';

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

  const certificates = [
    ['AAAA', 'must contain at least one CERTIFICATE PEM block'],
    ['-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n', 'only CERTIFICATE PEM blocks are allowed, found "KEY"'],
    ['-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n-----END CERTIFICATE-----\n', 'no PEM block headers are permitted'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'x509: malformed certificate'],
  ] as const;
  for (const [text, why] of certificates) {
    it(`are not answered with ${JSON.stringify(text.slice(0, 40))}`, () => {
      const stored = { ...asking(''), status: {} };
      const metadata = { name: 'x', resourceVersion: '7' };
      const answered = { ...stored, metadata, status: { certificate: Buffer.from(text).toString('base64') } };
      const { problems } = updated(answered, stored as never, 'status');
      assert.deepEqual(problems.slice(1), [`status.certificate: Invalid value: "<certificate data>": ${why}`]);
    });
  }

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
