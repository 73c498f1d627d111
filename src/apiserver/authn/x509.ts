/**
 * Client certificates: CN is the user, every O a group. A verified certificate is remembered by fingerprint until it expires.
 * Upstream: apiserver/pkg/authentication/request/x509/x509.go
 */
import { hash, X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { AuthenticationError, type AuthenticationResult, type Authenticator } from './authenticator.ts';
import { BoundedCache } from './bounded-cache.ts';
import { CREDENTIAL_ID } from './identities.ts';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';
const CACHE_LIMIT = 4096;

export interface VerifiedCertificate {
  commonName: string;
  /** Whom it speaks for, where it has a name. */
  result: AuthenticationResult | undefined;
  notBefore: number;
  notAfter: number;
}

/** Verifies leaf certificates (DER) against a bundle of authorities (PEM). */
export class CertificateVerifier {
  readonly #authorities: readonly X509Certificate[];
  readonly #clock: Clock;
  readonly #verified = new BoundedCache<string, VerifiedCertificate>(CACHE_LIMIT);
  /** A connection shows the same buffer at every request. */
  readonly #ofConnection = new WeakMap<Buffer, VerifiedCertificate>();

  constructor(bundle: string, clock: Clock) {
    this.#authorities = splitBundle(bundle).map((pem) => new X509Certificate(pem));
    this.#clock = clock;
  }

  /** Throws an AuthenticationError when the certificate is not good now. */
  verify(der: Buffer): VerifiedCertificate {
    let verified = this.#ofConnection.get(der);
    if (verified === undefined) {
      const fingerprint = hash('sha256', der);
      verified = this.#verified.get(fingerprint) ?? this.#check(new X509Certificate(der), fingerprint);
      this.#verified.set(fingerprint, verified);
      this.#ofConnection.set(der, verified);
    }
    const now = this.#clock.now();
    if (now < verified.notBefore || now > verified.notAfter)
      throw new AuthenticationError('x509: certificate has expired or is not yet valid');
    return verified;
  }

  // Deviation: the peer hands over its leaf only, so chains through intermediates are not built.
  #check(cert: X509Certificate, fingerprint: string): VerifiedCertificate {
    const issuer = this.#authorities.find((ca) => ca.ca && cert.checkIssued(ca) && cert.verify(ca.publicKey));
    if (issuer === undefined) throw new AuthenticationError('x509: certificate signed by unknown authority');
    const usages = cert.keyUsage as string[] | undefined;
    if (usages !== undefined && !usages.includes(CLIENT_AUTH) && !usages.includes(ANY_USAGE))
      throw new AuthenticationError('x509: certificate specifies an incompatible key usage');
    const subject = cert.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>;
    const commonName = last(subject.CN);
    const extra = { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] };
    return {
      commonName,
      result: commonName === '' ? undefined : { user: { username: commonName, groups: list(subject.O), extra } },
      notBefore: Math.max(cert.validFromDate.getTime(), issuer.validFromDate.getTime()),
      notAfter: Math.min(cert.validToDate.getTime(), issuer.validToDate.getTime()),
    };
  }
}

function list(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function last(value: string | string[] | undefined): string {
  return list(value).at(-1) ?? '';
}

/** The certificates of a PEM bundle. */
function splitBundle(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

export function certificateAuthenticator(verifier: CertificateVerifier): Authenticator {
  return {
    authenticate({ peer }) {
      return peer.certificate === undefined ? undefined : verifier.verify(peer.certificate).result;
    },
  };
}
