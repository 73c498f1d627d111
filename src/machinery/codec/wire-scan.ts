/**
 * Reads an object's JSON for its protobuf: where each value lies and how long its message will be, as numbers on a tape, without making an
 * object of it. wire-copy.ts then writes the message. Only what is written as we write it (no space, values of the types the table names) is
 * read; at anything else UNUSUAL is thrown, and the caller parses. Not reentrant; nothing here awaits.
 */
import { canonicalQuantity } from '../quantity/quantity.ts';
import { timestampOf } from './wire-encode.ts';
import {
  base64End,
  CLOSE,
  CLOSE_LIST,
  COLON,
  COMMA,
  integerEnd,
  integerOf,
  MAX_DIGITS,
  MINUS,
  nestedEnd,
  OPEN,
  OPEN_LIST,
  PADDING,
  plainEnd,
  QUOTE,
  scalarEnd,
  secondsOf,
  textEnd,
} from './wire-lex.ts';
import type { Memo, Piece } from './wire-memo.ts';
import { hashStep, nestedPlan, type PlanKey, UNUSUAL, varintSize, type WirePlan } from './wire-plan.ts';
import {
  BOOL,
  BYTES,
  INT_OR_STRING,
  INT32,
  INT64,
  LIST,
  MAP,
  MESSAGE,
  MICRO_TIME,
  QUANTITY,
  RAW,
  STRING,
  TIME,
} from './wire-table.ts';

const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_F = 0x66;
const LETTER_Z = 0x5a;

/** A record: the key's order, bytes behind tag and length, where the next record begins, and two numbers of the value. */
export const SIZE = 1;
export const NEXT = 2;
export const FROM = 3;
export const TO = 4;
export const RECORD = 5;
const MARGIN = 256;
/** In place of a size: the record stands for a piece that was written before, or has the records of one to be kept behind it. */
export const WRITTEN = -1;
export const TO_KEEP = -2;

export const scanned = {
  tape: new Int32Array(4096),
  /** Values that do not lie in the JSON as they are written; a record's FROM is -1 less its place. */
  texts: [] as string[],
  /** What records of pieces are about. */
  pieces: [] as Piece[],
};

const NO_JSON: Buffer = Buffer.alloc(0);

let source = NO_JSON;
let tape = scanned.tape;
let top = 0;
let texts = scanned.texts;
let pieces = scanned.pieces;
let isForCopy = false;
/** Bytes of what was read last. */
let added = 0;

/** Length of the message. @throws UNUSUAL */
export function scan(plan: WirePlan, json: Buffer): number {
  isForCopy = false;
  return walk(plan, json);
}

/** As `scan`; what is to be written stands at the beginning of the tape until the next call. */
export function scanForCopy(plan: WirePlan, json: Buffer): number {
  isForCopy = true;
  return walk(plan, json);
}

function walk(plan: WirePlan, json: Buffer): number {
  top = 0;
  if (pieces.length > 0) pieces = [];
  if (texts.length > 0) texts = [];
  if (json[0] !== OPEN) throw UNUSUAL;
  source = json;
  try {
    if (message(plan, 0) !== json.length) throw UNUSUAL;
  } finally {
    // What lies beside it in memory would last as long.
    source = NO_JSON;
  }
  scanned.tape = tape;
  scanned.texts = texts;
  scanned.pieces = pieces;
  return added;
}

/** Where the records of the last scan end. */
export function tapeEnd(): number {
  return top;
}

function record(order: number, size: number, from: number, to: number): void {
  if (top + MARGIN > tape.length) grow();
  const at = top;
  tape[at] = order;
  tape[at + SIZE] = size;
  tape[at + NEXT] = at + RECORD;
  tape[at + FROM] = from;
  tape[at + TO] = to;
  top = at + RECORD;
}

function grow(): void {
  const bigger = new Int32Array(tape.length * 2);
  bigger.set(tape);
  tape = bigger;
}

/** From the brace to behind the closing one; its size is in `added`. Puts the sizes of the inlined messages first, then the records. */
function message(plan: WirePlan, start: number): number {
  const b = source;
  const { groups } = plan;
  const groupsAt = top;
  if (top + MARGIN > tape.length) grow();
  for (let g = 0; g < groups.length; g++) tape[top++] = groups[g]!.zeroSize;
  let size = plan.zeroSize;
  let seenLow = 0;
  let seenHigh = 0;
  let previous = plan.head;
  let i = start + 1;
  if (b[i] === CLOSE) i++;
  else
    for (;;) {
      if (b[i] !== QUOTE) throw UNUSUAL;
      i++;
      let key = previous.next;
      if (key === undefined || !isAt(b, i, key.name)) {
        key = lookUp(plan, i);
        if (key !== undefined) previous.next = key;
      }
      if (key === undefined) i = skipMember(i);
      else {
        previous = key;
        i += key.name.length;
        if (b[i] !== COLON) throw UNUSUAL;
        i++;
        if (b[i] === LETTER_N) i += 4;
        else {
          const bit = 1 << (key.order & 31);
          const seen = key.order < 32 ? seenLow : seenHigh;
          if ((seen & bit) !== 0) throw UNUSUAL;
          if (key.order < 32) seenLow |= bit;
          else seenHigh |= bit;
          i = member(key, i);
          if (key.group < 0) size += added - key.zeroSize;
          else tape[groupsAt + key.group] = tape[groupsAt + key.group]! + added - key.zeroSize;
        }
      }
      const c = b[i++];
      if (c === CLOSE) break;
      if (c !== COMMA) throw UNUSUAL;
    }
  for (let g = 0; g < groups.length; g++) {
    const n = tape[groupsAt + g]!;
    size += groups[g]!.tagSize + varintSize(n) + n;
  }
  added = size;
  return i;
}

