/**
 * Ownership of a new object: every field it has beyond what its kind always has, straight in the wire form. The same as comparing it with
 * the empty object (typed.ts) without building sets that nobody will ask. Called by managed-fields.ts for creates.
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import {
  asList,
  asMap,
  atomOf,
  deduce,
  elementOf,
  fieldOf,
  type ListAtom,
  type MapAtom,
  type ScalarAtom,
  scalarError,
} from './atom.ts';
import { emptyShape, type Shape } from './field-forms.ts';
import { type FieldsV1, NOTHING } from './fieldset.ts';
import { isEmptyObject, type JsonObject, jsonEqual } from './json-value.ts';
import { fieldElement, type PathElement } from './path-element.ts';
import { SYSTEM_FIELDS } from './system-fields.ts';

export interface CreatedOptions {
  /** An object of the kind with nothing set. */
  empty: object;
  object: object;
  schema: Schema;
  source: SchemaSource;
  /** Outermost fields that nobody owns through this door. */
  without: readonly string[];
}

/** The form is shared and frozen. Undefined: nothing is owned. `unknown`: the object does not fit its schema, or holds what only sets can tell. */
export function createdFields(options: CreatedOptions): FieldsV1 | undefined | 'unknown' {
  const walk = new CreatedWalk(options.source);
  try {
    return walk.root(options);
  } catch (err) {
    if (err instanceof Unfit) return 'unknown';
    throw err;
  }
}

class Unfit extends Error {}

const ABSENT = undefined;

class CreatedWalk {
  readonly #source: SchemaSource;

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  root({ empty, object, schema, without }: CreatedOptions): FieldsV1 | undefined {
    const { map } = deduce(atomOf(schema, this.#source), object);
    if (map === undefined || map.atomic) throw new Unfit();
    let shape = emptyShape(map);
    const left = empty as JsonObject;
    const right = object as JsonObject;
    for (const key in right) {
      if (key === 'apiVersion' || key === 'kind' || without.includes(key)) continue;
      if (key === 'metadata') shape = this.#metadata(shape, map, left, right);
      else shape = this.#field(shape, map, key, left, right);
    }
    return shape.isEmpty ? undefined : shape.form(false);
  }

  #metadata(shape: Shape, map: MapAtom, left: JsonObject, right: JsonObject): Shape {
    const schema = map.fields.get('metadata');
    const inner = schema && atomOf(schema, this.#source).map;
    if (inner === undefined) throw new Unfit();
    let own = emptyShape(inner);
    const before = asMap(left.metadata);
    const metadata = asMap(right.metadata) ?? {};
    for (const key in metadata) if (!SYSTEM_FIELDS.has(key)) own = this.#field(own, inner, key, before, metadata);
    return own.isEmpty ? shape : withField(shape, 'metadata', own.form(false));
  }

  #field(shape: Shape, map: MapAtom, key: string, left: JsonObject | undefined, right: JsonObject): Shape {
    if (right[key] === ABSENT) return shape;
    const schema = map.fields.get(key) ?? map.element;
    if (schema === undefined) throw new Unfit();
    const below = this.#compare(fieldOf(left, key, map), fieldOf(right, key, map), schema);
    return below === undefined ? shape : withField(shape, key, below);
  }

  /** What is owned at and below a place; undefined when nothing is. */
  #compare(left: unknown, right: unknown, schema: Schema): FieldsV1 | undefined {
    if (left !== ABSENT && jsonEqual(left, right)) return undefined;
    const { map, list, scalar } = atomOf(schema, this.#source);
    // As `deduce` narrows it, which would make an object of every field.
    if (Array.isArray(right)) {
      if (list) return this.#list(list, left, right);
    } else if (typeof right === 'object' && right !== null) {
      if (map) return this.#map(map, left, right);
    } else if (scalar && right !== null) return scalarForm(scalar, right);
    if (map) return this.#map(map, left, right);
    if (scalar) return scalarForm(scalar, right);
    return list ? this.#list(list, left, right) : NOTHING;
  }

  #map(atom: MapAtom, left: unknown, right: unknown): FieldsV1 | undefined {
    const l = asMap(left);
    const r = asMap(right);
    // A value of another kind stood there: sets know what becomes of it.
    if (left !== ABSENT && left !== null && l === undefined) throw new Unfit();
    if (atom.atomic || ((!l || isEmptyObject(l)) && (!r || isEmptyObject(r)))) return NOTHING;
    let shape = emptyShape(atom);
    for (const key in r) shape = this.#field(shape, atom, key, l, r);
    return formOf(shape, left === ABSENT);
  }

  #list(atom: ListAtom, left: unknown, right: unknown): FieldsV1 | undefined {
    const l = asList(left);
    const r = asList(right);
    if (left !== ABSENT && left !== null && l === undefined) throw new Unfit();
    if (!atom.associative || (!l?.length && !r?.length)) return NOTHING;
    // The empty object has no items.
    if (l !== undefined && l.length > 0) throw new Unfit();
    let shape = emptyShape(atom);
    for (const item of r ?? []) {
      const below = this.#compare(ABSENT, item, atom.items);
      if (below !== undefined) shape = this.#withItem(shape, atom, item, below);
    }
    // Items that occur several times are one.
    if (shape.repeats) throw new Unfit();
    return formOf(shape, left === ABSENT);
  }

  #withItem(shape: Shape, atom: ListAtom, item: unknown, below: FieldsV1): Shape {
    const name = nameOf(atom, item);
    const key = name ?? this.#elementOf(atom, item);
    return shape.step(key, below) ?? shape.add(key, name === undefined ? key : this.#elementOf(atom, item), below);
  }

  #elementOf(atom: ListAtom, item: unknown): PathElement {
    try {
      return elementOf(atom, item, this.#source);
    } catch {
      throw new Unfit();
    }
  }
}

function scalarForm(scalar: ScalarAtom, value: unknown): FieldsV1 {
  if (scalarError(scalar, value) !== undefined) throw new Unfit();
  return NOTHING;
}

function withField(shape: Shape, key: string, below: FieldsV1): Shape {
  return shape.step(key, below) ?? shape.add(key, fieldElement(key), below);
}

/** What tells an item from others of its list in one string, so that its element need not be spelled; no element begins like it. */
function nameOf(atom: ListAtom, item: unknown): string | undefined {
  const [key, second] = atom.keys;
  if (second !== undefined) return undefined;
  const name = key === undefined ? item : asMap(item)?.[key];
  return typeof name === 'string' && name[1] !== ':' ? name : undefined;
}

/** `isNew`: the place itself came with the object, and is owned besides what lies below. */
function formOf(shape: Shape, isNew: boolean): FieldsV1 | undefined {
  return shape.isEmpty ? (isNew ? NOTHING : undefined) : shape.form(isNew);
}
