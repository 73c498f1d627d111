/** Which requests signers take, how long certificates are good for, and when requests go. */
import assert from 'node:assert/strict';
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import type { SigningRequest } from '../../machinery/x509/request.ts';
import { permissionsFor, shouldCleanUp, signerProblem, usagesOf, validity } from './plan.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const request = (more: Partial<SigningRequest> = {}, names: object = {}): SigningRequest => ({
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  subject: Buffer.alloc(0),
  publicKey: Buffer.alloc(0),
  alternativeNames: { dns: 0, emails: 0, uris: 0, ips: 0, ...names },
  subjectAltName: undefined,
  isSigned: true,
  ...more,
});
const CLIENT = ['digital signature', 'client auth'];
const SERVER = ['digital signature', 'key encipherment', 'server auth'];

describe('certificates plan', () => {
  const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
  const serving = 'kubernetes.io/kubelet-serving';
  const client = 'kubernetes.io/kube-apiserver-client';
  const cases = [
    { name: 'a kubelet', signer: kubelet, request: request(), usages: CLIENT, want: undefined },
    {
      name: 'another group',
      signer: kubelet,
      request: request({ organizations: ['x'] }),
      usages: CLIENT,
      want: 'subject organization is not system:nodes',
    },
    {
      name: 'another name',
      signer: kubelet,
      request: request({ commonName: 'n1' }),
      usages: CLIENT,
      want: 'subject common name does not begin with system:node:',
    },
    {
      name: 'a client with an address',
      signer: kubelet,
      request: request({}, { ips: 1 }),
      usages: CLIENT,
      want: 'IP subjectAltNames are not allowed',
    },
    {
      name: 'other usages',
      signer: kubelet,
      request: request(),
      usages: SERVER,
      want: 'usages did not match [client auth digital signature key encipherment]',
    },
    { name: 'a server', signer: serving, request: request({}, { dns: 1 }), usages: SERVER, want: undefined },
    {
      name: 'a server without names',
      signer: serving,
      request: request(),
      usages: SERVER,
      want: 'DNS or IP subjectAltName is required',
    },
    {
      name: 'somebody',
      signer: client,
      request: request({ commonName: 'jane', organizations: [] }),
      usages: ['client auth'],
      want: undefined,
    },
    {
      name: 'somebody who would serve',
      signer: client,
      request: request(),
      usages: SERVER,
      want: 'invalid usage for client certificate: server auth',
    },
    {
      name: 'somebody without purpose',
      signer: client,
      request: request(),
      usages: ['digital signature'],
      want: 'missing required usage for client certificate: client auth',
    },
  ];
  for (const { name, signer, request: r, usages, want } of cases) {
    it(`${signer}: ${name}`, () =>
      assert.deepEqual(signerProblem(signer, r, usages), { unknown: false, problem: want }));
  }

  it('a node asks for itself or for another', () => {
    const csr = (username: string) => ({
      metadata: {},
      spec: { request: '', signerName: kubelet, usages: CLIENT, username },
    });
    const asked = (name: string) => permissionsFor(csr(name), request()).map((p) => p.subresource);
    assert.deepEqual(asked('system:node:n1'), ['selfnodeclient', 'nodeclient']);
    assert.deepEqual(asked('bootstrap'), ['nodeclient']);
  });

  it('usages become bits and purposes', () => {
    assert.deepEqual(usagesOf(['signing', 'digital signature', 's/mime', 'client auth']), {
      keyUsages: ['digitalSignature'],
      usages: ['emailProtection', 'clientAuth'],
    });
    assert.throws(() => usagesOf(['odd']), /unrecognized usage values: \["odd"\]/);
  });

  const year = 365 * 24 * HOUR;
  const times = [
    { name: 'as long as signers do', seconds: undefined, end: NOW + 2 * year, want: year - 300 * SECOND },
    { name: 'shorter', seconds: 3600, end: NOW + 2 * year, want: HOUR },
    { name: 'at least ten minutes', seconds: 5, end: NOW + 2 * year, want: 600 * SECOND },
    { name: 'at most as signers do', seconds: 999_999_999, end: NOW + 2 * year, want: year - 300 * SECOND },
    { name: 'not beyond the signer', seconds: undefined, end: NOW + HOUR, want: HOUR },
  ];
  for (const { name, seconds, end, want } of times) {
    it(`good ${name}`, () => {
      const { notBefore, notAfter } = validity(seconds, year, NOW, end);
      assert.deepEqual([notBefore - NOW, notAfter - NOW], [-300 * SECOND, want]);
    });
  }
  it('a signer that has run out signs nothing', () => {
    assert.throws(() => validity(undefined, year, NOW, NOW), /refusing to sign a certificate that expired in the past/);
    assert.throws(() => validity(undefined, year, NOW, NOW - HOUR), /the signer has expired/);
  });

  const csr = (age: number, type?: string, certificate?: string): CertificateSigningRequest => {
    const time = new Date(NOW - age).toISOString();
    const conditions = type ? [{ type, status: 'True', lastUpdateTime: time }] : [];
    return {
      metadata: { creationTimestamp: time },
      spec: { request: '', signerName: '' },
      status: { conditions, ...(certificate ? { certificate } : {}) },
    };
  };
  const ages = [
    { name: 'waiting', csr: csr(24 * HOUR), want: false },
    { name: 'waiting too long', csr: csr(24 * HOUR + SECOND), want: true },
    { name: 'denied', csr: csr(HOUR, 'Denied'), want: false },
    { name: 'denied long ago', csr: csr(HOUR + SECOND, 'Denied'), want: true },
    { name: 'failed long ago', csr: csr(HOUR + SECOND, 'Failed'), want: true },
    { name: 'approved, not signed', csr: csr(2 * HOUR, 'Approved'), want: false },
    { name: 'approved and never signed', csr: csr(25 * HOUR, 'Approved'), want: true },
    { name: 'signed long ago', csr: csr(HOUR + SECOND, 'Approved', 'eA=='), want: true },
    { name: 'signed', csr: csr(HOUR, 'Approved', 'eA=='), want: false },
  ];
  for (const { name, csr: c, want } of ages) {
    it(`${want ? 'goes' : 'stays'}: ${name}`, () => assert.equal(shouldCleanUp(c, NOW), want));
  }
});
