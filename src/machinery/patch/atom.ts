/**
 * The schema as structured merge sees it: a node may be a map, a list or a scalar (or, without a type, any of them), each
 * either one leaf (atomic) or owned piece by piece. Upstream: structured-merge-diff schema/, kube-openapi schemaconv/
 */
import { type ListSchema, resolve, type Schema, type SchemaSource } from '../schema/schema.ts';
import { goValue, goValueStruct } from './go-format.ts';
import { isJsonObject, type JsonObject } from './json-value.ts';
import { keyElement, namedElement, type PathElement, valueElement } from './path-element.ts';
import { isStructField } from './struct-fields.ts';

export interface MapAtom {
  fields: ReadonlyMap<string, Schema>;
  /** Type of keys that are no named field; undefined: such keys are an error. */
  element: Schema | undefined;
  atomic: boolean;
  /** Definition name of a built-in struct. */
  name: string | undefined;
}

export interface ListAtom {
  items: Schema;
  associative: boolean;
  keys: readonly string[];
}

export type ScalarAtom = 'numeric' | 'string' | 'boolean' | 'untyped';

export interface Atom {
  map?: MapAtom;
  list?: ListAtom;
  scalar?: ScalarAtom;
}

const NO_FIELDS: ReadonlyMap<string, Schema> = new Map();
/** Any JSON, owned as one: RawExtension, items of untyped lists. */
const UNTYPED: Schema = Object.freeze({ type: 'any' });
/** Any JSON whose objects are owned key by key: fields that no schema describes. */
const DEDUCED: Schema = Object.freeze({ type: 'any' });

const untypedAtom: Atom = {
  scalar: 'untyped',
  list: { items: UNTYPED, associative: false, keys: [] },
  map: { fields: NO_FIELDS, element: UNTYPED, atomic: true, name: undefined },
};
const deducedAtom: Atom = {
  scalar: 'untyped',
  list: { items: UNTYPED, associative: false, keys: [] },
  map: { fields: NO_FIELDS, element: DEDUCED, atomic: false, name: undefined },
};

const atoms = new WeakMap<Schema, Atom>([
  [UNTYPED, untypedAtom],
  [DEDUCED, deducedAtom],
]);

export function atomOf(schema: Schema, source: SchemaSource): Atom {
  let atom = atoms.get(schema);
  if (!atom) {
    atom = makeAtom(schema, source);
    atoms.set(schema, atom);
  }
  return atom;
}

function makeAtom(schema: Schema, source: SchemaSource): Atom {
  let s = schema;
  let mapType: 'granular' | 'atomic' | undefined;
  while (s.type === 'ref') {
    mapType ??= s.mapType;
    s = source.definition(s.ref);
  }
  switch (s.type) {
    case 'object': {
      const open = s.preserveUnknown === true || s.fields.size === 0;
      const atomic = (mapType ?? s.mapType) === 'atomic';
      return {
        map: { fields: s.fields, element: open ? DEDUCED : undefined, atomic, name: s.name },
      };
    }
    case 'map':
      return {
        map: { fields: NO_FIELDS, element: s.values, atomic: (mapType ?? s.mapType) === 'atomic', name: undefined },
      };
    case 'list':
      return { list: listAtom(s) };
    case 'any':
      // An object of its own kind (RawExtension) belongs to whoever wrote it, whole.
      return s.embedded ? untypedAtom : deducedAtom;
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string':
      return { scalar: s.format === undefined || s.format === '' || s.format === 'byte' ? 'string' : 'untyped' };
  }
}

function listAtom(s: ListSchema): ListAtom {
  if (s.listType === 'set') return { items: s.items, associative: true, keys: [] };
  if (s.listType === 'map') return { items: s.items, associative: true, keys: s.listMapKeys ?? [] };
  if (s.listType === undefined && s.patchStrategy?.startsWith('merge')) {
    return { items: s.items, associative: true, keys: s.patchMergeKey ? [s.patchMergeKey] : [] };
  }
  return { items: s.items, associative: false, keys: [] };
}

/** Narrows an atom to what a value is. Null and undefined fit every shape and leave it as it is. */
export function deduce(atom: Atom, value: unknown): Atom {
  if (value === undefined || value === null) return atom;
  if (Array.isArray(value)) return atom.list ? { list: atom.list } : atom;
  if (typeof value === 'object') return atom.map ? { map: atom.map } : atom;
  return atom.scalar ? { scalar: atom.scalar } : atom;
}

export function sameShape(a: Atom, b: Atom): boolean {
  return a.map === b.map && a.list === b.list && a.scalar === b.scalar;
}

export const asMap = (value: unknown): JsonObject | undefined => (isJsonObject(value) ? value : undefined);
export const asList = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

/**
 * A field of a struct, as Go's typed value answers: in a built-in type a struct that is no pointer is always there, if only
 * empty. `map` undefined (the struct itself is absent): nothing is there.
 */
export function fieldOf(map: JsonObject | undefined, key: string, atom: MapAtom): unknown {
  if (!map) return undefined;
  const value = Object.hasOwn(map, key) ? map[key] : undefined;
  if (value !== undefined || atom.name === undefined) return value;
  return isStructField(atom.name, key) ? EMPTY : undefined;
}
const EMPTY: JsonObject = Object.freeze({});

/** @throws Error in upstream's words when the item has no identity. */
export function elementOf(list: ListAtom, item: unknown, source: SchemaSource): PathElement {
  if (list.keys.length === 0) {
    if (isJsonObject(item)) throw new Error("associative list without keys has an element that's a map type");
    if (Array.isArray(item)) throw new Error('not supported: associative list with lists as elements');
    if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
    return valueElement(item);
  }
  if (item === null) throw new Error('associative list with keys may not have a null element');
  if (!isJsonObject(item)) throw new Error('associative list with keys may not have non-map elements');
  const [only, second] = list.keys;
  if (second === undefined && typeof item[only!] === 'string') return namedElement(only!, item[only!] as string);
  const fields: [string, unknown][] = [];
  for (const key of list.keys) {
    const value = item[key] ?? keyDefault(list, key, source);
    if (value !== undefined) fields.push([key, value]);
  }
  if (fields.length === 0) {
    const keys = list.keys.map((k) => JSON.stringify(k)).join(' ');
    throw new Error(
      `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(fields);
}

function keyDefault(list: ListAtom, key: string, source: SchemaSource): unknown {
  const items = resolve(list.items, source);
  if (items.type !== 'object') return undefined;
  const field = items.fields.get(key);
  if (!field || field.default !== undefined || items.name === undefined || !items.required.has(key))
    return field?.default;
  // Required scalars of built-in types are plain Go values, whose zero value the published schema gives as default.
  const { type } = resolve(field, source);
  return type === 'string' ? '' : type === 'integer' ? 0 : undefined;
}

/** A message when the value is no such scalar. Null is every scalar. */
export function scalarError(atom: ScalarAtom, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const t = typeof value;
  switch (atom) {
    case 'numeric':
      return t === 'number' || t === 'bigint' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return t === 'string' ? undefined : `expected string, got ${goValueStruct(value)}`;
    case 'boolean':
      return t === 'boolean' ? undefined : `expected boolean, got ${goValue(value)}`;
    case 'untyped':
      return t !== 'object' ? undefined : `expected any scalar, got ${goValue(value)}`;
  }
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
}
