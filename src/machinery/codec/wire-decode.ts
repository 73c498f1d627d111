/**
 * Kubernetes protobuf bytes to plain JSON objects, as upstream's JSON encoder would print what was decoded. Unknown fields are skipped.
 * Not reentrant; nothing here awaits.
 */
import { formatMicros, formatTime } from '../meta/time.ts';
import { parseJson } from './json.ts';
import type { JsonObject } from './wire-emit.ts';
import { emitFields, setOwn, zeroValue } from './wire-emit.ts';
import type { WireField, WireMessage } from './wire-table.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  INT_OR_STRING,
  INT32,
  INT64,
  LIST,
  MAP,
  MESSAGE,
  MICRO_TIME,
  NAMED_LIST,
  nested,
  QUANTITY,
  RAW,
  SCHEMA_OR_ARRAY,
  SCHEMA_OR_BOOL,
  SCHEMA_OR_STRINGS,
  STRING,
  TIME,
} from './wire-table.ts';

/** Bytes that are not the protobuf they should be. */
export class ProtobufError extends Error {
  override name = 'ProtobufError';
}

const MAX_DEPTH = 10000;
let buf: Buffer = Buffer.alloc(0);
let pos = 0;
let depth = 0;
/** Decodes the raw bytes of a RawExtension that hold an enveloped object. */
let decodeNestedEnvelope: (bytes: Buffer) => unknown = () => null;

export function setEnvelopeDecoder(decode: (bytes: Buffer) => unknown): void {
  decodeNestedEnvelope = decode;
}

/** Decodes one message into `out`. @throws ProtobufError */
export function decodeMessageBytes(message: WireMessage, bytes: Buffer, out: JsonObject): JsonObject {
  const saved = { buf, pos, depth };
  buf = bytes;
  pos = 0;
  try {
    return emitFields(message, readSlots(message, bytes.length), out);
  } finally {
    ({ buf, pos, depth } = saved);
  }
}

function eof(): never {
  throw new ProtobufError('unexpected EOF');
}

function varint(end: number): number {
  let b = pos < end ? buf[pos++]! : eof();
  if (b < 0x80) return b;
  let n = b & 0x7f;
  let scale = 128;
  for (let i = 1; i < 10; i++) {
    b = pos < end ? buf[pos++]! : eof();
    n += (b & 0x7f) * scale;
    if (b < 0x80) return n;
    scale *= 128;
  }
  throw new ProtobufError('proto: integer overflow');
}

/** A signed 64-bit varint: a number where it is exact, else a bigint. */
function int64(end: number): number | bigint {
  const start = pos;
  const n = varint(end);
  if (n <= Number.MAX_SAFE_INTEGER && pos - start < 9) return n;
  let big = 0n;
  for (let i = start, shift = 0n; i < pos; i++, shift += 7n) big |= BigInt(buf[i]! & 0x7f) << shift;
  big = BigInt.asIntN(64, big);
  return big >= BigInt(Number.MIN_SAFE_INTEGER) && big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : big;
}

function int32(end: number): number {
  const v = int64(end);
  return typeof v === 'bigint' ? Number(BigInt.asIntN(32, v)) : v | 0;
}

/** Reads a length and returns where the value ends. */
function lengthEnd(end: number): number {
  const n = varint(end);
  if (n > end - pos) eof();
  return pos + n;
}

function readString(end: number): string {
  const stop = lengthEnd(end);
  const n = stop - pos;
  if (n < 24) {
    let s = '';
    let i = pos;
    for (; i < stop; i++) {
      const c = buf[i]!;
      if (c > 0x7f) break;
      s += String.fromCharCode(c);
    }
    if (i === stop) {
      pos = stop;
      return s;
    }
  }
  const s = buf.toString('utf8', pos, stop);
  pos = stop;
  return s;
}

function skip(wire: number, end: number, fieldNumber: number): void {
  switch (wire) {
    case 0:
      varint(end);
      return;
    case 1:
      pos += 8;
      break;
    case 2:
      pos = lengthEnd(end);
      return;
    case 3:
      for (;;) {
        const tag = varint(end);
        if ((tag & 7) === 4) return;
        skip(tag & 7, end, fieldNumber);
      }
    case 5:
      pos += 4;
      break;
    default:
      throw new ProtobufError(`proto: illegal wireType ${wire}`);
  }
  if (pos > end) eof();
}

function readSlots(m: WireMessage, end: number): unknown[] {
  if (++depth > MAX_DEPTH) throw new ProtobufError('proto: exceeded max depth');
  const slots: unknown[] = new Array(m.fields.length).fill(undefined);
  while (pos < end) {
    const tag = varint(end);
    const wire = tag & 7;
    const number = Math.floor(tag / 8);
    if (number === 0) throw new ProtobufError(`proto: ${shortName(m)}: illegal tag 0 (wire type ${wire})`);
    const f = m.byNumber[number];
    if (f === undefined) {
      skip(wire, end, number);
      continue;
    }
    if (wire !== (f.tag & 7)) {
      if (f.repeat === LIST && wire === 2) readPacked(f, slots, end);
      else throw new ProtobufError(`proto: wrong wireType = ${wire} for field ${f.name}`);
    } else if (f.repeat === LIST) {
      slots[f.index] ??= [];
      (slots[f.index] as unknown[]).push(readValue(f, end));
    } else if (f.repeat === MAP) {
      slots[f.index] ??= {};
      readEntry(f, slots[f.index] as JsonObject, end);
    } else if (f.inline) {
      slots[f.index] = readSlots(nested(f), lengthEnd(end));
    } else {
      slots[f.index] = readValue(f, end);
    }
  }
  depth--;
  return slots;
}

