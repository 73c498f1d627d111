/** Reads certificate signing requests (PKCS #10). Pure. */
import { elements, readOid } from './der.ts';

export interface SigningRequest {
  commonName: string;
  organizations: string[];
  /** DER of the whole name. */
  subject: Buffer;
  /** DER of the public key (SPKI). */
  publicKey: Buffer;
}

/** From PEM. Throws an Error with upstream's text when it is none. */
export function parseSigningRequest(pem: string): SigningRequest {
  const match = /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END CERTIFICATE REQUEST-----/.exec(pem);
  if (match === null) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [outer] = elements(Buffer.from(match[1]!, 'base64'));
  const [info] = elements(outer!.content);
  const [, subject, publicKey] = elements(info!.content);
  const names = elements(subject!.content).flatMap((set) =>
    elements(set.content).map((pair) => elements(pair.content)),
  );
  const valuesOf = (id: string) =>
    names.filter(([type]) => readOid(type!.content) === id).map(([, value]) => value!.content.toString('utf8'));
  return {
    commonName: valuesOf('2.5.4.3').at(-1) ?? '',
    organizations: valuesOf('2.5.4.10'),
    subject: subject!.raw,
    publicKey: publicKey!.raw,
  };
}
