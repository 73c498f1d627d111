/**
 * The constructive half of structured merge: lay an applied configuration over the live object, take fields out again, and
 * keep only given fields. Inputs are never mutated; unchanged subtrees are shared. Upstream: structured-merge-diff typed/
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import { type Atom, asList, asMap, atomOf, deduce, elementOf, type ListAtom, type MapAtom, sameShape } from './atom.ts';
import { FieldSet } from './fieldset.ts';
import { isEmptyObject, isJsonObject, type JsonObject, jsonEqual, setOwn } from './json-value.ts';
import { fieldElement, type PathElement, pathText } from './path-element.ts';
import { TypedError, toFieldSet } from './typed.ts';

const ABSENT = undefined;

/**
 * `live` with every leaf of `config` set. Nothing is removed. List items keep the order of the live object, changed lists
 * the order of the configuration with the others in between. @throws TypedError
 */
export function mergeTyped(live: unknown, config: unknown, schema: Schema, source: SchemaSource): unknown {
  const walk = new MergeWalk(source);
  const out = walk.merge(live, config, schema);
  if (walk.faults.length > 0) throw new TypedError(walk.faults);
  return out;
}

class MergeWalk {
  readonly faults: string[] = [];
  readonly #path: PathElement[] = [];
  readonly #source: SchemaSource;

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  merge(left: unknown, right: unknown, schema: Schema): unknown {
    if (right === ABSENT) return left;
    const atom = atomOf(schema, this.#source);
    const l = deduce(atom, left);
    const r = deduce(atom, right);
    if (left === ABSENT || sameShape(l, r)) return this.#handle(r, left, right);
    this.#handle(l, left, right);
    return this.#handle(r, left, right);
  }

  #handle(atom: Atom, left: unknown, right: unknown): unknown {
    if (atom.map) return this.#map(atom.map, left, right);
    if (atom.scalar || !atom.list) return right;
    return this.#list(atom.list, left, right);
  }

  #map(atom: MapAtom, left: unknown, right: unknown): unknown {
    const l = asMap(left);
    const r = asMap(right);
    if (atom.atomic || ((!l || isEmptyObject(l)) && (!r || isEmptyObject(r)))) return unlessEqual(left, right);
    let out: JsonObject | undefined;
    for (const key of Object.keys(r ?? {})) {
      const schema = atom.fields.get(key) ?? atom.element;
      if (!schema) {
        this.faults.push(`${pathText(this.#path)}.${key}: field not declared in schema`);
        continue;
      }
      this.#path.push(fieldElement(key));
      const before = l && Object.hasOwn(l, key) ? l[key] : ABSENT;
      const value = this.merge(before, r![key], schema);
      this.#path.pop();
      if (value === ABSENT || value === before) continue;
      out ??= { ...l };
      setOwn(out, key, value);
    }
    const merged = out ?? l;
    return merged === undefined || isEmptyObject(merged) ? ABSENT : merged;
  }

  #list(atom: ListAtom, left: unknown, right: unknown): unknown {
    const l = asList(left) ?? [];
    const r = asList(right) ?? [];
    if (!atom.associative || (l.length === 0 && r.length === 0)) return unlessEqual(left, right);
    const rs = this.#index(atom, r, false);
    const ls = this.#index(atom, l, true);
    if (this.faults.length > 0) return right;
    const out = this.#interleave(atom, l, ls, rs);
    if (out.length === 0) return ABSENT;
    return out.length === l.length && out.every((item, i) => item === l[i]) ? left : out;
  }

  /** Walks both lists at once. `shared`: items of both, in the order of the configuration; that order wins. */
  #interleave(atom: ListAtom, l: readonly unknown[], ls: Indexed, rs: Indexed): unknown[] {
    const out: unknown[] = [];
    const push = (element: PathElement, left: unknown, right: unknown): void => {
      this.#path.push(element);
      const value = this.merge(left, right, atom.items);
      this.#path.pop();
      if (value !== ABSENT) out.push(value);
    };
    const shared = rs.elements.filter((e) => ls.items.has(e));
    let next = 0;
    const merged = new Set<PathElement>();
    let li = 0;
    let ri = 0;
    while (li < ls.elements.length || ri < rs.elements.length) {
      if (li < ls.elements.length && ri < rs.elements.length) {
        const e = ls.elements[li]!;
        if (e === rs.elements[ri]) {
          merged.add(e);
          push(e, ls.items.get(e), rs.items.get(e));
          li++;
          ri++;
          next++;
          continue;
        }
        if (rs.items.has(e) && next < shared.length && shared[next] !== e) {
          li++;
          continue;
        }
      }
      if (li < ls.elements.length) {
        const e = ls.elements[li]!;
        if (!rs.items.has(e)) {
          push(e, l[li], ABSENT);
          li++;
          continue;
        }
        if (merged.has(e)) li++;
      }
      if (ri < rs.elements.length) {
        const e = rs.elements[ri]!;
        merged.add(e);
        push(e, ls.items.get(e), rs.items.get(e));
        ri++;
        if (next < shared.length && shared[next] === e) next++;
      }
    }
    return out;
  }

  #index(atom: ListAtom, list: readonly unknown[], allowDuplicates: boolean): Indexed {
    const elements: PathElement[] = [];
    const items = new Map<PathElement, unknown>();
    list.forEach((item, i) => {
      let element: PathElement;
      try {
        element = elementOf(atom, item, this.#source);
      } catch (err) {
        this.faults.push(`${pathText(this.#path)}: element ${i}: ${(err as Error).message}`);
        return;
      }
      if (!items.has(element)) items.set(element, item);
      else if (allowDuplicates) items.set(element, null);
      else {
        this.faults.push(`${pathText(this.#path)}: duplicate entries for key ${pathText([element])}`);
        return;
      }
      elements.push(element);
    });
    return { elements, items };
  }
}

