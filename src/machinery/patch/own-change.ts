/**
 * The update that is most frequent of all: somebody gives other values to fields that are theirs alone (the holder of a Lease, an
 * annotation, a number of replicas). Nobody's set changes, and seeing that takes one walk over what differs, no sets. Called by
 * managed-fields.ts.
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import { type Atom, asMap, atomOf, deduce, type MapAtom, scalarError } from './atom.ts';
import type { FieldSet } from './fieldset.ts';
import { type JsonObject, jsonEqual } from './json-value.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** The sets of one place in the object. */
interface Owners {
  /** Of who writes. */
  own: FieldSet;
  /** Of everybody else, and what nobody may own. */
  others: readonly FieldSet[];
}

/**
 * Something differs between the two, and all that does is a value in place of another one, at a place that `own` has and none of `others`. False
 * wherever it takes more to find out. managedFields are no part of what is compared.
 */
export function changesOnlyOwn(
  live: object,
  next: object,
  owners: Owners,
  schema: Schema,
  source: SchemaSource,
): boolean {
  const walk = new OwnWalk(source);
  return walk.object(atomOf(schema, source).map, live as JsonObject, next as JsonObject, owners) && walk.found;
}

class OwnWalk {
  found = false;
  readonly #source: SchemaSource;

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  object(atom: MapAtom | undefined, live: JsonObject, next: JsonObject, owners: Owners): boolean {
    if (atom === undefined) return false;
    for (const key in next) {
      if (key === 'metadata') {
        if (!this.#metadata(atom, live, next, owners)) return false;
      } else if (!this.#field(atom, key, live, next, owners)) return false;
    }
    return isAllThere(live, next);
  }

  #metadata(atom: MapAtom, live: JsonObject, next: JsonObject, owners: Owners): boolean {
    const before = asMap(live.metadata);
    const after = asMap(next.metadata);
    if (before === after) return true;
    const schema = atom.fields.get('metadata');
    if (before === undefined || after === undefined || schema === undefined) return false;
    const { map } = atomOf(schema, this.#source);
    if (map === undefined) return false;
    let below: Owners | undefined;
    for (const key in after) {
      if (key === 'managedFields' || after[key] === before[key]) continue;
      below ??= descend(owners, 'f:metadata');
      if (below === undefined || !this.#field(map, key, before, after, below)) return false;
    }
    return isAllThere(before, after);
  }

  #field(atom: MapAtom, key: string, live: JsonObject, next: JsonObject, owners: Owners): boolean {
    const after = next[key];
    const before = live[key];
    if (after === before) return true;
    const schema = atom.fields.get(key) ?? atom.element;
    // What comes or goes, null among it, is seen to elsewhere.
    if (!schema || after === undefined || after === null || before === undefined || before === null) return false;
    const element = fieldElement(key);
    const kind = atomOf(schema, this.#source);
    const b = asMap(before);
    const a = asMap(after);
    if (b === undefined || a === undefined) return this.#leaf(kind, element, before, after, owners);
    if (kind.map === undefined) return false;
    if (kind.map.atomic) return this.#leaf(kind, element, b, a, owners);
    const below = descend(owners, element);
    return below === undefined ? jsonEqual(before, after) : this.#members(kind.map, b, a, below);
  }

  #members(atom: MapAtom, live: JsonObject, next: JsonObject, owners: Owners): boolean {
    let members = 0;
    for (const key in next) {
      if (!this.#field(atom, key, live, next, owners)) return false;
      members++;
    }
    // An empty object is a leaf.
    return members > 0 && isAllThere(live, next);
  }

  #leaf(kind: Atom, element: PathElement, before: unknown, after: unknown, { own, others }: Owners): boolean {
    if (jsonEqual(before, after)) return true;
    const l = deduce(kind, before);
    const r = deduce(kind, after);
    if (l.map !== r.map || l.list !== r.list || l.scalar !== r.scalar) return false;
    if (r.list?.associative === true) return false;
    if (r.scalar !== undefined && (scalarError(r.scalar, after) ?? scalarError(r.scalar, before)) !== undefined)
      return false;
    if (!own.members.has(element)) return false;
    for (const other of others) if (other.members.has(element)) return false;
    this.found = true;
    return true;
  }
}

/** Nothing of the one is missing in the other. */
function isAllThere(live: JsonObject, next: JsonObject): boolean {
  for (const key in live) if (live[key] !== undefined && next[key] === undefined) return false;
  return true;
}

function descend({ own, others }: Owners, element: PathElement): Owners | undefined {
  const below = own.children.get(element);
  if (below === undefined) return undefined;
  const rest: FieldSet[] = [];
  for (const other of others) {
    const theirs = other.children.get(element);
    if (theirs !== undefined) rest.push(theirs);
  }
  return { own: below, others: rest };
}
