/**
 * A set of fields, as managedFields hold them: a tree in which each node says which of its elements are members and which
 * have members below. Values are immutable once they leave the function that built them.
 * Upstream: structured-merge-diff fieldpath/set.go
 */
import { comparePathElements, fieldElement, type PathElement, parsePathElement } from './path-element.ts';

export type FieldPath = readonly PathElement[];
const NOTHING: FieldsV1 = Object.freeze({});

/** FieldsV1 of the wire: `{"f:spec":{"f:replicas":{}}}`; `.` marks a node that has children as a member itself. */
export interface FieldsV1 {
  [key: string]: FieldsV1;
}

export class FieldSet {
  readonly members: Set<PathElement>;
  readonly children: Map<PathElement, FieldSet>;
  #written: FieldsV1 | undefined;

  constructor(members = new Set<PathElement>(), children = new Map<PathElement, FieldSet>()) {
    this.members = members;
    this.children = children;
  }

  /** Of paths of plain field names: `FieldSet.ofFields(['spec','replicas'], ['status'])`. */
  static ofFields(...paths: readonly (readonly string[])[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path.map(fieldElement));
    return set;
  }

  /** @throws Error when this is no FieldsV1. */
  static parse(fields: unknown): FieldSet {
    return read(fields).set ?? new FieldSet();
  }

  /** Only for the builder of the set. The empty path (the whole object) is not tracked. */
  insert(path: FieldPath): void {
    this.#written = undefined;
    let node: FieldSet = this;
    const last = path.length - 1;
    if (last < 0) return;
    for (let i = 0; i < last; i++) node = node.#descend(path[i]!);
    node.members.add(path[last]!);
  }

  #descend(element: PathElement): FieldSet {
    let child = this.children.get(element);
    if (!child) {
      child = new FieldSet();
      this.children.set(element, child);
    }
    return child;
  }

  isEmpty(): boolean {
    if (this.members.size > 0) return false;
    for (const child of this.children.values()) if (!child.isEmpty()) return false;
    return true;
  }

  has(path: FieldPath): boolean {
    let node: FieldSet | undefined = this;
    for (let i = 0; i < path.length - 1; i++) {
      node = node.children.get(path[i]!);
      if (!node) return false;
    }
    return path.length > 0 && node.members.has(path[path.length - 1]!);
  }

  /** What lies below one element; undefined when nothing does. */
  withPrefix(element: PathElement): FieldSet | undefined {
    return this.children.get(element);
  }

  union(other: FieldSet): FieldSet {
    if (other.isEmpty()) return this;
    if (this.isEmpty()) return other;
    const children = new Map(this.children);
    for (const [element, theirs] of other.children) {
      const ours = children.get(element);
      children.set(element, ours ? ours.union(theirs) : theirs);
    }
    return new FieldSet(this.members.union(other.members), children);
  }

  intersection(other: FieldSet): FieldSet {
    if (other.isEmpty()) return other;
    const children = new Map<PathElement, FieldSet>();
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      const both = theirs && ours.intersection(theirs);
      if (both && !both.isEmpty()) children.set(element, both);
    }
    return new FieldSet(this.members.intersection(other.members), children);
  }

  /** Members of this that are not members of the other; a parent in the other does not remove its children. */
  difference(other: FieldSet): FieldSet {
    if (other.isEmpty()) return this;
    const children = new Map<PathElement, FieldSet>();
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      const rest = theirs ? ours.difference(theirs) : ours;
      if (!theirs || !rest.isEmpty()) children.set(element, rest);
    }
    return new FieldSet(this.members.difference(other.members), children);
  }

  /** As `difference`, but a member of the other also removes everything below it. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (other.isEmpty()) return this;
    const children = new Map<PathElement, FieldSet>();
    for (const [element, ours] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      const rest = theirs ? ours.recursiveDifference(theirs) : ours;
      if (!theirs || !rest.isEmpty()) children.set(element, rest);
    }
    return new FieldSet(this.members.difference(other.members), children);
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty() && other.difference(this).isEmpty();
  }

  /** Every member, in upstream's order: the members of a node before what lies below it. */
  *paths(prefix: FieldPath = []): Generator<FieldPath> {
    for (const element of [...this.members].sort(comparePathElements)) yield [...prefix, element];
    for (const [element, child] of [...this.children].sort(([a], [b]) => comparePathElements(a, b))) {
      yield* child.paths([...prefix, element]);
    }
  }

  /** The wire form in canonical order. */
  toFieldsV1(): FieldsV1 {
    this.#written ??= this.#write(false);
    return this.#written;
  }

  #write(includeSelf: boolean): FieldsV1 {
    const out: FieldsV1 = {};
    if (includeSelf && (this.members.size > 0 || this.children.size > 0)) out['.'] = NOTHING;
    const elements = this.children.size === 0 ? [...this.members] : [...this.members.union(this.children)];
    if (elements.length > 1) elements.sort(comparePathElements);
    for (const element of elements) {
      const child = this.children.get(element);
      out[element] = child ? child.#write(this.members.has(element)) : NOTHING;
    }
    return out;
  }
}

function read(fields: unknown): { set: FieldSet | undefined; member: boolean } {
  if (fields === null || fields === undefined) return { set: undefined, member: true };
  if (typeof fields !== 'object' || Array.isArray(fields)) throw new Error('ReadMapCB: expect { or n');
  let set: FieldSet | undefined;
  let member = false;
  for (const key of Object.keys(fields)) {
    if (key === '.') {
      member = true;
      continue;
    }
    const element = parsePathElement(key);
    if (element === undefined) continue;
    const below = read((fields as Record<string, unknown>)[key]);
    set ??= new FieldSet();
    if (below.member) set.members.add(element);
    if (below.set) set.children.set(element, below.set);
  }
  return { set, member: member || set === undefined };
}
