/**
 * Whole objects inside custom objects (x-kubernetes-embedded-resource) have a kind, an apiVersion and valid metadata.
 * Upstream: apiextensions apiserver/schema/objectmeta/validation.go
 */
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import { additionalOf, itemsOf, type JsonSchemaProps, propertyOf } from '../../../machinery/schema/structural.ts';
import { type FieldError, invalidField, type Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { isDNS1035Label } from '../../../machinery/validation/names.ts';
import { validateObjectMeta } from '../../../machinery/validation/object-meta.ts';

type JsonObject = Record<string, unknown>;
const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);

export function validateEmbedded(path: Path, value: unknown, s: JsonSchemaProps | undefined): FieldError[] {
  if (!s) return [];
  if (Array.isArray(value)) return value.flatMap((v, i) => validateEmbedded(path.index(i), v, itemsOf(s)));
  if (!isObject(value)) return [];
  const errors = s['x-kubernetes-embedded-resource'] ? wholeObject(path, value) : [];
  const additional = additionalOf(s);
  for (const key of Object.keys(value)) {
    const field = propertyOf(s, key);
    if (field) errors.push(...validateEmbedded(path.child(key), value[key], field));
    else if (additional) errors.push(...validateEmbedded(path.key(key), value[key], additional));
  }
  return errors;
}

function wholeObject(path: Path, object: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['apiVersion', 'kind'] as const) {
    const value = object[name];
    const at = path.child(name);
    if (value === undefined) errors.push(requiredField(at));
    else if (typeof value !== 'string') errors.push(invalidField(at, value, 'must be a string'));
    else if (value === '') errors.push(invalidField(at, value, 'must not be empty'));
    else if (name === 'apiVersion' && value.split('/').length > 2) {
      errors.push(invalidField(at, value, `unexpected GroupVersion string: ${value}`));
    } else if (name === 'kind' && isDNS1035Label(value.toLowerCase()).length > 0) {
      const wrong = isDNS1035Label(value.toLowerCase()).join(',');
      errors.push(invalidField(at, value, `may have mixed case, but should otherwise match: ${wrong}`));
    }
  }
  if (isObject(object.metadata)) {
    const metadata = object.metadata as ObjectMeta;
    const meta: ObjectMeta = { ...metadata, name: metadata.name || 'fakename' };
    errors.push(
      ...validateObjectMeta(
        meta,
        { namespaced: Boolean(metadata.namespace), validateName: pathSegmentErrors },
        path.child('metadata'),
      ),
    );
  }
  return errors;
}

function pathSegmentErrors(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}
