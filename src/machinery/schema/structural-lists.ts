/**
 * Uniqueness in lists of type set and map. Upstream: apiextensions apiserver/schema/listtype/validation.go
 */
import { duplicateField, type FieldError, invalidField, type Path } from '../validation/field-error.ts';
import { additionalOf, itemsOf, type JsonSchemaProps, propertyOf } from './structural.ts';

type JsonObject = Record<string, unknown>;
const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);

/** `path` of the object itself; its fields are named below it. */
export function validateLists(path: Path, s: JsonSchemaProps | undefined, value: unknown): FieldError[] {
  if (!s) return [];
  if (Array.isArray(value)) {
    const items = itemsOf(s);
    return [
      ...uniqueness(path, s, value),
      ...(items ? value.flatMap((v, i) => validateLists(path.index(i), items, v)) : []),
    ];
  }
  if (!isObject(value)) return [];
  const errors: FieldError[] = [];
  const additional = additionalOf(s);
  for (const key of Object.keys(value)) {
    const v = value[key];
    if (typeof v !== 'object' || v === null) continue;
    const field = propertyOf(s, key);
    if (field) errors.push(...validateLists(path.child(key), field, v));
    else if (additional) errors.push(...validateLists(path.key(key), additional, v));
  }
  return errors;
}

function uniqueness(path: Path, s: JsonSchemaProps, list: readonly unknown[]): FieldError[] {
  switch (s['x-kubernetes-list-type']) {
    case 'set':
      return repeated(list).map((i) => duplicateField(path.index(i), list[i]));
    case 'map': {
      const odd = list.findIndex((v) => v !== null && !isObject(v));
      if (odd >= 0)
        return [invalidField(path.index(odd), list[odd], 'must be an object for an array of list-type map')];
      const keys = list.map((v) => keyOf(v as JsonObject | null, s['x-kubernetes-list-map-keys'] ?? []));
      return repeated(keys).map((i) => duplicateField(path.index(i), keys[i]));
    }
    default:
      return [];
  }
}

function keyOf(item: JsonObject | null, names: readonly string[]): JsonObject {
  const key: JsonObject = {};
  for (const name of names) if (item && Object.hasOwn(item, name)) key[name] = item[name];
  return key;
}

/** Indices of second occurrences; a value that occurs more often is named once. */
function repeated(values: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  const out: number[] = [];
  values.forEach((value, i) => {
    const id = JSON.stringify(value, sorted);
    const times = (seen.get(id) ?? 0) + 1;
    seen.set(id, times);
    if (times === 2) out.push(i);
  });
  return out;
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}
