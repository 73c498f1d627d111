/**
 * One object at one revision as the watch cache holds it: bytes first, everything else derived from them on first use
 * and kept (parsed object, labels, fields, other encodings). Shared by all requests and watchers; never mutated.
 */

import type { FormBudget, Kept } from './form-budget.ts';
import { freezesObjects } from './freeze.ts';
import type { Budgeted, Forgetful, ObjectBudget } from './object-budget.ts';
import { lentText, type PackedText, unpackInto, unpackLent } from './packed-text.ts';
import type { Resident, Slab, Slabs } from './slabs.ts';
import type { Packed } from './templates.ts';

/** Stored bytes → served ones, always in memory of their own that `allocate` gives. */
export type Serve = (value: Buffer, revision: number, key: string, allocate: (length: number) => Buffer) => Buffer;

/** What a watch cache knows of its resource, defaults filled in. */
export interface EntryCodec<T> {
  /** Absent: the bytes are served as they are stored. */
  serve: Serve | undefined;
  parse(bytes: Buffer): T;
  /** As `parse`, for one look at labels and fields. */
  glance(bytes: Buffer): T;
  labels(object: T): Readonly<Record<string, string>>;
  fields(object: T): Readonly<Record<string, string>>;
  /** Bounds how many parsed objects are kept. Absent: all are. */
  budget?: ObjectBudget;
  /** Bounds what is kept by `form`. Absent: nothing is. */
  forms?: FormBudget;
  /** Packs what is kept by `lentForm`, as `Templates.pack`. */
  packForm?(name: string, bytes: Buffer): Packed | undefined;
}

/** A text of fewer bytes is not packed: what refers to it takes more. */
const PACKED_FROM = 256;
/** Nor one of more: packing it would take too long in one go. */
const PACKED_TO = 256 << 10;
/** A buffer's own memory beside its bytes. */
const BUFFER_SIZE = 250;

/** What was made of an entry, by name. There are two or three: a table of them would take more memory than they do. */
interface Made {
  readonly name: string;
  readonly value: unknown;
  readonly next: Made | undefined;
}

