/**
 * What becomes of certificate signing requests: which are kubelets', which a signer takes, what the certificate allows and how long,
 * and when a request is cleaned up. Pure. Upstream: pkg/controller/certificates, pkg/apis/certificates/helpers.go
 */
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import type { ExtendedUsage, KeyUsage } from '../../machinery/x509/certificate.ts';
import type { SigningRequest } from '../../machinery/x509/request.ts';

export const KUBE_APISERVER_CLIENT = 'kubernetes.io/kube-apiserver-client';
export const KUBE_APISERVER_CLIENT_KUBELET = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';
export const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function hasCondition(csr: CertificateSigningRequest, type: string): boolean {
  return csr.status?.conditions?.some((c) => c.type === type) ?? false;
}
export function isApproved(csr: CertificateSigningRequest): boolean {
  return hasCondition(csr, 'Approved') && !hasCondition(csr, 'Denied');
}
export function isFailed(csr: CertificateSigningRequest): boolean {
  return csr.status?.conditions?.some((c) => c.type === 'Failed' && c.status === 'True') ?? false;
}

/** What is wrong with the usages; `auth` is what the certificate is for, the key's encipherment may be left out. */
function usagesProblem(usages: readonly string[], auth: string): string | undefined {
  const given = new Set(usages);
  const required = ['digital signature', auth];
  const all = [...required, 'key encipherment'];
  const fits = required.every((u) => given.has(u)) && [...given].every((u) => all.includes(u));
  return fits ? undefined : `usages did not match [${all.sort().join(' ')}]`;
}

function isNodeGroup(request: SigningRequest): boolean {
  return request.organizations.length === 1 && request.organizations[0] === 'system:nodes';
}

const NO_GROUP = 'subject organization is not system:nodes';
const NO_NODE = 'subject common name does not begin with system:node:';

export function kubeletClientProblem(request: SigningRequest, usages: readonly string[]): string | undefined {
  const { dns, emails, ips, uris } = request.alternativeNames;
  if (!isNodeGroup(request)) return NO_GROUP;
  if (dns > 0) return 'DNS subjectAltNames are not allowed';
  if (emails > 0) return 'Email subjectAltNames are not allowed';
  if (ips > 0) return 'IP subjectAltNames are not allowed';
  if (uris > 0) return 'URI subjectAltNames are not allowed';
  if (!request.commonName.startsWith('system:node:')) return NO_NODE;
  return usagesProblem(usages, 'client auth');
}

export function kubeletServingProblem(request: SigningRequest, usages: readonly string[]): string | undefined {
  const { dns, emails, ips, uris } = request.alternativeNames;
  if (!isNodeGroup(request)) return NO_GROUP;
  if (dns + ips === 0) return 'DNS or IP subjectAltName is required';
  if (emails > 0) return 'Email subjectAltNames are not allowed';
  if (uris > 0) return 'URI subjectAltNames are not allowed';
  return usagesProblem(usages, 'server auth') ?? (request.commonName.startsWith('system:node:') ? undefined : NO_NODE);
}