/** What is equal stays what it was: all that compares afterwards sees it at once. */
const unlessEqual = (left: unknown, right: unknown): unknown =>
  left !== ABSENT && jsonEqual(left, right) ? left : right;

interface Indexed {
  elements: PathElement[];
  /** Items that occur more than once are null: they are not merged with, but replaced. */
  items: Map<PathElement, unknown>;
}

/** The value without the fields and items of the set. A container that had something taken out of it stays, if only empty. */
export function removeItems(value: unknown, remove: FieldSet, schema: Schema, source: SchemaSource): unknown {
  const atom = deduce(atomOf(schema, source), value);
  if (atom.map) {
    const map = asMap(value);
    if (!map || isEmptyObject(map) || atom.map.atomic) return null;
    let matched = false;
    const out: JsonObject = {};
    for (const key of Object.keys(map)) {
      const element = fieldElement(key);
      if (remove.members.has(element)) continue;
      const below = below_(remove, element);
      if (below) matched = true;
      setOwn(
        out,
        key,
        below ? removeBelow(map[key], below, atom.map.fields.get(key) ?? atom.map.element, source) : map[key],
      );
    }
    return isEmptyObject(out) && !matched ? null : out;
  }
  if (atom.scalar || !atom.list) return value;
  const list = asList(value);
  if (!list || list.length === 0 || !atom.list.associative) return null;
  let matched = false;
  const out: unknown[] = [];
  for (const item of list) {
    const element = tryElement(atom.list, item, source);
    if (element !== undefined && remove.members.has(element)) continue;
    const below = element === undefined ? undefined : below_(remove, element);
    if (below) matched = true;
    out.push(below ? removeBelow(item, below, atom.list.items, source) : item);
  }
  return out.length > 0 || matched ? out : null;
}

function removeBelow(value: unknown, below: FieldSet, schema: Schema | undefined, source: SchemaSource): unknown {
  if (!schema) return value;
  const out = removeItems(value, below, schema, source);
  if (out !== null) return out;
  return isJsonObject(value) ? {} : Array.isArray(value) ? [] : null;
}

function below_(set: FieldSet, element: PathElement): FieldSet | undefined {
  const below = set.withPrefix(element);
  return below && !below.isEmpty() ? below : undefined;
}

function tryElement(atom: ListAtom, item: unknown, source: SchemaSource): PathElement | undefined {
  try {
    return elementOf(atom, item, source);
  } catch {
    return undefined;
  }
}

/** Only what the set names: what one manager owns of an object. Keys of list items come along. */
export function extractItems(value: unknown, keep: FieldSet, schema: Schema, source: SchemaSource): unknown {
  const present = toFieldSet(value, schema, source);
  const keys = new FieldSet();
  for (const path of keep.paths()) {
    if (!present.has(path)) continue;
    path.forEach((element, i) => {
      if (!element.startsWith('k:')) return;
      for (const name of Object.keys(JSON.parse(element.slice(2)) as JsonObject))
        keys.insert([...path.slice(0, i + 1), fieldElement(name)]);
    });
  }
  return extract(value, keep.union(keys), schema, source);
}

function extract(value: unknown, keep: FieldSet, schema: Schema, source: SchemaSource): unknown {
  const atom = deduce(atomOf(schema, source), value);
  if (atom.map) {
    const map = asMap(value);
    if (!map || isEmptyObject(map) || atom.map.atomic) return value;
    const out: JsonObject = {};
    for (const key of Object.keys(map)) {
      const element = fieldElement(key);
      const s = atom.map.fields.get(key) ?? atom.map.element;
      const below = below_(keep, element);
      if (!s) continue;
      if (below) setOwn(out, key, extract(map[key], below, s, source));
      else if (keep.members.has(element))
        setOwn(
          out,
          key,
          isJsonObject(map[key]) || Array.isArray(map[key]) ? extract(map[key], NONE, s, source) : map[key],
        );
    }
    return isEmptyObject(out) ? null : out;
  }
  if (atom.scalar || !atom.list) return value;
  const list = asList(value);
  if (!list || list.length === 0 || !atom.list.associative) return value;
  const out: unknown[] = [];
  for (const item of list) {
    const element = tryElement(atom.list, item, source);
    if (element === undefined) continue;
    const below = below_(keep, element);
    if (below) out.push(extract(item, below, atom.list.items, source));
    else if (keep.members.has(element)) out.push(item);
  }
  return out.length > 0 ? out : null;
}

const NONE = new FieldSet();

/** The set with every named field on the way to a member made a member: `a` of `a.b.c`, not list items or map keys. */
export function ensureNamedFieldsAreMembers(set: FieldSet, schema: Schema | undefined, source: SchemaSource): FieldSet {
  const atom = schema && atomOf(schema, source);
  const members = new Set(set.members);
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    let below: Schema | undefined;
    if (element.startsWith('f:') && atom?.map) {
      const named = atom.map.fields.get(element.slice(2));
      if (named) members.add(element);
      below = named ?? atom.map.element;
    } else if (element.startsWith('k:') && atom?.list) {
      below = atom.list.items;
    }
    children.set(element, ensureNamedFieldsAreMembers(child, below, source));
  }
  return new FieldSet(members, children);
}
