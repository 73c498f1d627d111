/**
 * Encoding for storage of an object whose parts nobody changes afterwards: where a part's JSON lies in bytes that were made before, it is
 * copied from there instead of being made again. Called by the store for every kind whose updates share with what is stored.
 */
import { stringifyJson } from '../codec/json.ts';
import type { KubeObject, ManagedFieldsEntry } from './object.ts';
import { storedMetadata } from './resource-version.ts';

interface Encoding {
  /** Undefined: they are no longer to be had, and what was in them is written again. */
  bytes: Buffer | undefined;
  /** How much further behind everything lies than it was written: a resourceVersion came before it. */
  shift: number;
}

/** Where a part lies in the bytes of an encoding. */
interface Place {
  encoding: Encoding;
  from: number;
  to: number;
}

/** By the bytes that were written. */
const encodings = new WeakMap<Buffer, Encoding>();

/** Of spec, status and the like, and of entries of managedFields. */
const places = new WeakMap<object, Place>();
/** JSON of the wire forms of ownership: many objects have the same one. */
const forms = new WeakMap<object, string>();

/** A part of fewer characters is written again sooner than its place is kept and found. */
const SMALL = 512;
const CLOSED_METADATA = 2;

/** As `encodeForStorage`. */
export function encodeShared(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata } = object;
  const { managedFields } = metadata;
  const meta = storedMetadata(metadata);
  if (managedFields !== undefined) delete meta.managedFields;
  const out = new Pieces();
  const head = stringifyJson({ kind, apiVersion, metadata: meta });
  if (managedFields !== undefined && managedFields.length > 0) {
    const open = head.slice(0, -CLOSED_METADATA);
    out.text(open.endsWith('{') ? `${open}"managedFields":[` : `${open},"managedFields":[`);
    for (let i = 0; i < managedFields.length; i++) {
      if (i > 0) out.text(',');
      out.part(managedFields[i]!, entryText);
    }
    out.text(']}');
  } else out.text(head.slice(0, -1));
  const parts = object as unknown as Record<string, unknown>;
  for (const key in parts) {
    if (key === 'kind' || key === 'apiVersion' || key === 'metadata') continue;
    const part = parts[key];
    if (part === undefined) continue;
    out.text(`,${JSON.stringify(key)}:`);
    out.part(part, stringifyJson);
  }
  out.text('}');
  return out.join();
}

function entryText(entry: ManagedFieldsEntry): string {
  const { fieldsV1 } = entry as { fieldsV1?: unknown };
  if (typeof fieldsV1 !== 'object' || fieldsV1 === null) return stringifyJson(entry);
  let form = forms.get(fieldsV1);
  if (form === undefined) {
    form = stringifyJson(fieldsV1);
    forms.set(fieldsV1, form);
  }
  const text = stringifyJson({ ...entry, fieldsV1: 0 });
  const at = text.indexOf(FORM) + FORM.length;
  return text.slice(0, at - 1) + form + text.slice(at);
}

/** In a string its quotes would be escaped. */
const FORM = '"fieldsV1":0';

/** What bytes are made of, in order; texts that follow one another are one. */
class Pieces {
  readonly #pieces: (string | Place)[] = [];
  /** The parts whose places the bytes will be, with the index of their piece. */
  readonly #parts: (object | undefined)[] = [];
  #length = 0;
  #text = '';

  text(text: string): void {
    this.#text += text;
  }

  part<T>(part: T, write: (part: T) => string): void {
    if (typeof part !== 'object' || part === null) return this.text(write(part));
    const place = places.get(part);
    if (place?.encoding.bytes !== undefined) return this.#add(place, part);
    const text = write(part);
    if (text.length < SMALL) this.text(text);
    else this.#add(text, part);
  }

  #add(piece: string | Place, part: object): void {
    this.#flush();
    this.#push(piece, part);
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#push(this.#text, undefined);
    this.#text = '';
  }

  #push(piece: string | Place, part: object | undefined): void {
    this.#pieces.push(piece);
    this.#parts.push(part);
    this.#length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.to - piece.from;
  }

  join(): Buffer {
    if (this.#pieces.length === 0) return Buffer.from(this.#text);
    this.#flush();
    const bytes = Buffer.allocUnsafe(this.#length);
    const encoding = { bytes, shift: 0 };
    let at = 0;
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!;
      const from = at;
      at += typeof piece === 'string' ? bytes.write(piece, at) : copyPiece(piece, bytes, at);
      const part = this.#parts[i];
      // The newest bytes are those that are kept anyway.
      if (part !== undefined) places.set(part, { encoding, from, to: at });
    }
    encodings.set(bytes, encoding);
    return bytes;
  }
}

function copyPiece({ encoding, from, to }: Place, into: Buffer, at: number): number {
  const { bytes, shift } = encoding;
  return bytes!.copy(into, at, from + shift, to + shift);
}

/**
 * What `encodeShared` wrote is kept as `served`, with a resourceVersion in its metadata: parts are copied from there from now on, and the
 * bytes that were written can go. When the served ones move or are to be had no more, what comes back wants to know.
 */
export function keptAs(written: Buffer, served: Buffer): { bytes: Buffer | undefined } | undefined {
  const encoding = encodings.get(written);
  if (encoding === undefined) return undefined;
  encoding.bytes = served;
  encoding.shift = served.length - written.length;
  return encoding;
}
