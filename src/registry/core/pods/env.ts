/** Rules of environment variables. Upstream: pkg/apis/core/validation/validation.go ValidateEnv, ValidateEnvFrom */
import type { EnvFromSource, EnvVar, FileKeySelector } from '../../../api/core-v1.ts';
import { invalidField, type Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { isConfigMapKey, isDNS1123Subdomain, isRelaxedEnvVarName } from '../../../machinery/validation/names.ts';
import { dnsLabel, type Errors, invalidEach } from '../../validation/values.ts';
import { ENV_FIELDS, validateFieldRef, validateResourceFieldRef } from './projected-volumes.ts';
import { validateNoBacksteps } from './volume-sources.ts';

const SOURCES = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';

export function validateEnv(vars: readonly EnvVar[] | undefined, path: Path, out: Errors): void {
  vars?.forEach((env, i) => {
    const at = path.index(i);
    if (!env.name) out.push(requiredField(at.child('name')));
    else invalidEach(isRelaxedEnvVarName(env.name), at.child('name'), env.name, out);
    if (env.valueFrom) validateValueFrom(env, at.child('valueFrom'), out);
  });
}

function validateValueFrom(env: EnvVar, path: Path, out: Errors): void {
  const from = env.valueFrom!;
  let count = 0;
  if (from.fieldRef) {
    count++;
    validateFieldRef(from.fieldRef, ENV_FIELDS, path.child('fieldRef'), out);
  }
  if (from.resourceFieldRef) {
    count++;
    validateResourceFieldRef(from.resourceFieldRef, false, path.child('resourceFieldRef'), out);
  }
  for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = from[kind];
    if (!ref) continue;
    count++;
    const at = path.child(kind);
    invalidEach(isDNS1123Subdomain(ref.name ?? ''), at.child('name'), ref.name ?? '', out);
    if (!ref.key) out.push(requiredField(at.child('key')));
    else invalidEach(isConfigMapKey(ref.key), at.child('key'), ref.key, out);
  }
  if (from.fileKeyRef) {
    count++;
    validateFileKeyRef(from.fileKeyRef, path.child('fileKeyRef'), out);
  }
  if (count === 0) out.push(invalidField(path, '', `must specify one of: ${SOURCES}`));
  else if (env.value) out.push(invalidField(path, '', 'may not be specified when `value` is not empty'));
  else if (count > 1) out.push(invalidField(path, '', 'may not have more than one field specified at a time'));
}

function validateFileKeyRef(ref: FileKeySelector, path: Path, out: Errors): void {
  if (!ref.key) out.push(requiredField(path.child('key')));
  else invalidEach(isRelaxedEnvVarName(ref.key), path.child('key'), ref.key, out);
  if (!ref.volumeName) out.push(requiredField(path.child('volumeName')));
  else dnsLabel(ref.volumeName, path.child('volumeName'), out);
  if (!ref.path) out.push(requiredField(path.child('path')));
  else validateNoBacksteps(ref.path, path.child('path'), out);
}

export function validateEnvFrom(sources: readonly EnvFromSource[] | undefined, path: Path, out: Errors): void {
  sources?.forEach((from, i) => {
    const at = path.index(i);
    if (from.prefix) invalidEach(isRelaxedEnvVarName(from.prefix), at.child('prefix'), from.prefix, out);
    let count = 0;
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const ref = from[kind];
      if (!ref) continue;
      count++;
      if (!ref.name) out.push(requiredField(at.child(kind, 'name')));
      else invalidEach(isDNS1123Subdomain(ref.name), at.child(kind, 'name'), ref.name, out);
    }
    if (count === 0) out.push(invalidField(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) out.push(invalidField(path, '', 'may not have more than one field specified at a time'));
  });
}
