/**
 * Structured merge over our schema: what a value holds (toFieldSet), how two values differ (compareTyped), and whether a
 * value fits at all (validateTyped). Pure; the other half is typed-merge.ts. Upstream: structured-merge-diff typed/
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import {
  type Atom,
  asList,
  asMap,
  atomOf,
  deduce,
  elementOf,
  fieldOf,
  type ListAtom,
  type MapAtom,
  sameShape,
  scalarError,
} from './atom.ts';
import { FieldSet } from './fieldset.ts';
import { goValue } from './go-format.ts';
import { isEmptyObject, isJsonObject, type JsonObject, jsonEqual } from './json-value.ts';
import { fieldElement, type PathElement, pathText } from './path-element.ts';

/** A value does not fit its schema. One line a fault, each with its path. */
export class TypedError extends Error {
  constructor(faults: readonly string[]) {
    super(faults.length === 1 ? faults[0]! : ['errors:', ...faults.map((f) => `  ${f}`)].join('\n'));
    this.name = 'TypedError';
  }
}

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

const ABSENT = undefined;

/** How `next` differs from `live`. @throws TypedError when a list item has no identity. */
export function compareTyped(live: unknown, next: unknown, schema: Schema, source: SchemaSource): Comparison {
  const walk = new CompareWalk(source);
  walk.compare(live, next, schema);
  if (walk.faults.length > 0) throw new TypedError(walk.faults);
  return { added: walk.added, modified: walk.modified, removed: walk.removed };
}

