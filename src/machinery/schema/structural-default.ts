/**
 * Defaulting of custom objects: defaults of the schema fill absent fields, and nulls where null is not allowed.
 * Upstream: apiextensions apiserver/schema/defaulting/{algorithm,prunenulls}.go
 */
import { additionalOf, itemsOf, type JsonSchemaProps, propertyOf } from './structural.ts';

type JsonObject = Record<string, unknown>;

/** Changes the object in place. Idempotent. */
export function defaultStructural(object: unknown, schema: JsonSchemaProps): void {
  pruneNulls(object, schema);
  fill(object, schema);
}

const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);
const isForbiddenNull = (v: unknown, s: JsonSchemaProps | undefined): boolean =>
  v === null && s !== undefined && s.nullable !== true;

/** Nulls that are not allowed and have no default are taken as absent. */
function pruneNulls(value: unknown, s: JsonSchemaProps | undefined): void {
  if (!s) return;
  if (Array.isArray(value)) {
    const items = itemsOf(s);
    if (items) for (const v of value) pruneNulls(v, items);
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const field = propertyOf(s, key) ?? additionalOf(s);
      if (isForbiddenNull(value[key], field) && (field!.default === undefined || field!.default === null))
        delete value[key];
      else pruneNulls(value[key], field);
    }
  }
}

function fill(value: unknown, s: JsonSchemaProps | undefined): void {
  if (!s || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    const items = itemsOf(s);
    if (!items) return;
    value.forEach((v, i) => {
      if (isForbiddenNull(v, items)) value[i] = copyDefault(items);
      fill(value[i], items);
    });
    return;
  }
  const object = value as JsonObject;
  for (const [key, field] of Object.entries(s.properties ?? {})) {
    if (field.default === undefined || field.default === null) continue;
    if (object[key] === undefined || isForbiddenNull(object[key], field)) object[key] = copyDefault(field);
  }
  const additional = additionalOf(s);
  for (const key of Object.keys(object)) {
    const field = propertyOf(s, key);
    if (field) fill(object[key], field);
    else if (additional) {
      if (isForbiddenNull(object[key], additional)) object[key] = copyDefault(additional);
      fill(object[key], additional);
    }
  }
}

const copyDefault = (s: JsonSchemaProps): unknown => (s.default === undefined ? null : structuredClone(s.default));