/** Somebody who reads served bytes later on, and keeps the memory they lie in for so long. */
interface Reader {
  /** Undefined: no longer to be had. */
  bytes: Buffer | undefined;
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
  /** What is served; packed, once there is a template. */
  #bytes: Buffer | undefined;
  #template: Buffer | undefined;
  /** Packed: how long what is served is. */
  #length = 0;
  /** Packed: what is served, kept for a while. */
  #unpacked: Buffer | undefined;
  #mayPack = true;
  #object: T | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;
  #slots: Made | undefined;
  #objects: Made | undefined;
  #forms: Made | undefined;
  #kept: Kept | undefined;
  #isRetired = false;
  #reader: Reader | undefined;
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
    if (this.#template !== undefined) {
      if (this.#unpacked !== undefined) return this.#unpacked;
      const bytes = unpackInto(Buffer.allocUnsafe(this.#length), this.#bytes!, this.#template);
      if (this.#codec.budget === undefined) return bytes;
      this.#unpacked = bytes;
      this.#codec.budget.add(this);
      return bytes;
    }
    if (this.#bytes === undefined) {
      const { serve } = this.#codec;
      this.#bytes =
        serve === undefined ? this.#value! : serve(this.#value!, this.revision, this.key, Buffer.allocUnsafe);
      this.#value = undefined;
    }
    return this.#bytes;
  }

  /** As `bytes`, for whoever is done with them before anything is asked of another entry. */
  get lent(): Buffer {
    return this.lentTo(this.#length);
  }

  /** As `lent`, of which no more than the first `end` bytes are needed. */
  lentTo(end: number): Buffer {
    if (this.#template === undefined || this.#unpacked !== undefined) return this.bytes;
    return unpackLent(this.#bytes!, this.#template, end);
  }

  /** Parsed when asked for, and kept for a while. Must not be changed by anybody (tests freeze it). */
  get object(): T {
    if (this.#object === undefined) {
      const object = this.#codec.parse(this.lent);
      this.#object = freezesObjects() ? deepFreeze(object) : object;
      this.#codec.budget?.add(this);
    }
    return this.#object;
  }

  get labels(): Readonly<Record<string, string>> {
    this.#labels ??= this.#codec.labels(this.#glance());
    return this.#labels;
  }

  /** Selectable fields. */
  get fields(): Readonly<Record<string, string>> {
    this.#fields ??= this.#codec.fields(this.#glance());
    return this.#fields;
  }

  /** Not kept: whoever selects from everything would fill the memory with objects that nobody asks for again. */
  #glance(): T {
    return this.#object ?? this.#codec.glance(this.lent);
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

  /** `reader` may read the bytes as long as the parsed object is kept: it follows them when they move. */
  copiedFrom(reader: Reader | undefined): void {
    if (this.#object !== undefined) this.#reader = reader;
  }

  /** Bytes of what is served. */
  get size(): number {
    return this.#template === undefined ? this.held.length : this.#length;
  }

  /** Whether `pack` might help. */
  get mayPack(): boolean {
    return this.#mayPack && this.slab !== undefined && this.#bytes !== undefined;
  }

  /** Holds its bytes packed from now on, where `by` finds that worth it. */
  pack(slabs: Slabs, by: (bytes: Buffer) => Packed | undefined): void {
    if (!this.mayPack) return;
    this.#mayPack = false;
    const { length } = this.#bytes!;
    if (length < PACKED_FROM || length > PACKED_TO) return;
    const packed = by(this.#bytes!);
    if (packed === undefined) return;
    this.forgetObject();
    slabs.exchange(this, packed.bytes);
    this.#template = packed.template;
    this.#length = length;
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
    const known = named(this.#slots, name);
    if (known !== undefined) return known as E;
    const value = make(this);
    this.#slots = { name, value, next: this.#slots };
    return value;
  }

  /** As `slot`, of another object made of this one: kept for a while, as `object` is. */
  objectSlot<E>(name: string, make: (entry: this) => E): E {
    const known = named(this.#objects, name);
    if (known !== undefined) return known as E;
    const value = make(this);
    if (this.#codec.budget === undefined) return value;
    this.#objects = { name, value, next: this.#objects };
    this.#codec.budget.add(this);
    return value;
  }

  /** As `slot`, of something large: kept only while the budget has room for `sizeOf` it; of size 0, not at all. */
  form<E extends object>(name: string, make: (entry: this) => E, sizeOf: (form: E) => number): E {
    const known = this.#formOf(name);
    if (known !== undefined) return known as E;
    const value = make(this);
    const size = sizeOf(value);
    if (size > 0) this.#keep(name, size, () => value);
    return value;
  }

  /** As `form`, of bytes; they are lent, as by `lent`. Undefined, as `make` says: there are none that could be kept. */
  lentForm<B extends Buffer | undefined>(name: string, make: (entry: this) => B): B {
    const known = this.#formOf(name) as PackedText | undefined;
    if (known !== undefined) return lentText(known) as B;
    const made = make(this);
    if (made === undefined) return made;
    this.#keep(name, made.length + BUFFER_SIZE, (kept) => {
      const packed = this.#codec.packForm?.(name, made);
      const bytes = copyOf(packed?.bytes ?? made, Buffer.allocUnsafeSlow);
      this.#codec.forms!.shrink(kept, made.length - bytes.length);
      return { bytes, template: packed?.template, length: made.length } satisfies PackedText;
    });
    return made;
  }

  #formOf(name: string): unknown {
    const known = named(this.#forms, name);
    if (known !== undefined) this.#kept!.isUsed = true;
    return known;
  }

  #keep(name: string, size: number, value: (kept: Kept) => object): void {
    const { forms } = this.#codec;
    if (forms === undefined || this.#isRetired) return;
    const kept = forms.admit(this, size);
    if (kept === undefined) return;
    this.#kept = kept;
    this.#forms = { name, value: value(kept), next: this.#forms };
  }

  /** For the budget. */
  forgetForms(): void {
    this.#forms = undefined;
    this.#kept = undefined;
  }

  /** Called when the entry only lives on in history: gives up what can be made again. */
  retire(): void {
    this.#slots = undefined;
    this.forgetObject();
    this.forgetForms();
    this.#isRetired = true;
    this.#codec.budget?.remove(this);
    this.#codec.forms?.remove(this);
  }

  /** For the budget. */
  forgetObject(): void {
    if (this.#reader !== undefined) this.#reader.bytes = undefined;
    this.#reader = undefined;
    this.#object = undefined;
    this.#objects = undefined;
    this.#unpacked = undefined;
  }

  /** The last state of a deleted object (or one that left a selection): the same content with the revision of the event. */
  asOf(revision: number): CacheEntry<T> {
    const object = this.#object === undefined ? undefined : copyMetadata(this.#object);
    const at = { key: this.key, revision, createRevision: this.createRevision };
    const copy = new CacheEntry<T>(this.#codec, at, this.bytes, { object });
    copy.#labels = this.#labels;
    copy.#fields = this.#fields;
    return copy;
  }
}

function named(made: Made | undefined, name: string): unknown {
  for (let m = made; m !== undefined; m = m.next) if (m.name === name) return m.value;
  return undefined;
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