function isAt(b: Buffer, at: number, name: Uint8Array): boolean {
  for (let k = 0; k < name.length; k++) if (b[at + k] !== name[k]) return false;
  return true;
}

/** From behind the opening quote. */
function lookUp({ byHash }: WirePlan, start: number): PlanKey | undefined {
  const b = source;
  let hash = 0;
  for (let i = start; b[i] !== QUOTE; i++) {
    if (i >= b.length || b[i] === BACKSLASH) throw UNUSUAL;
    hash = hashStep(hash, b[i]!);
  }
  const key = byHash[hash & (byHash.length - 1)];
  return key !== undefined && isAt(b, start, key.name) ? key : undefined;
}

/** A member no protobuf has, from behind its opening quote. */
function skipMember(start: number): number {
  const i = plainEnd(source, start);
  if (source[i + 1] !== COLON) throw UNUSUAL;
  const value = i + 2;
  switch (source[value]) {
    case OPEN:
    case OPEN_LIST:
      return nestedEnd(source, value);
    case QUOTE:
      return textEnd(source, value + 1) + 1;
    default:
      return scalarEnd(source, value);
  }
}

function member(key: PlanKey, i: number): number {
  const { repeat, type } = key.field;
  if (repeat === LIST) return piece(key, key.whole, i, list);
  if (repeat === MAP) return piece(key, key.whole, i, map);
  return type === MESSAGE || type === RAW ? piece(key, key.whole, i, value) : value(key, i);
}

/** What `read` would read, which need not be read again when it is the same as lately. */
function piece(key: PlanKey, memo: Memo, start: number, read: (key: PlanKey, i: number) => number): number {
  const known = memo.find(source, start, isForCopy);
  if (known !== undefined) {
    if (isForCopy) {
      record(key.order, WRITTEN, pieces.length, 0);
      pieces.push(known);
    }
    added = known.size;
    return start + known.json.length;
  }
  const at = top;
  record(key.order, TO_KEEP, -1, 0);
  const end = read(key, start);
  tape[at + NEXT] = top;
  if (memo.wants(end - start)) {
    if (isForCopy) tape[at + FROM] = pieces.length;
    const kept = memo.add(source, start, end, added);
    if (isForCopy) pieces.push(kept);
  }
  return end;
}

function list(key: PlanKey, start: number): number {
  const b = source;
  if (b[start] !== OPEN_LIST) throw UNUSUAL;
  const isOfMessages = key.field.type === MESSAGE;
  let size = 0;
  let i = start + 1;
  if (b[i] === CLOSE_LIST) i++;
  else
    for (;;) {
      i = isOfMessages ? piece(key, key.items, i, value) : value(key, i);
      size += added;
      const c = b[i++];
      if (c === CLOSE_LIST) break;
      if (c !== COMMA) throw UNUSUAL;
    }
  added = size;
  return i;
}

/** Only with its keys in order: there they stay in protobuf. */
function map(key: PlanKey, start: number): number {
  const b = source;
  if (b[start] !== OPEN) throw UNUSUAL;
  const entry = key.entry!;
  let size = 0;
  let i = start + 1;
  let lastFrom = -1;
  let lastTo = -1;
  if (b[i] === CLOSE) i++;
  else
    for (;;) {
      if (b[i] !== QUOTE) throw UNUSUAL;
      const from = i + 1;
      const to = plainEnd(source, from);
      if (lastFrom >= 0 && !isOrdered(b, lastFrom, lastTo, from, to)) throw UNUSUAL;
      lastFrom = from;
      lastTo = to;
      if (b[to + 1] !== COLON) throw UNUSUAL;
      const at = top;
      record(key.order, 0, from, to);
      i = value(entry, to + 2);
      const n = 1 + varintSize(to - from) + (to - from) + added;
      tape[at + SIZE] = n;
      tape[at + NEXT] = top;
      size += key.tagSize + varintSize(n) + n;
      const c = b[i++];
      if (c === CLOSE) break;
      if (c !== COMMA) throw UNUSUAL;
    }
  added = size;
  return i;
}

/** Whether the bytes of one key are before, and not the same as, those of another. */
function isOrdered(b: Buffer, from: number, to: number, otherFrom: number, otherTo: number): boolean {
  const n = Math.min(to - from, otherTo - otherFrom);
  for (let k = 0; k < n; k++) {
    const less = b[from + k]! - b[otherFrom + k]!;
    if (less !== 0) return less < 0;
  }
  return to - from < otherTo - otherFrom;
}

