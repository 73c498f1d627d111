/**
 * Defaults inside a schema must themselves be valid and without unknown fields.
 * Upstream: apiextensions apiserver/schema/defaulting/validation.go
 */
import { pruneUnknown } from '../codec/unknown-fields.ts';
import { type FieldError, invalidField, type Path } from '../validation/field-error.ts';
import type { SchemaSource } from './schema.ts';
import { itemsOf, type JsonSchemaProps } from './structural.ts';
import { schemaNodeOf } from './structural-schema.ts';
import { validateStructural } from './structural-validate.ts';

export function validateDefaults(path: Path, s: JsonSchemaProps, source: SchemaSource): FieldError[] {
  const errors: FieldError[] = [];
  if (s.default !== undefined && s.default !== null) {
    const at = path.child('default');
    const copy = structuredClone(s.default);
    if (pruneUnknown(copy, schemaNodeOf(s), source).length > 0) {
      errors.push(invalidField(at, s.default, 'must not have unknown fields'));
    }
    errors.push(...validateStructural(s.default, s, at.toString()));
  }
  const items = itemsOf(s);
  if (items) errors.push(...validateDefaults(path.child('items'), items, source));
  for (const [name, p] of Object.entries(s.properties ?? {})) {
    errors.push(...validateDefaults(path.child('properties').key(name), p, source));
  }
  return errors;
}