function clientProblem(usages: readonly string[]): string | undefined {
  const other = usages.find((u) => !['digital signature', 'key encipherment', 'client auth'].includes(u));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** Why a request is not fit for its signer; undefined when it is. `unknown`: it is none of ours. */
export function signerProblem(
  signer: string,
  request: SigningRequest,
  usages: readonly string[],
): { unknown: boolean; problem: string | undefined } {
  switch (signer) {
    case KUBELET_SERVING:
      return { unknown: false, problem: kubeletServingProblem(request, usages) };
    case KUBE_APISERVER_CLIENT_KUBELET:
      return { unknown: false, problem: kubeletClientProblem(request, usages) };
    case KUBE_APISERVER_CLIENT:
      return { unknown: false, problem: clientProblem(usages) };
    case LEGACY_UNKNOWN:
      return { unknown: false, problem: undefined };
    default:
      return { unknown: true, problem: undefined };
  }
}

export interface Recognized {
  subresource: 'selfnodeclient' | 'nodeclient';
  message: string;
}

/** The permissions one of which lets a kubelet's request through without an administrator. */
export function permissionsFor(csr: CertificateSigningRequest, request: SigningRequest): Recognized[] {
  const { signerName, usages = [], username } = csr.spec;
  if (signerName !== KUBE_APISERVER_CLIENT_KUBELET || kubeletClientProblem(request, usages) !== undefined) return [];
  const own: Recognized = {
    subresource: 'selfnodeclient',
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  };
  const any: Recognized = {
    subresource: 'nodeclient',
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  };
  return username === request.commonName ? [own, any] : [any];
}

const KEY_USAGES: Record<string, KeyUsage> = {
  signing: 'digitalSignature',
  'digital signature': 'digitalSignature',
  'content commitment': 'contentCommitment',
  'key encipherment': 'keyEncipherment',
  'key agreement': 'keyAgreement',
  'data encipherment': 'dataEncipherment',
  'cert sign': 'certSign',
  'crl sign': 'crlSign',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
};
const EXTENDED_USAGES: Record<string, ExtendedUsage> = {
  any: 'any',
  'server auth': 'serverAuth',
  'client auth': 'clientAuth',
  'code signing': 'codeSigning',
  'email protection': 'emailProtection',
  's/mime': 'emailProtection',
  'ipsec end system': 'ipsecEndSystem',
  'ipsec tunnel': 'ipsecTunnel',
  'ipsec user': 'ipsecUser',
  timestamping: 'timeStamping',
  'ocsp signing': 'ocspSigning',
  'microsoft sgc': 'microsoftServerGatedCrypto',
  'netscape sgc': 'netscapeServerGatedCrypto',
};

/** @throws Error when one is not known */
export function usagesOf(usages: readonly string[]): { keyUsages: KeyUsage[]; usages: ExtendedUsage[] } {
  const odd = usages.filter((u) => !KEY_USAGES[u] && !EXTENDED_USAGES[u]);
  if (odd.length > 0) throw new Error(`unrecognized usage values: [${odd.map((u) => JSON.stringify(u)).join(' ')}]`);
  const unique = <T>(table: Record<string, T>) => [...new Set(usages.flatMap((u) => table[u] ?? []))];
  return { keyUsages: unique(KEY_USAGES), usages: unique(EXTENDED_USAGES) };
}

const BACKDATE = 5 * MINUTE;
const SHORT = 8 * HOUR;

/** From when until when a certificate is good. @throws Error when the signer's own has run out */
export function validity(
  expirationSeconds: number | undefined,
  longest: number,
  now: number,
  signerNotAfter: number,
): { notBefore: number; notAfter: number } {
  const wanted = expirationSeconds === undefined ? longest : expirationSeconds * 1000;
  const ttl = Math.min(longest, Math.max(wanted, 10 * MINUTE));
  const when = new Date(signerNotAfter).toISOString();
  if (now - BACKDATE >= signerNotAfter) throw new Error(`the signer has expired: NotAfter=${when}`);
  if (now >= signerNotAfter)
    throw new Error(`refusing to sign a certificate that expired in the past: NotAfter=${when}`);
  const end = ttl < SHORT ? now + ttl : now + ttl - BACKDATE;
  return { notBefore: now - BACKDATE, notAfter: Math.min(end, signerNotAfter) };
}

/** Requests are kept for an hour once they are answered, for a day while they are not, and not beyond their certificate. */
export function shouldCleanUp(csr: CertificateSigningRequest, now: number): boolean {
  const { conditions = [], certificate = '' } = csr.status ?? {};
  const isOld = (time: string | undefined, age: number) => time !== undefined && now - Date.parse(time) > age;
  if (conditions.length === 0) return isOld(csr.metadata.creationTimestamp ?? undefined, 24 * HOUR);
  return conditions.some((c) => {
    if (c.type === 'Denied' || c.type === 'Failed') return isOld(c.lastUpdateTime, HOUR);
    if (c.type !== 'Approved') return false;
    if (certificate === '') return isOld(c.lastUpdateTime, 24 * HOUR);
    return isOld(c.lastUpdateTime, HOUR) || isExpired(certificate, now);
  });
}

function isExpired(certificate: string, now: number): boolean {
  try {
    return now > Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return false;
  }
}
