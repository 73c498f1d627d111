/** Reads certificate signing requests (PKCS #10) and checks that they are signed by their own key. Pure. */
import { createPublicKey, verify } from 'node:crypto';
import { type Element, elements, readOid } from './der.ts';

export interface SigningRequest {
  commonName: string;
  organizations: string[];
  /** DER of the whole name. */
  subject: Buffer;
  /** DER of the public key (SPKI). */
  publicKey: Buffer;
  /** How many names of each kind it asks for besides the subject. */
  alternativeNames: { dns: number; emails: number; uris: number; ips: number };
  /** DER of those names; undefined when there are none. */
  subjectAltName: Buffer | undefined;
  /** Signed by the key it asks a certificate for. */
  isSigned: boolean;
}

/** From PEM. Throws an Error with upstream's text when it is none. */
export function parseSigningRequest(pem: string): SigningRequest {
  const match = /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END CERTIFICATE REQUEST-----/.exec(pem);
  if (match === null) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [outer] = elements(Buffer.from(match[1]!, 'base64'));
  const [info, algorithm, signature] = elements(outer!.content);
  const [, subject, publicKey, attributes] = elements(info!.content);
  const names = elements(subject!.content).flatMap((set) =>
    elements(set.content).map((pair) => elements(pair.content)),
  );
  const valuesOf = (id: string) =>
    names.filter(([type]) => readOid(type!.content) === id).map(([, value]) => value!.content.toString('utf8'));
  const subjectAltName = attributes && alternativeNames(attributes);
  const tags = subjectAltName ? elements(elements(subjectAltName)[0]!.content).map((n) => n.tag & 0x1f) : [];
  const count = (tag: number) => tags.filter((t) => t === tag).length;
  return {
    commonName: valuesOf('2.5.4.3').at(-1) ?? '',
    organizations: valuesOf('2.5.4.10'),
    subject: subject!.raw,
    publicKey: publicKey!.raw,
    alternativeNames: { emails: count(1), dns: count(2), uris: count(6), ips: count(7) },
    subjectAltName,
    isSigned: isSignedBy(publicKey!.raw, info!.raw, algorithm, signature),
  };
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALT_NAME = '2.5.29.17';

/** The value of the extension among those the attributes ask for. */
function alternativeNames(attributes: Element): Buffer | undefined {
  for (const attribute of elements(attributes.content)) {
    const [id, values] = elements(attribute.content);
    if (readOid(id!.content) !== EXTENSION_REQUEST) continue;
    for (const extension of elements(elements(values!.content)[0]!.content)) {
      const parts = elements(extension.content);
      if (readOid(parts[0]!.content) === SUBJECT_ALT_NAME) return parts.at(-1)!.content;
    }
  }
  return undefined;
}

/** Hash of each signature algorithm; Ed25519 has its own. */
const HASHES: Record<string, string | null> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};

function isSignedBy(spki: Buffer, signed: Buffer, algorithm?: Element, signature?: Element): boolean {
  if (!algorithm || !signature) return false;
  const hash = HASHES[readOid(elements(algorithm.content)[0]!.content)];
  if (hash === undefined) return false;
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return verify(hash, signed, key, signature.content.subarray(1));
  } catch {
    return false;
  }
}
