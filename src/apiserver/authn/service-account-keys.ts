/**
 * Keys of service account tokens: one signs, all verify, named as upstream names them, so that tokens survive a change of server.
 * Upstream: pkg/serviceaccount/jwt.go, openidmetadata.go
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

export type SigningAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

export interface VerifyKey {
  id: string;
  algorithm: SigningAlgorithm;
  key: KeyObject;
}

export interface SigningKey extends VerifyKey {
  privateKey: KeyObject;
}

export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { ...describe(createPublicKey(privateKey)), privateKey };
}

/** `pem` may hold several public or private keys or certificates. */
export function verifyKeys(pem: string): VerifyKey[] {
  const blocks = pem.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g) ?? [];
  return blocks.filter((b) => !b.startsWith('-----BEGIN EC PARAMETERS')).map((b) => describe(createPublicKey(b)));
}

function describe(key: KeyObject): VerifyKey {
  const id = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { id, algorithm: algorithmOf(key), key };
}

function algorithmOf(key: KeyObject): SigningAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256';
    case 'secp384r1':
      return 'ES384';
    case 'secp521r1':
      return 'ES512';
    default:
      throw new Error(`unknown private key type ${key.asymmetricKeyType}, must be an RSA or ECDSA key`);
  }
}
