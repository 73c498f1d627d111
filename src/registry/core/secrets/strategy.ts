/** Secrets. Upstream: pkg/registry/core/secret/strategy.go, pkg/apis/core/validation/validation.go ValidateSecret */
import { Buffer } from 'node:buffer';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../../../api/core-v1.ts';
import {
  forbiddenField,
  invalidField,
  Path,
  requiredField,
  tooLong,
} from '../../../machinery/validation/field-error.ts';
import { isConfigMapKey } from '../../../machinery/validation/names.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { type Errors, immutable, invalidEach } from '../../validation/values.ts';

/** Of secrets and config maps: one MiB. */
export const MAX_DATA_SIZE = 1024 * 1024;
const DATA = Path.root('data');

const decodedLength = (base64: string): number => Buffer.byteLength(base64, 'base64');

function validateSecret(secret: Secret): Errors {
  const out: Errors = [];
  const data = secret.data ?? {};
  let size = 0;
  for (const key in data) {
    invalidEach(isConfigMapKey(key), DATA.key(key), key, out);
    size += decodedLength(data[key] ?? '');
  }
  if (size > MAX_DATA_SIZE) out.push(tooLong(DATA, MAX_DATA_SIZE));
  const need = (...keys: string[]) => {
    for (const key of keys) if (data[key] === undefined) out.push(requiredField(DATA.key(key)));
  };
  const json = (key: string) => {
    if (data[key] === undefined) {
      out.push(requiredField(DATA.key(key)));
      return;
    }
    const problem = jsonObjectProblem(Buffer.from(data[key], 'base64').toString('utf8'));
    if (problem) out.push(invalidField(DATA.key(key), '<secret contents redacted>', problem));
  };
  switch (secret.type) {
    case 'kubernetes.io/service-account-token': {
      const name = 'kubernetes.io/service-account.name';
      if (!secret.metadata.annotations?.[name]) out.push(requiredField(Path.root('metadata', 'annotations').key(name)));
      break;
    }
    case 'kubernetes.io/dockercfg':
      json('.dockercfg');
      break;
    case 'kubernetes.io/dockerconfigjson':
      json('.dockerconfigjson');
      break;
    case 'kubernetes.io/basic-auth':
      if (data.username === undefined && data.password === undefined) need('username', 'password');
      break;
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) out.push(requiredField(DATA.key('ssh-privatekey')));
      break;
    case 'kubernetes.io/tls':
      need('tls.crt', 'tls.key');
      break;
  }
  return out;
}

/** What Go's decoder says of text that is no JSON object. */
function jsonObjectProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
    const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
  } catch {
    const start = text.trimStart();
    if (start === '') return 'unexpected end of JSON input';
    const bad = /^[{["tfn\d-]/.test(start) ? undefined : start[0]!;
    return bad ? `invalid character '${bad}' looking for beginning of value` : 'unexpected end of JSON input';
  }
}

function defaultSecret(secret: Secret): void {
  secret.type ||= 'Opaque';
  if (!secret.stringData) return;
  const entries = Object.entries(secret.stringData);
  if (entries.length > 0) secret.data ??= {};
  for (const [key, value] of entries) secret.data![key] = Buffer.from(value, 'utf8').toString('base64');
  delete secret.stringData;
}

/** What Go's tls.X509KeyPair would say. Upstream: pkg/registry/core/secret/strategy.go warningsForSecret */
function warnOfKeyPair({ type, data }: Secret, context: StrategyContext): void {
  if (type !== 'kubernetes.io/tls') return;
  const problem = keyPairProblem(text(data?.['tls.crt']), text(data?.['tls.key']));
  if (problem !== undefined) context.warn(problem);
}

const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString('latin1');

function keyPairProblem(certificate: string, key: string): string | undefined {
  if (!/-----BEGIN CERTIFICATE-----/.test(certificate)) return 'tls: failed to find any PEM data in certificate input';
  if (!/-----BEGIN ([A-Z ]+ )?PRIVATE KEY-----/.test(key)) return 'tls: failed to find any PEM data in key input';
  try {
    const matches = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    return matches ? undefined : 'tls: private key does not match public key';
  } catch {
    return 'tls: failed to parse private key';
  }
}

export const secretStrategy: Strategy<Secret> = {
  sharesUnchanged: true,
  allowUnconditionalUpdate: true,
  default: defaultSecret,
  validate(secret, context) {
    const errors = validateSecret(secret);
    if (errors.length === 0) warnOfKeyPair(secret, context);
    return errors;
  },
  validateUpdate(secret, old, context) {
    const out: Errors = [];
    immutable(secret.type, old.type, Path.root('type'), out);
    if (old.immutable) {
      const detail = 'field is immutable when `immutable` is set';
      if (!secret.immutable) out.push(forbiddenField('immutable', detail));
      if (!semanticEqual(secret.data, old.data, 'data')) out.push(forbiddenField('data', detail));
    }
    out.push(...validateSecret(secret));
    if (out.length === 0) warnOfKeyPair(secret, context);
    return out;
  },
  fields: (secret) => ({ type: secret.type ?? '' }),
};
