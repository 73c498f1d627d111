/**
 * A set of fields, as managedFields hold them: a tree in which each node says which of its elements are members and which
 * have members below. Values are immutable once they leave the function that built them.
 * Upstream: structured-merge-diff fieldpath/set.go
 */
import type { Schema } from '../schema/schema.ts';
import { comparePathElements, fieldElement, type PathElement, parsePathElement } from './path-element.ts';

export type FieldPath = readonly PathElement[];
/** A place with nothing below it. */
export const NOTHING: FieldsV1 = Object.freeze({});

/** FieldsV1 of the wire: `{"f:spec":{"f:replicas":{}}}`; `.` marks a node that has children as a member itself. */
export interface FieldsV1 {
  [key: string]: FieldsV1;
}

export class FieldSet {
  readonly members: Set<PathElement>;
  readonly children: Map<PathElement, FieldSet>;
  /** A schema that the set was found to be right for (reconcile.ts). */
  fits: Schema | undefined;
  /** The wire form, once somebody asked for it: without and with the mark of the node itself. */
  #written: FieldsV1 | undefined;
  #writtenAsMember: FieldsV1 | undefined;

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

  /**
   * Wire forms that this class has written, or read in the very form it would write, are known by identity: nobody changes them, and
   * an object that is written again and again is not parsed again and again. @throws Error when this is no FieldsV1.
   */
  static parse(fields: unknown): FieldSet {
    const isObject = typeof fields === 'object' && fields !== null;
    const known = isObject ? sets.get(fields) : undefined;
    if (known !== undefined) return known;
    const { set, isCanonical } = read(fields);
    if (set === undefined) return new FieldSet();
    if (isCanonical && isObject) set.#know(fields as FieldsV1);
    return set;
  }

  #know(written: FieldsV1): FieldsV1 {
    this.#written = written;
    sets.set(written, this);
    return written;
  }

  /** Only for the builder of the set. The empty path (the whole object) is not tracked. */
  insert(path: FieldPath): void {
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

  /** This very set when the other adds nothing to it. */
  union(other: FieldSet): FieldSet {
    if (other === this || other.isEmpty()) return this;
    if (this.isEmpty()) return other;
    let { children } = this;
    for (const [element, theirs] of other.children) {
      const ours = children.get(element);
      const both = ours ? ours.union(theirs) : theirs;
      if (both === ours || both.isEmpty()) continue;
      if (children === this.children) children = new Map(children);
      children.set(element, both);
    }
    const members = other.members.isSubsetOf(this.members) ? this.members : this.members.union(other.members);
    return this.#like(members, children);
  }

  intersection(other: FieldSet): FieldSet {
    if (other === this || other.isEmpty()) return other;
    const children = new Map<PathElement, FieldSet>();
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      const both = theirs && ours.intersection(theirs);
      if (both && !both.isEmpty()) children.set(element, both);
    }
    return new FieldSet(this.members.intersection(other.members), children);
  }

  /**
   * Members of this that are not members of the other; a parent in the other does not remove its children. This very set when the
   * other has none of its members.
   */
  difference(other: FieldSet): FieldSet {
    return this.#without(other, (ours, theirs) => ours.difference(theirs), undefined);
  }

  /** As `difference`, but a member of the other also removes everything below it. */
  recursiveDifference(other: FieldSet): FieldSet {
    return this.#without(other, (ours, theirs) => ours.recursiveDifference(theirs), other.members);
  }

  #without(
    other: FieldSet,
    below: (ours: FieldSet, theirs: FieldSet) => FieldSet,
    /** What lies below these goes too. */
    whole: ReadonlySet<PathElement> | undefined,
  ): FieldSet {
    if (other.isEmpty()) return this;
    let { children } = this;
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      const isGone = whole?.has(element) === true;
      if (!isGone && theirs === undefined) continue;
      const rest = isGone || theirs === undefined ? undefined : below(ours, theirs);
      if (rest === ours) continue;
      if (children === this.children) children = new Map(children);
      if (rest === undefined || rest.isEmpty()) children.delete(element);
      else children.set(element, rest);
    }
    const members = this.members.isDisjointFrom(other.members) ? this.members : this.members.difference(other.members);
    return this.#like(members, children);
  }

  #like(members: Set<PathElement>, children: Map<PathElement, FieldSet>): FieldSet {
    return members === this.members && children === this.children ? this : new FieldSet(members, children);
  }

  equals(other: FieldSet): boolean {
    if (this === other) return true;
    if (this.members.size !== other.members.size || this.children.size !== other.children.size) return false;
    if (this.members !== other.members && !this.members.isSubsetOf(other.members)) return false;
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      if (theirs === undefined || !ours.equals(theirs)) return false;
    }
    return true;
  }

  /** Some member of this is one of the other. */
  meets(other: FieldSet): boolean {
    if (!this.members.isDisjointFrom(other.members)) return true;
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      if (theirs?.meets(ours)) return true;
    }
    return false;
  }

  /** Every member of this is one of the other. */
  isSubsetOf(other: FieldSet): boolean {
    if (this === other) return true;
    if (this.members !== other.members && !this.members.isSubsetOf(other.members)) return false;
    for (const [element, ours] of this.children) {
      const theirs = other.children.get(element);
      if (theirs === undefined ? !ours.isEmpty() : !ours.isSubsetOf(theirs)) return false;
    }
    return true;
  }

  /** Every member, in upstream's order: the members of a node before what lies below it. */
  *paths(prefix: FieldPath = []): Generator<FieldPath> {
    for (const element of [...this.members].sort(comparePathElements)) yield [...prefix, element];
    for (const [element, child] of [...this.children].sort(([a], [b]) => comparePathElements(a, b))) {
      yield* child.paths([...prefix, element]);
    }
  }

  /** The wire form in canonical order; shared, so nobody may change it. */
  toFieldsV1(): FieldsV1 {
    return this.#written ?? this.#know(this.#write(false));
  }

  #write(asMember: boolean): FieldsV1 {
    const known = asMember ? this.#writtenAsMember : this.#written;
    if (known !== undefined) return known;
    const out: FieldsV1 = {};
    if (asMember && (this.members.size > 0 || this.children.size > 0)) out['.'] = NOTHING;
    const elements = [...this.members];
    for (const element of this.children.keys()) if (!this.members.has(element)) elements.push(element);
    sortElements(elements);
    for (const element of elements) {
      const child = this.children.get(element);
      out[element] = child ? child.#write(this.members.has(element)) : NOTHING;
    }
    if (asMember) this.#writtenAsMember = out;
    else this.#written = out;
    return out;
  }
}

