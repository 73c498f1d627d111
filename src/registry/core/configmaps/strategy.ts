/** Config maps. Upstream: pkg/registry/core/configmap/strategy.go, pkg/apis/core/validation/validation.go ValidateConfigMap */
import { Buffer } from 'node:buffer';
import type { ConfigMap } from '../../../api/core-v1.ts';
import { forbiddenField, invalidField, Path, tooLong } from '../../../machinery/validation/field-error.ts';
import { isConfigMapKey } from '../../../machinery/validation/names.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { byteLength, type Errors, invalidEach } from '../../validation/values.ts';
import { MAX_DATA_SIZE } from '../secrets/strategy.ts';

function validateConfigMap(map: ConfigMap): Errors {
  const out: Errors = [];
  const { data = {}, binaryData = {} } = map;
  let size = 0;
  for (const key in data) {
    const at = Path.root('data').key(key);
    invalidEach(isConfigMapKey(key), at, key, out);
    if (binaryData[key] !== undefined) out.push(invalidField(at, key, 'duplicate of key present in binaryData'));
    size += byteLength(data[key] ?? '');
  }
  for (const key in binaryData) {
    invalidEach(isConfigMapKey(key), Path.root('binaryData').key(key), key, out);
    size += Buffer.byteLength(binaryData[key] ?? '', 'base64');
  }
  if (size > MAX_DATA_SIZE) out.push(tooLong(Path.root(''), MAX_DATA_SIZE));
  return out;
}

export const configMapStrategy: Strategy<ConfigMap> = {
  sharesUnchanged: true,
  allowUnconditionalUpdate: true,
  validate: validateConfigMap,
  validateUpdate(map, old) {
    const out: Errors = [];
    if (old.immutable) {
      const detail = 'field is immutable when `immutable` is set';
      if (!map.immutable) out.push(forbiddenField('immutable', detail));
      for (const field of ['data', 'binaryData'] as const) {
        if (!semanticEqual(map[field], old[field], field)) out.push(forbiddenField(field, detail));
      }
    }
    return [...out, ...validateConfigMap(map)];
  },
};
