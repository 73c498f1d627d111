/**
 * What others need to verify service account tokens: /.well-known/openid-configuration and /openid/v1/jwks.
 * Upstream: pkg/serviceaccount/openidmetadata.go, pkg/routes/openidmetadata.go
 */
import type { VerifyKey } from './service-account-keys.ts';

export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/openid/v1/jwks';
export const CACHE_CONTROL = 'public, max-age=3600';

export interface DiscoveryDocument {
  contentType: string;
  body: string;
}

export function openidConfiguration(issuer: string, jwksUri: string, keys: readonly VerifyKey[]): DiscoveryDocument {
  return {
    contentType: 'application/json',
    body: JSON.stringify({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map((k) => k.algorithm))].sort(),
    }),
  };
}

export function jsonWebKeySet(keys: readonly VerifyKey[]): DiscoveryDocument {
  return {
    contentType: 'application/jwk-set+json',
    body: JSON.stringify({
      keys: keys.map((k) => ({ use: 'sig', ...k.key.export({ format: 'jwk' }), kid: k.id, alg: k.algorithm })),
    }),
  };
}