const FEW = 24;

/** Nodes have few elements, mostly in order already: Array.sort would take longer to begin than this takes. */
export function sortElements(elements: PathElement[]): void {
  if (elements.length > FEW) {
    elements.sort(comparePathElements);
    return;
  }
  for (let i = 1; i < elements.length; i++) {
    const element = elements[i]!;
    let at = i;
    while (at > 0 && comparePathElements(elements[at - 1]!, element) > 0) {
      elements[at] = elements[at - 1]!;
      at--;
    }
    elements[at] = element;
  }
}

/** By their wire forms, which are never changed. */
const sets = new WeakMap<object, FieldSet>();

interface Read {
  set: FieldSet | undefined;
  member: boolean;
  /** It is what `toFieldsV1` would write. */
  isCanonical: boolean;
}

function read(fields: unknown): Read {
  if (fields === null || fields === undefined) return { set: undefined, member: true, isCanonical: false };
  if (typeof fields !== 'object' || Array.isArray(fields)) throw new Error('ReadMapCB: expect { or n');
  let set: FieldSet | undefined;
  let member = false;
  let isCanonical = true;
  let last: PathElement | undefined;
  for (const key of Object.keys(fields)) {
    if (key === '.') {
      member = true;
      if (last !== undefined) isCanonical = false;
      continue;
    }
    const element = parsePathElement(key);
    if (element === undefined) {
      isCanonical = false;
      continue;
    }
    const below = read((fields as Record<string, unknown>)[key]);
    if (!below.isCanonical || element !== key || (last !== undefined && comparePathElements(last, element) >= 0)) {
      isCanonical = false;
    }
    last = element;
    set ??= new FieldSet();
    if (below.member) set.members.add(element);
    if (below.set) set.children.set(element, below.set);
  }
  // A mark of its own on a node without anything below it is said by the node alone.
  if (member && set === undefined) isCanonical = false;
  return { set, member: member || set === undefined, isCanonical };
}
