/**
 * Makes X.509 certificates: version 3, ECDSA with SHA-256 or RSA with SHA-256 by the signer's key. Pure but for the signature itself.
 */
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { bitString, boolean, context, integer, octetString, oid, sequence, set, time, tlv, utf8String } from './der.ts';

export interface Name {
  commonName: string;
  organizations?: readonly string[];
}

export type ExtendedUsage = keyof typeof EXTENDED_USAGES;
export type KeyUsage = keyof typeof KEY_USAGES;

export interface CertificateTemplate {
  /** A Name, or one that is DER already (from a signing request). */
  subject: Name | Buffer;
  publicKey: KeyObject;
  /** 16 random bytes. */
  serial: Uint8Array;
  /** Unix ms. */
  notBefore: number;
  notAfter: number;
  isAuthority?: boolean;
  /** Default: digitalSignature and keyEncipherment; an authority signs certificates too. */
  keyUsages?: readonly KeyUsage[];
  usages?: readonly ExtendedUsage[];
  /** DER of all names (from a signing request), instead of the two lists. */
  subjectAltName?: Buffer;
  dnsNames?: readonly string[];
  ips?: readonly string[];
}

export interface Signer {
  /** DER of the signer's own name. */
  name: Buffer;
  key: KeyObject;
}

const EXTENDED_USAGES = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ipsecEndSystem: '1.3.6.1.5.5.7.3.5',
  ipsecTunnel: '1.3.6.1.5.5.7.3.6',
  ipsecUser: '1.3.6.1.5.5.7.3.7',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  microsoftServerGatedCrypto: '1.3.6.1.4.1.311.10.3.3',
  netscapeServerGatedCrypto: '2.16.840.1.113730.4.1',
} as const;

/** Their bits, from the first on. */
const KEY_USAGES = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  certSign: 5,
  crlSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

/** The certificate's DER. */
export function createCertificate(template: CertificateTemplate, signer: Signer): Buffer {
  const algorithm = signatureAlgorithm(signer.key);
  const spki = template.publicKey.export({ type: 'spki', format: 'der' });
  const subject = Buffer.isBuffer(template.subject) ? template.subject : nameDer(template.subject);
  const tbs = sequence(
    context(0, true, integer(Buffer.from([2]))),
    integer(positive(template.serial)),
    algorithm,
    signer.name,
    sequence(time(template.notBefore), time(template.notAfter)),
    subject,
    spki,
    context(
      3,
      true,
      sequence(...extensions(template, spki, createPublicKey(signer.key).export({ type: 'spki', format: 'der' }))),
    ),
  );
  return sequence(tbs, algorithm, bitString(sign('sha256', tbs, signer.key)));
}

/** Organizations first, then the common name. */
export function nameDer({ commonName, organizations = [] }: Name): Buffer {
  const attribute = (id: string, value: string) => set(sequence(oid(id), utf8String(value)));
  return sequence(...organizations.map((o) => attribute('2.5.4.10', o)), attribute('2.5.4.3', commonName));
}

export function pemOf(label: string, der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}

function positive(serial: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(serial);
  copy[0] = (copy[0]! & 0x7f) | 0x40;
  return copy;
}

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ec') return sequence(oid('1.2.840.10045.4.3.2'));
  return sequence(oid('1.2.840.113549.1.1.11'), tlv(0x05));
}

function extensions(t: CertificateTemplate, spki: Buffer, issuerSpki: Buffer): Buffer[] {
  const extension = (id: string, critical: boolean, value: Buffer) =>
    sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
  const keyUsages = t.keyUsages ?? [
    'digitalSignature',
    'keyEncipherment',
    ...(t.isAuthority ? (['certSign'] as const) : []),
  ];
  const out = [
    ...(keyUsages.length > 0 ? [extension('2.5.29.15', true, namedBits(keyUsages.map((u) => KEY_USAGES[u])))] : []),
    extension('2.5.29.19', true, sequence(...(t.isAuthority ? [boolean(true)] : []))),
    extension('2.5.29.35', false, sequence(context(0, false, keyId(issuerSpki)))),
  ];
  if (t.isAuthority) out.push(extension('2.5.29.14', false, octetString(keyId(spki))));
  if (t.usages?.length)
    out.push(extension('2.5.29.37', false, sequence(...t.usages.map((u) => oid(EXTENDED_USAGES[u])))));
  if (t.subjectAltName) return [...out, extension('2.5.29.17', false, t.subjectAltName)];
  const names = [
    ...(t.dnsNames ?? []).map((n) => context(2, false, n)),
    ...(t.ips ?? []).map((ip) => context(7, false, ipBytes(ip))),
  ];
  if (names.length > 0) out.push(extension('2.5.29.17', false, sequence(...names)));
  return out;
}

/** A bit string that ends with its last set bit. */
function namedBits(bits: readonly number[]): Buffer {
  const last = Math.max(...bits);
  const bytes = Buffer.alloc(Math.floor(last / 8) + 1);
  for (const b of bits) bytes[b >> 3]! |= 0x80 >> (b & 7);
  return bitString(bytes, 7 - (last & 7));
}

function keyId(spki: Buffer): Buffer {
  return createHash('sha1').update(spki).digest();
}

/** 4 or 16 bytes. */
export function ipBytes(ip: string): Buffer {
  if (!ip.includes(':')) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const groups = (s: string) => (s === '' ? [] : s.split(':').map((g) => Number.parseInt(g, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  return Buffer.from(all.flatMap((g) => [g >> 8, g & 255]));
}
