/**
 * The wire forms of ownership that creates write, each made once: objects of one template (the Pods of a ReplicaSet) own the same
 * fields, and so have the same frozen form, whose text and set are known by identity. Used by created-fields.ts.
 */
import type { ListAtom, MapAtom } from './atom.ts';
import { type FieldsV1, NOTHING, sortElements } from './fieldset.ts';
import type { PathElement } from './path-element.ts';

/** Characters of keys, with what a shape takes besides, after which all are forgotten and made anew. */
const MAX_WEIGHT = 4 << 20;
const SHAPE_WEIGHT = 200;

let weight = 0;
let roots = new WeakMap<MapAtom | ListAtom, Shape>();

/** Where the shapes of a map's or list's elements begin. */
export function emptyShape(atom: MapAtom | ListAtom): Shape {
  let root = roots.get(atom);
  if (root === undefined) {
    root = new Shape(undefined, '', '', NOTHING);
    roots.set(atom, root);
  }
  return root;
}

/** Some elements in the order in which they came, each with what is owned below it. Reached by `step` from the empty one. */
export class Shape {
  /** An element came twice. */
  readonly repeats: boolean;
  readonly #before: Shape | undefined;
  /** What the last element was made of: the same key at the same place is the same element. */
  readonly #key: string;
  readonly #element: PathElement;
  readonly #below: FieldsV1;
  /** The step taken last, which is mostly the next one too. */
  #last: Shape | undefined;
  #steps: Map<string, Shape[]> | undefined;
  #form: FieldsV1 | undefined;
  #formOfMember: FieldsV1 | undefined;

  constructor(before: Shape | undefined, key: string, element: PathElement, below: FieldsV1) {
    this.#before = before;
    this.#key = key;
    this.#element = element;
    this.#below = below;
    this.repeats = before?.repeats === true || before?.has(element) === true;
  }

  /** With one element more; undefined where that has not been yet: see `add`. */
  step(key: string, below: FieldsV1): Shape | undefined {
    const last = this.#last;
    if (last !== undefined && last.#key === key && last.#below === below) return last;
    const found = this.#steps?.get(key)?.find((next) => next.#below === below);
    if (found !== undefined) this.#last = found;
    return found;
  }

  add(key: string, element: PathElement, below: FieldsV1): Shape {
    const next = new Shape(this, key, element, below);
    if (this.#last !== undefined) {
      this.#steps ??= new Map([[this.#last.#key, [this.#last]]]);
      const same = this.#steps.get(key);
      if (same === undefined) this.#steps.set(key, [next]);
      else same.push(next);
    }
    this.#last = next;
    weight += SHAPE_WEIGHT + key.length;
    if (weight > MAX_WEIGHT) {
      weight = 0;
      roots = new WeakMap();
    }
    return next;
  }

  has(element: PathElement): boolean {
    for (let at: Shape = this; at.#before !== undefined; at = at.#before) if (at.#element === element) return true;
    return false;
  }

  get isEmpty(): boolean {
    return this.#before === undefined;
  }

  /** `isMember`: the place itself is owned besides what lies below it. */
  form(isMember: boolean): FieldsV1 {
    if (isMember) {
      this.#formOfMember ??= this.#write(true);
      return this.#formOfMember;
    }
    this.#form ??= this.#write(false);
    return this.#form;
  }

  #write(isMember: boolean): FieldsV1 {
    const out: FieldsV1 = {};
    if (isMember) out['.'] = NOTHING;
    const below = new Map<PathElement, FieldsV1>();
    for (let at: Shape = this; at.#before !== undefined; at = at.#before) below.set(at.#element, at.#below);
    const elements = [...below.keys()].reverse();
    sortElements(elements);
    for (const element of elements) out[element] = below.get(element)!;
    return Object.freeze(out);
  }
}