function value(key: PlanKey, i: number): number {
  const b = source;
  switch (key.field.type) {
    case STRING:
      return text(key, i);
    case MESSAGE: {
      if (b[i] !== OPEN) throw UNUSUAL;
      const at = top;
      record(key.order, 0, 0, 0);
      const end = message(nestedPlan(key.field), i);
      tape[at + SIZE] = added;
      tape[at + NEXT] = top;
      added += key.tagSize + varintSize(added);
      return end;
    }
    case INT32:
    case INT64: {
      const end = integerEnd(b, i);
      const integer = integerOf(b, i, end);
      record(key.order, 0, integer, 0);
      added = key.tagSize + varintSize(integer);
      return end;
    }
    case BOOL: {
      const c = b[i];
      if (c !== LETTER_T && c !== LETTER_F) throw UNUSUAL;
      record(key.order, 0, c === LETTER_T ? 1 : 0, 0);
      added = key.tagSize + 1;
      return c === LETTER_T ? i + 4 : i + 5;
    }
    case TIME:
    case MICRO_TIME:
      return time(key, i);
    case QUANTITY:
      return quantity(key, i);
    case INT_OR_STRING:
      return integerOrText(key, i);
    case RAW: {
      if (b[i] !== OPEN || !key.field.messageName.endsWith('.FieldsV1')) throw UNUSUAL;
      const end = nestedEnd(source, i);
      const n = end - i;
      put(key, 1 + varintSize(n) + n, i, end);
      return end;
    }
    case BYTES:
      return base64(key, i);
    default:
      throw UNUSUAL;
  }
}

/** A record of something with a length. */
function put(key: PlanKey, size: number, from: number, to: number): void {
  record(key.order, size, from, to);
  added = key.tagSize + varintSize(size) + size;
}

function text(key: PlanKey, start: number): number {
  const b = source;
  const n = b.length;
  if (b[start] !== QUOTE) throw UNUSUAL;
  const from = start + 1;
  for (let i = from; i < n; i++) {
    const c = b[i];
    if (c === QUOTE) {
      put(key, i - from, from, i);
      return i + 1;
    }
    if (c === BACKSLASH) {
      const end = textEnd(source, i) + 1;
      other(key, JSON.parse(b.toString('utf8', start, end)) as string);
      return end;
    }
  }
  throw UNUSUAL;
}

/** A value that is written otherwise than it stands. */
function other(key: PlanKey, written: string, around = 0): void {
  texts.push(written);
  const n = Buffer.byteLength(written);
  put(key, around === 0 ? n : around + varintSize(n) + n, -texts.length, n);
}

function integerOrText(key: PlanKey, start: number): number {
  if (source[start] !== QUOTE) {
    const end = integerEnd(source, start);
    const integer = integerOf(source, start, end);
    // type, intVal, empty strVal
    put(key, 2 + 1 + varintSize(integer) + 2, integer, -1);
    return end;
  }
  const from = start + 1;
  const to = plainEnd(source, from);
  const n = to - from;
  put(key, 2 + 2 + 1 + varintSize(n) + n, from, to);
  return to + 1;
}

function quantity(key: PlanKey, start: number): number {
  const b = source;
  let from = start;
  let to: number;
  let end: number;
  if (b[start] === QUOTE) {
    from++;
    to = plainEnd(source, from);
    end = to + 1;
  } else {
    to = scalarEnd(source, start);
    end = to;
    if (b[start] === MINUS || to - start > MAX_DIGITS) throw UNUSUAL;
  }
  const written = b.toString('latin1', from, to);
  const canonical = canonicalQuantity(b[start] === QUOTE ? written : Number(written));
  if (canonical !== written) {
    other(key, canonical, 1);
    return end;
  }
  const n = to - from;
  put(key, 1 + varintSize(n) + n, from, to);
  return end;
}

const TIME_LENGTH = 20;
/** 2^31 seconds: what a record holds. */
const MAX_SECONDS = 0x7fff_ffff;

function time(key: PlanKey, start: number): number {
  const b = source;
  if (b[start] !== QUOTE) throw UNUSUAL;
  const from = start + 1;
  const to = plainEnd(source, from);
  const isMicro = key.field.type === MICRO_TIME;
  let seconds = -1;
  let nanos = 0;
  if (!isMicro && to - from === TIME_LENGTH && b[to - 1] === LETTER_Z) seconds = secondsOf(source, from);
  if (seconds < 0) {
    const at = timestampOf(b.toString('latin1', from, to), isMicro);
    if (at === undefined) throw UNUSUAL;
    ({ seconds, nanos } = at);
  }
  if (seconds < 0 || seconds > MAX_SECONDS) throw UNUSUAL;
  put(key, 2 + varintSize(seconds) + varintSize(nanos), seconds, nanos);
  return to + 1;
}

function base64(key: PlanKey, start: number): number {
  const from = start + 1;
  const to = base64End(source, start);
  const padding = source[to - 1] !== PADDING ? 0 : source[to - 2] !== PADDING ? 1 : 2;
  put(key, ((to - from) / 4) * 3 - padding, from, to);
  return to + 1;
}