function shortName(m: WireMessage): string {
  return m.name.slice(m.name.lastIndexOf('.') + 1);
}

function readPacked(f: WireField, slots: unknown[], end: number): void {
  const stop = lengthEnd(end);
  slots[f.index] ??= [];
  while (pos < stop) (slots[f.index] as unknown[]).push(readValue(f, stop));
}

function readEntry(f: WireField, map: JsonObject, end: number): void {
  const stop = lengthEnd(end);
  let key = '';
  let v: unknown;
  while (pos < stop) {
    const tag = varint(stop);
    if (tag === 0x0a) key = readString(stop);
    else if (tag >>> 3 === 2) v = readValue(f, stop);
    else skip(tag & 7, stop, tag >>> 3);
  }
  setOwn(map, key, v === undefined ? zeroOf(f) : v);
}

function zeroOf(f: WireField): unknown {
  switch (f.type) {
    case STRING:
    case BYTES:
      return '';
    case INT32:
    case INT64:
    case DOUBLE:
      return 0;
    case BOOL:
      return false;
    case MESSAGE:
      return emitFields(nested(f), undefined, {});
    default:
      return zeroValue(f.type);
  }
}

function readValue(f: WireField, end: number): unknown {
  switch (f.type) {
    case STRING:
      return readString(end);
    case INT32:
      return int32(end);
    case INT64:
      return int64(end);
    case BOOL:
      return varint(end) !== 0;
    case BYTES: {
      const stop = lengthEnd(end);
      const s = buf.toString('base64', pos, stop);
      pos = stop;
      return s;
    }
    case DOUBLE:
      if (pos + 8 > end) eof();
      pos += 8;
      return buf.readDoubleLE(pos - 8);
    case MESSAGE: {
      const m = nested(f);
      return emitFields(m, readSlots(m, lengthEnd(end)), {});
    }
    case NAMED_LIST:
      return readSlots(nested(f), lengthEnd(end))[0] ?? null;
    default:
      return readSpecial(f, lengthEnd(end));
  }
}

/** The types whose JSON is not an object of their fields; `end` is the end of the message. */
function readSpecial(f: WireField, end: number): unknown {
  let first: number | bigint = 0;
  let second: number | bigint = 0;
  let string = '';
  let raw: Buffer | undefined;
  let schema: unknown;
  const list: unknown[] = [];
  const isEmpty = pos >= end;
  while (pos < end) {
    const tag = varint(end);
    if ((tag & 7) === 0) {
      const v = int64(end);
      if (tag >>> 3 === 1) first = v;
      else if (tag >>> 3 === 2) second = v;
    } else if ((tag & 7) !== 2) {
      skip(tag & 7, end, tag >>> 3);
    } else if (f.type === RAW) {
      const stop = lengthEnd(end);
      if (tag >>> 3 === 1) raw = buf.subarray(pos, stop);
      pos = stop;
    } else if (f.type === QUANTITY || f.type === INT_OR_STRING) {
      const s = readString(end);
      if (tag >>> 3 === (f.type === QUANTITY ? 1 : 3)) string = s;
    } else if (f.type === SCHEMA_OR_STRINGS && tag >>> 3 === 2) {
      list.push(readString(end));
    } else if (f.type >= SCHEMA_OR_ARRAY && f.type <= SCHEMA_OR_STRINGS) {
      const m = nested(f);
      const s = emitFields(m, readSlots(m, lengthEnd(end)), {});
      if (f.type === SCHEMA_OR_ARRAY && tag >>> 3 === 2) list.push(s);
      else schema = s;
    } else {
      skip(2, end, tag >>> 3);
    }
  }
  switch (f.type) {
    case TIME:
      return isEmpty ? null : formatTime(Number(first) * 1000);
    case MICRO_TIME:
      return isEmpty ? null : formatMicros(Number(first), Math.trunc(Number(second) / 1000));
    case QUANTITY:
      return string === '' ? '0' : string;
    case INT_OR_STRING:
      return Number(first) === 1 ? string : Number(second) | 0;
    case RAW:
      return raw === undefined || raw.length === 0 ? null : readRaw(raw);
    case SCHEMA_OR_BOOL:
      return schema ?? first !== 0;
    default:
      return list.length > 0 ? list : (schema ?? null);
  }
}

function readRaw(raw: Buffer): unknown {
  if (raw[0] === 0x6b && raw[1] === 0x38 && raw[2] === 0x73 && raw[3] === 0) return decodeNestedEnvelope(raw);
  return parseJson(raw);
}