class CompareWalk {
  readonly added = new FieldSet();
  readonly modified = new FieldSet();
  readonly removed = new FieldSet();
  readonly faults: string[] = [];
  readonly #path: PathElement[] = [];
  readonly #source: SchemaSource;

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  compare(left: unknown, right: unknown, schema: Schema): void {
    // Most of an object is what it was: seeing that is far cheaper than walking it with the schema.
    if (left !== ABSENT && jsonEqual(left, right)) return;
    const atom = atomOf(schema, this.#source);
    const l = deduce(atom, left);
    const r = deduce(atom, right);
    let leaf: boolean;
    if (right === ABSENT) leaf = this.#handle(l, left, right);
    else if (left === ABSENT || sameShape(l, r)) leaf = this.#handle(r, left, right);
    else {
      this.#handle(l, left, right);
      leaf = this.#handle(r, left, right);
    }
    if (leaf) return;
    if (left === ABSENT) this.added.insert(this.#path);
    else if (right === ABSENT) this.removed.insert(this.#path);
  }

  #handle(atom: Atom, left: unknown, right: unknown): boolean {
    if (atom.map) return this.#map(atom.map, left, right);
    if (atom.scalar) {
      const lf = scalarError(atom.scalar, left);
      const rf = scalarError(atom.scalar, right);
      if (lf !== undefined && rf !== undefined) {
        this.faults.push(`${pathText(this.#path)}: lhs: ${lf}`, `${pathText(this.#path)}: rhs: ${rf}`);
        return false;
      }
      return this.#leaf(left, right);
    }
    return atom.list ? this.#list(atom.list, left, right) : false;
  }

  #leaf(left: unknown, right: unknown): true {
    if (left === ABSENT) this.added.insert(this.#path);
    else if (right === ABSENT) this.removed.insert(this.#path);
    else if (!jsonEqual(left, right)) this.modified.insert(this.#path);
    return true;
  }

  #map(atom: MapAtom, left: unknown, right: unknown): boolean {
    const l = asMap(left);
    const r = asMap(right);
    // Both empty: a leaf, so that null and {} stay different.
    if (atom.atomic || ((!l || isEmptyObject(l)) && (!r || isEmptyObject(r)))) return this.#leaf(left, right);
    // Not Object.keys: it makes a list of each of the many objects.
    if (l) for (const key in l) if (l[key] !== ABSENT) this.#field(atom, key, l, r);
    if (r) for (const key in r) if (r[key] !== ABSENT && l?.[key] === ABSENT) this.#field(atom, key, l, r);
    return false;
  }

  #field(atom: MapAtom, key: string, l: JsonObject | undefined, r: JsonObject | undefined): void {
    const schema = atom.fields.get(key) ?? atom.element;
    if (!schema) {
      this.faults.push(`${pathText(this.#path)}.${key}: field not declared in schema`);
      return;
    }
    this.#path.push(fieldElement(key));
    this.compare(fieldOf(l, key, atom), fieldOf(r, key, atom), schema);
    this.#path.pop();
  }

  #list(atom: ListAtom, left: unknown, right: unknown): boolean {
    const l = asList(left);
    const r = asList(right);
    if (!atom.associative || (!l?.length && !r?.length)) return this.#leaf(left, right);
    const ls = this.#index(atom, l);
    const rs = this.#index(atom, r);
    for (const [element, items] of ls) this.#items(atom, element, items, rs.get(element) ?? NONE);
    for (const [element, items] of rs) if (!ls.has(element)) this.#items(atom, element, NONE, items);
    return false;
  }

  /** Items that occur several times are one value: whole when they stay, a marker when they come or go. */
  #items(atom: ListAtom, element: PathElement, l: readonly unknown[], r: readonly unknown[]): void {
    const descend = (left: unknown, right: unknown): void => this.compare(left, right, atom.items);
    this.#path.push(element);
    if (l.length <= 1 && r.length <= 1) {
      descend(l[0], r[0]);
    } else if (l.length >= 2 && r.length >= 2) {
      if (!jsonEqual(l, r)) this.modified.insert(this.#path);
    } else if (l.length >= 2) {
      if (r.length > 0) descend(ABSENT, r[0]);
      this.removed.insert(this.#path);
    } else {
      if (l.length > 0) descend(l[0], ABSENT);
      this.added.insert(this.#path);
    }
    this.#path.pop();
  }

  #index(atom: ListAtom, list: readonly unknown[] | undefined): Map<PathElement, unknown[]> {
    const out = new Map<PathElement, unknown[]>();
    list?.forEach((item, i) => {
      try {
        const element = elementOf(atom, item, this.#source);
        const same = out.get(element);
        if (same) same.push(item);
        else out.set(element, [item]);
      } catch (err) {
        this.faults.push(`${pathText(this.#path)}: element ${i}: ${(err as Error).message}`);
      }
    });
    return out;
  }
}

const NONE: readonly unknown[] = [];

/** Every leaf and every list item that the value holds. */
export function toFieldSet(value: unknown, schema: Schema, source: SchemaSource): FieldSet {
  const set = new FieldSet();
  const path: PathElement[] = [];
  const visit = (v: unknown, s: Schema): void => {
    const atom = deduce(atomOf(s, source), v);
    if (atom.map) {
      if (atom.map.atomic) set.insert(path);
      else if (isJsonObject(v)) visitMap(v, atom.map);
    } else if (atom.scalar) {
      set.insert(path);
    } else if (atom.list) {
      if (!atom.list.associative) set.insert(path);
      else if (Array.isArray(v)) visitList(v, atom.list);
    }
  };
  const visitMap = (v: JsonObject, atom: MapAtom): void => {
    for (const key of Object.keys(v)) {
      const named = atom.fields.get(key);
      const s = named ?? atom.element;
      const child = v[key];
      if (child === ABSENT) continue;
      path.push(fieldElement(key));
      if (s) visit(child, s);
      if (child === null || isEmptyObject(child) || !named) set.insert(path);
      path.pop();
    }
  };
  const visitList = (list: readonly unknown[], atom: ListAtom): void => {
    const elements = list.map((item) => identity(atom, item, source));
    const seen = new Set<PathElement>();
    const repeated = new Set<PathElement>();
    for (const e of elements) {
      if (e === undefined) continue;
      if (seen.has(e)) repeated.add(e);
      seen.add(e);
    }
    list.forEach((item, i) => {
      const element = elements[i];
      if (element === undefined) return;
      path.push(element);
      if (!repeated.has(element)) visit(item, atom.items);
      set.insert(path);
      path.pop();
    });
  };
  visit(value, schema);
  return set;
}

function identity(atom: ListAtom, item: unknown, source: SchemaSource): PathElement | undefined {
  try {
    return elementOf(atom, item, source);
  } catch {
    return undefined;
  }
}

/** @throws TypedError with every place where the value does not fit. Live objects may hold repeated list items, applied ones not. */
export function validateTyped(
  value: unknown,
  schema: Schema,
  source: SchemaSource,
  options: { allowDuplicates?: boolean } = {},
): void {
  const faults: string[] = [];
  const path: PathElement[] = [];
  const fault = (message: string): void => {
    faults.push(path.length === 0 ? message : `${pathText(path)}: ${message}`);
  };
  const visit = (v: unknown, s: Schema): void => {
    const atom = deduce(atomOf(s, source), v);
    if (v === null || v === ABSENT) return;
    if (atom.map) {
      if (isJsonObject(v)) visitMap(v, atom.map);
      else fault(`expected map, got ${goValue(v)}`);
    } else if (atom.scalar) {
      const message = scalarError(atom.scalar, v);
      if (message !== undefined) fault(message);
    } else if (atom.list) {
      if (Array.isArray(v)) visitList(v, atom.list);
      else fault(`expected list, got ${goValue(v)}`);
    }
  };
  const visitMap = (v: JsonObject, atom: MapAtom): void => {
    for (const key of Object.keys(v)) {
      const s = atom.fields.get(key) ?? atom.element;
      path.push(fieldElement(key));
      if (s) visit(v[key], s);
      else fault('field not declared in schema');
      path.pop();
      if (!s) return;
    }
  };
  const visitList = (list: readonly unknown[], atom: ListAtom): void => {
    const seen = new Set<PathElement>();
    for (const [i, item] of list.entries()) {
      let element: PathElement = `i:${i}`;
      if (atom.associative) {
        try {
          element = elementOf(atom, item, source);
        } catch (err) {
          fault(`element ${i}: ${(err as Error).message}`);
          return;
        }
        if (seen.has(element) && !options.allowDuplicates) fault(`duplicate entries for key ${pathText([element])}`);
        seen.add(element);
      }
      path.push(element);
      visit(item, atom.items);
      path.pop();
    }
  };
  visit(value, schema);
  if (faults.length > 0) throw new TypedError(faults);
}
