/**
 * Encoding for storage of an object whose parts nobody changes afterwards: where a part's JSON lies in bytes that were made before, it is
 * copied from there instead of being made again. Called by the store for every kind whose updates share with what is stored.
 */
import { stringifyJson } from '../codec/json.ts';
import type { KubeObject, ManagedFieldsEntry } from './object.ts';
import { storedMetadata } from './resource-version.ts';

interface Place {
  bytes: Buffer;
  from: number;
  to: number;
}

/** Of spec, status and the like, and of entries of managedFields. */
const places = new WeakMap<object, Place>();
/** JSON of the wire forms of ownership: many objects have the same one. */
const forms = new WeakMap<object, string>();

const CLOSED_METADATA = 2;

/** As `encodeForStorage`. */
export function encodeShared(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { managedFields, ...meta } = metadata;
  const out = new Pieces();
  const head = stringifyJson({ kind, apiVersion, metadata: storedMetadata(meta) });
  if (managedFields !== undefined && managedFields.length > 0) {
    const open = head.slice(0, -CLOSED_METADATA);
    out.text(open.endsWith('{') ? `${open}"managedFields":[` : `${open},"managedFields":[`);
    for (let i = 0; i < managedFields.length; i++) {
      if (i > 0) out.text(',');
      out.part(managedFields[i]!, entryText);
    }
    out.text(']}');
  } else out.text(head.slice(0, -1));
  const parts = rest as Record<string, unknown>;
  for (const key in parts) {
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
  let text = '';
  for (const key in entry) {
    const value = (entry as Record<string, unknown>)[key];
    if (value === undefined) continue;
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${key === 'fieldsV1' ? form : stringifyJson(value)}`;
  }
  return `${text}}`;
}

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
    this.#flush();
    const place = places.get(part);
    this.#add(place ?? write(part), part);
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#add(this.#text, undefined);
    this.#text = '';
  }

  #add(piece: string | Place, part: object | undefined): void {
    this.#pieces.push(piece);
    this.#parts.push(part);
    this.#length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.to - piece.from;
  }

  join(): Buffer {
    this.#flush();
    const bytes = Buffer.allocUnsafe(this.#length);
    let at = 0;
    for (let i = 0; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!;
      const from = at;
      at += typeof piece === 'string' ? bytes.write(piece, at) : piece.bytes.copy(bytes, at, piece.from, piece.to);
      const part = this.#parts[i];
      // The newest bytes are those that are kept anyway.
      if (part !== undefined) places.set(part, { bytes, from, to: at });
    }
    return bytes;
  }
}
