/**
 * Ownership of a new object: every field it has beyond what its kind always has, straight in the wire form. The same as comparing it with
 * the empty object (typed.ts) without building sets that nobody will ask. Called by managed-fields.ts for creates.
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import { asList, asMap, atomOf, deduce, elementOf, fieldOf, type ListAtom, type MapAtom, scalarError } from './atom.ts';
import { type FieldsV1, NOTHING, sortElements } from './fieldset.ts';
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

/** Undefined: nothing is owned. `unknown`: the object does not fit its schema, or holds what only sets can tell. */
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

/** A node of the wire form while it is being built: its elements in the order in which they came. */
interface Node {
  elements: PathElement[];
  below: FieldsV1[];
}

class CreatedWalk {
  readonly #source: SchemaSource;

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  root({ empty, object, schema, without }: CreatedOptions): FieldsV1 | undefined {
    const { map } = deduce(atomOf(schema, this.#source), object);
    if (map === undefined || map.atomic) throw new Unfit();
    const node = newNode();
    const left = empty as JsonObject;
    const right = object as JsonObject;
    for (const key in right) {
      if (key === 'apiVersion' || key === 'kind' || without.includes(key)) continue;
      if (key === 'metadata') this.#metadata(node, map, left, right);
      else this.#field(node, map, key, left, right);
    }
    return node.elements.length === 0 ? undefined : written(node, false);
  }

  #metadata(node: Node, map: MapAtom, left: JsonObject, right: JsonObject): void {
    const schema = map.fields.get('metadata');
    const inner = schema && atomOf(schema, this.#source).map;
    if (inner === undefined) throw new Unfit();
    const own = newNode();
    const before = asMap(left.metadata);
    const metadata = asMap(right.metadata) ?? {};
    for (const key in metadata) if (!SYSTEM_FIELDS.has(key)) this.#field(own, inner, key, before, metadata);
    if (own.elements.length > 0) add(node, fieldElement('metadata'), written(own, false));
  }

  #field(node: Node, map: MapAtom, key: string, left: JsonObject | undefined, right: JsonObject): void {
    if (right[key] === ABSENT) return;
    const schema = map.fields.get(key) ?? map.element;
    if (schema === undefined) throw new Unfit();
    const below = this.#compare(fieldOf(left, key, map), fieldOf(right, key, map), schema);
    if (below !== undefined) add(node, fieldElement(key), below);
  }

  /** What is owned at and below a place; undefined when nothing is. */
  #compare(left: unknown, right: unknown, schema: Schema): FieldsV1 | undefined {
    if (left !== ABSENT && jsonEqual(left, right)) return undefined;
    const atom = deduce(atomOf(schema, this.#source), right);
    if (atom.map) return this.#map(atom.map, left, right);
    if (atom.scalar) {
      if (scalarError(atom.scalar, right) !== undefined) throw new Unfit();
      return NOTHING;
    }
    return atom.list ? this.#list(atom.list, left, right) : NOTHING;
  }

  #map(atom: MapAtom, left: unknown, right: unknown): FieldsV1 | undefined {
    const l = asMap(left);
    const r = asMap(right);
    // A value of another kind stood there: sets know what becomes of it.
    if (left !== ABSENT && left !== null && l === undefined) throw new Unfit();
    if (atom.atomic || ((!l || isEmptyObject(l)) && (!r || isEmptyObject(r)))) return NOTHING;
    const node = newNode();
    for (const key in r) this.#field(node, atom, key, l, r);
    return nodeOf(node, left === ABSENT);
  }

  #list(atom: ListAtom, left: unknown, right: unknown): FieldsV1 | undefined {
    const l = asList(left);
    const r = asList(right);
    if (left !== ABSENT && left !== null && l === undefined) throw new Unfit();
    if (!atom.associative || (!l?.length && !r?.length)) return NOTHING;
    // The empty object has no items.
    if (l !== undefined && l.length > 0) throw new Unfit();
    const node = newNode();
    for (const item of r ?? []) {
      const element = this.#elementOf(atom, item);
      // Items that occur several times are one.
      if (node.elements.includes(element)) throw new Unfit();
      const below = this.#compare(ABSENT, item, atom.items);
      if (below !== undefined) add(node, element, below);
    }
    return nodeOf(node, left === ABSENT);
  }

  #elementOf(atom: ListAtom, item: unknown): PathElement {
    try {
      return elementOf(atom, item, this.#source);
    } catch {
      throw new Unfit();
    }
  }
}

const newNode = (): Node => ({ elements: [], below: [] });

function add(node: Node, element: PathElement, below: FieldsV1): void {
  node.elements.push(element);
  node.below.push(below);
}

/** `isNew`: the place itself came with the object, and is owned besides what lies below. */
function nodeOf(node: Node, isNew: boolean): FieldsV1 | undefined {
  if (node.elements.length === 0) return isNew ? NOTHING : undefined;
  return written(node, isNew);
}

function written({ elements, below }: Node, isMember: boolean): FieldsV1 {
  const out: FieldsV1 = {};
  if (isMember) out['.'] = NOTHING;
  const byElement = new Map<PathElement, FieldsV1>();
  for (let i = 0; i < elements.length; i++) byElement.set(elements[i]!, below[i]!);
  sortElements(elements);
  for (const element of elements) out[element] = byElement.get(element)!;
  return out;
}
