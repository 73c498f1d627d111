/**
 * One object at one revision as the watch cache holds it: bytes first, everything else derived from them on first use
 * and kept (parsed object, labels, fields, other encodings). Shared by all requests and watchers; never mutated.
 */

import type { FormBudget, Kept } from './form-budget.ts';
import { freezesObjects } from './freeze.ts';
import type { Budgeted, Forgetful, ObjectBudget } from './object-budget.ts';
import type { Resident, Slab, Slabs } from './slabs.ts';

/** Stored bytes → served ones, always in memory of their own that `allocate` gives. */
export type Serve = (value: Buffer, revision: number, key: string, allocate: (length: number) => Buffer) => Buffer;

/** What a watch cache knows of its resource, defaults filled in. */
export interface EntryCodec<T> {
  /** Absent: the bytes are served as they are stored. */
  serve: Serve | undefined;
  parse(bytes: Buffer): T;
  labels(object: T): Readonly<Record<string, string>>;
  fields(object: T): Readonly<Record<string, string>>;
  /** Bounds how many parsed objects are kept. Absent: all are. */
  budget?: ObjectBudget;
  /** Bounds what is kept by `form`. Absent: nothing is. */
  forms?: FormBudget;
}

interface WithMetadata {
  metadata?: { resourceVersion?: string };
}

export class CacheEntry<T> implements Resident, Forgetful {
  readonly key: string;
  /** The object's resourceVersion. */
  readonly revision: number;
  readonly createRevision: number;
  readonly #codec: EntryCodec<T>;
  /** Stored bytes that served ones could not be made of, or not yet. */
  #value: Buffer | undefined;
  #bytes: Buffer | undefined;
  #object: T | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;
  #slots: Map<string, unknown> | undefined;
  #forms: Map<string, unknown> | undefined;
  #kept: Kept | undefined;
  #isRetired = false;
  #reader: { bytes: Buffer } | undefined;
  slab: Slab | undefined;
  budgeted: Budgeted | undefined;

  /**
   * `object`, when the writer had it parsed anyway, is taken over and gets its resourceVersion here. With `slabs` the served bytes are made at
   * once and lie there; `value` is not kept.
   */
  constructor(
    codec: EntryCodec<T>,
    at: { key: string; revision: number; createRevision: number },
    value: Buffer,
    { object, slabs }: { object?: T | undefined; slabs?: Slabs } = {},
  ) {
    this.#codec = codec;
    this.key = at.key;
    this.revision = at.revision;
    this.createRevision = at.createRevision;
    if (slabs === undefined) this.#value = value;
    else this.#lieIn(slabs, value);
    if (object === undefined) return;
    this.#object = withRevision(object, at.revision);
    codec.budget?.add(this);
  }

  /** The JSON that is served, resourceVersion included. */
  get bytes(): Buffer {
    if (this.#bytes === undefined) {
      const { serve } = this.#codec;
      this.#bytes =
        serve === undefined ? this.#value! : serve(this.#value!, this.revision, this.key, Buffer.allocUnsafe);
      this.#value = undefined;
    }
    return this.#bytes;
  }

  /** Parsed when asked for, and kept for a while. Must not be changed by anybody (tests freeze it). */
  get object(): T {
    if (this.#object === undefined) {
      const object = this.#codec.parse(this.bytes);
      this.#object = freezesObjects() ? deepFreeze(object) : object;
      this.#codec.budget?.add(this);
    }
    return this.#object;
  }

  get labels(): Readonly<Record<string, string>> {
    this.#labels ??= this.#codec.labels(this.object);
    return this.#labels;
  }

  /** Selectable fields. */
  get fields(): Readonly<Record<string, string>> {
    this.#fields ??= this.#codec.fields(this.object);
    return this.#fields;
  }

  get held(): Buffer {
    return this.#bytes ?? this.#value!;
  }

  /** For the slabs. */
  moved(bytes: Buffer): void {
    if (this.#bytes === undefined) this.#value = bytes;
    else this.#bytes = bytes;
    if (this.#reader !== undefined) this.#reader.bytes = bytes;
  }

  /** `reader` refers to the bytes as long as the parsed object is kept: it follows them when they move. */
  copiedFrom(reader: { bytes: Buffer } | undefined): void {
    if (this.#object !== undefined) this.#reader = reader;
  }

  /** Bytes held. */
  get size(): number {
    return this.held.length;
  }

  #lieIn(slabs: Slabs, value: Buffer): void {
    const allocate = (length: number) => slabs.allocate(length);
    try {
      this.#bytes = this.#codec.serve?.(value, this.revision, this.key, allocate) ?? copyOf(value, allocate);
    } catch {
      // It cannot be served: whoever asks for it hears why.
      this.#value = copyOf(value, allocate);
    }
    slabs.settle(this);
  }

  /** Something derived from this entry, made on first use of `name` and kept as long as the entry is current. */
  slot<E>(name: string, make: (entry: this) => E): E {
    this.#slots ??= new Map();
    const known = this.#slots.get(name);
    if (known !== undefined) return known as E;
    const made = make(this);
    this.#slots.set(name, made);
    return made;
  }

  /** As `slot`, of something large: kept only while the budget has room for `sizeOf` it; of size 0, not at all. */
  form<E extends object>(name: string, make: (entry: this) => E, sizeOf: (form: E) => number): E {
    const { forms } = this.#codec;
    const known = this.#forms?.get(name);
    if (known !== undefined) {
      this.#kept!.isUsed = true;
      return known as E;
    }
    const made = make(this);
    const size = sizeOf(made);
    if (size === 0 || forms === undefined || this.#isRetired) return made;
    const kept = forms.admit(this, size);
    if (kept === undefined) return made;
    this.#kept = kept;
    this.#forms ??= new Map();
    this.#forms.set(name, made);
    return made;
  }

  /** For the budget. */
  forgetForms(): void {
    this.#forms = undefined;
    this.#kept = undefined;
  }

  /** Called when the entry only lives on in history: gives up what can be made again. */
  retire(): void {
    this.#slots = undefined;
    this.#object = undefined;
    this.#reader = undefined;
    this.forgetForms();
    this.#isRetired = true;
    this.#codec.budget?.remove(this);
    this.#codec.forms?.remove(this);
  }

  /** For the budget. */
  forgetObject(): void {
    this.#object = undefined;
    this.#reader = undefined;
  }

  /** The last state of a deleted object (or one that left a selection): the same content with the revision of the event. */
  asOf(revision: number): CacheEntry<T> {
    const object = this.#object === undefined ? undefined : copyMetadata(this.#object);
    const at = { key: this.key, revision, createRevision: this.createRevision };
    const copy = new CacheEntry<T>(this.#codec, at, this.held, { object });
    copy.#labels = this.#labels;
    copy.#fields = this.#fields;
    return copy;
  }
}

function copyOf(value: Buffer, allocate: (length: number) => Buffer): Buffer {
  const copy = allocate(value.length);
  value.copy(copy);
  return copy;
}

function withRevision<T>(object: T, revision: number): T {
  const { metadata } = object as WithMetadata;
  if (metadata !== undefined) metadata.resourceVersion = String(revision);
  return freezesObjects() ? deepFreeze(object) : object;
}

function copyMetadata<T>(object: T): T {
  const { metadata } = object as WithMetadata;
  return metadata === undefined ? object : ({ ...object, metadata: { ...metadata } } as T);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
