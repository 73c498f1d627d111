/**
 * An object whose field sets (`metadata.managedFields[].fieldsV1`) stay text. In protobuf they are this very text, and to parse and to write
 * them takes longer than all the rest of a Pod. Called where stored objects are encoded as protobuf.
 */
import { parseJson } from '../codec/json.ts';
import type { KubeObject } from './object.ts';
import {
  keyIs,
  metadataSpan,
  parseWithoutManagedFields,
  skipSpace,
  skipString,
  skipValue,
} from './resource-version.ts';

const FIELDS_V1 = Buffer.from('"fieldsV1"');
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN = 0x7b;

interface Part {
  start: number;
  end: number;
}

/** As `parseJson`, with a Buffer in place of every field set; it shares memory with `bytes`. */
export function parseWithFieldSetText(bytes: Buffer): unknown {
  const span = metadataSpan(bytes);
  if (span === undefined || span.managedTo === 0) return parseJson(bytes);
  const key = bytes[span.managedFrom] === COMMA ? skipSpace(bytes, span.managedFrom + 1) : span.managedFrom;
  const list = memberValue(bytes, skipString(bytes, key));
  const entries = bytes[list] === OPEN_LIST ? entriesOf(bytes, list) : undefined;
  if (entries === undefined) return parseJson(bytes);
  const object = parseWithoutManagedFields(bytes, span) as KubeObject;
  object.metadata.managedFields = entries as never;
  return object;
}

/** From behind a key to its value. */
function memberValue(b: Buffer, keyEnd: number): number {
  return skipSpace(b, skipSpace(b, keyEnd) + 1);
}

/** Undefined when the list is not one of objects only. */
function entriesOf(b: Buffer, list: number): unknown[] | undefined {
  const entries: unknown[] = [];
  for (let i = skipSpace(b, list + 1); b[i] === OPEN; i = skipSpace(b, i + 1)) {
    const sets: Part[] = [];
    const end = endOfEntry(b, i, sets);
    entries.push(entryOf(b, { start: i, end }, sets));
    i = skipSpace(b, end);
    if (b[i] === CLOSE_LIST) return entries;
  }
  return undefined;
}

/** Also puts where the field set lies into `sets`. */
function endOfEntry(b: Buffer, start: number, sets: Part[]): number {
  let i = skipSpace(b, start + 1);
  while (b[i] === QUOTE) {
    const keyEnd = skipString(b, i);
    const value = memberValue(b, keyEnd);
    const end = skipValue(b, value);
    if (b[value] === OPEN && keyIs(b, i, keyEnd, FIELDS_V1)) sets.push({ start: value, end });
    i = skipSpace(b, end);
    if (b[i] !== COMMA) break;
    i = skipSpace(b, i + 1);
  }
  return i + 1;
}

function entryOf(b: Buffer, { start, end }: Part, sets: readonly Part[]): unknown {
  const [set] = sets;
  if (set === undefined || sets.length > 1) return parseJson(b.toString('utf8', start, end));
  const entry = parseJson(`${b.toString('utf8', start, set.start)}0${b.toString('utf8', set.end, end)}`);
  (entry as { fieldsV1: unknown }).fieldsV1 = b.subarray(set.start, set.end);
  return entry;
}
