/**
 * Plain JSON objects to Kubernetes protobuf bytes. Writes backwards, as gogo-proto does, so that the length of a nested message is
 * known when its prefix is written: one pass, one buffer, no sizes computed beforehand. Not reentrant; nothing here awaits.
 * A field without pointer is written even when absent or zero; a pointer, list or map only when it has something.
 */
import { canonicalQuantity } from '../quantity/quantity.ts';
import { stringifyJson } from './json.ts';
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

type JsonObject = Record<string, unknown>;

const EMPTY: JsonObject = Object.freeze({});
const KEEP = 4 << 20;
let buf: Buffer = Buffer.allocUnsafeSlow(128 << 10);
let pos = buf.length;

/** Encodes one message without envelope. The result owns its memory. */
export function encodeMessageBytes(message: WireMessage, object: unknown): Buffer {
  pos = buf.length;
  writeMessage(message, asObject(object));
  const out = Buffer.allocUnsafe(buf.length - pos);
  buf.copy(out, 0, pos);
  if (buf.length > KEEP) buf = Buffer.allocUnsafeSlow(128 << 10);
  return out;
}

function asObject(v: unknown): JsonObject {
  return typeof v === 'object' && v !== null ? (v as JsonObject) : EMPTY;
}

function room(n: number): void {
  if (pos >= n) return;
  const used = buf.length - pos;
  const bigger = Buffer.allocUnsafeSlow(Math.max(buf.length * 2, used + n + 1024));
  buf.copy(bigger, bigger.length - used, pos);
  pos = bigger.length - used;
  buf = bigger;
}

function varint(n: number): void {
  room(10);
  if (n < 0x80) {
    buf[--pos] = n;
    return;
  }
  let size = 1;
  for (let m = n; m >= 0x80; m = Math.floor(m / 128)) size++;
  pos -= size;
  let at = pos;
  let m = n;
  while (m >= 0x80) {
    buf[at++] = (m % 128) | 0x80;
    m = Math.floor(m / 128);
  }
  buf[at] = m;
}

/** int32 and int64: negative numbers take ten bytes. */
function integer(v: unknown): void {
  if (typeof v === 'number' && v >= 0 && v <= Number.MAX_SAFE_INTEGER) {
    varint(Math.trunc(v));
    return;
  }
  let n = BigInt.asUintN(64, typeof v === 'bigint' ? v : BigInt(Math.trunc(Number(v) || 0)));
  const bytes: number[] = [];
  while (n >= 0x80n) {
    bytes.push(Number(n & 0x7fn) | 0x80);
    n >>= 7n;
  }
  bytes.push(Number(n));
  room(bytes.length);
  pos -= bytes.length;
  for (let i = 0; i < bytes.length; i++) buf[pos + i] = bytes[i]!;
}

/** A length-prefixed string. */
function text(s: string): void {
  const n = s.length;
  if (n < 48) {
    room(n + 1);
    const start = pos - n;
    let i = 0;
    for (; i < n; i++) {
      const c = s.charCodeAt(i);
      if (c > 0x7f) break;
      buf[start + i] = c;
    }
    if (i === n) {
      buf[start - 1] = n;
      pos = start - 1;
      return;
    }
  }
  const size = Buffer.byteLength(s);
  room(size);
  pos -= size;
  if (size === n) buf.write(s, pos, size, 'latin1');
  else buf.write(s, pos, size, 'utf8');
  varint(size);
}

function bytes(b: Buffer): void {
  room(b.length);
  pos -= b.length;
  b.copy(buf, pos);
  varint(b.length);
}

function writeMessage(m: WireMessage, o: JsonObject): void {
  const fields = m.descending;
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    if (f.inline) {
      const end = pos;
      writeMessage(nested(f), o);
      varint(end - pos);
      varint(f.tag);
      continue;
    }
    const v = o[f.name];
    if (f.repeat === LIST) {
      if (Array.isArray(v)) for (let j = v.length - 1; j >= 0; j--) value(f, v[j]);
    } else if (f.repeat === MAP) {
      if (typeof v === 'object' && v !== null) writeMap(f, v as JsonObject);
    } else if (v !== undefined && v !== null) {
      value(f, v);
    } else if (!f.pointer && f.type !== BYTES && f.type !== NAMED_LIST) {
      value(f, undefined);
    }
  }
}

function writeMap(f: WireField, map: JsonObject): void {
  const keys = sortedKeys(map);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i]!;
    const end = pos;
    const v = map[key];
    if (f.type !== BYTES || (v !== undefined && v !== null)) payload(f, v, 2);
    text(key);
    varint(0x0a);
    varint(end - pos);
    varint(f.tag);
  }
}

/** Keys in byte order of their UTF-8, as Go sorts strings. */
export function sortedKeys(map: object): string[] {
  const keys = Object.keys(map);
  if (keys.length < 2) return keys;
  keys.sort();
  // UTF-16 order differs from UTF-8 order only where surrogates meet the code units above them.
  if (keys.some((k) => /[\ud800-\uffff]/.test(k))) keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return keys;
}

function value(f: WireField, v: unknown): void {
  payload(f, v, f.number);
}

/** The value with its tag, under field `number` (2 inside a map entry). */
function payload(f: WireField, v: unknown, number: number): void {
  const tag = number === f.number && f.repeat !== MAP ? f.tag : (number << 3) | wireTypeOf(f.type);
  switch (f.type) {
    case STRING:
      text(v === undefined || v === null ? '' : typeof v === 'string' ? v : String(v));
      break;
    case INT32:
    case INT64:
      integer(v ?? 0);
      break;
    case BOOL:
      room(1);
      buf[--pos] = v === true ? 1 : 0;
      break;
    case BYTES:
      bytes(typeof v === 'string' ? Buffer.from(v, 'base64') : Buffer.alloc(0));
      break;
    case DOUBLE:
      room(8);
      pos -= 8;
      buf.writeDoubleLE(Number(v ?? 0), pos);
      break;
    default: {
      const end = pos;
      body(f, v);
      varint(end - pos);
    }
  }
  varint(tag);
}

function wireTypeOf(type: number): number {
  return type === INT32 || type === INT64 || type === BOOL ? 0 : type === DOUBLE ? 1 : 2;
}

/** What stands between the length prefix and the end of a message-like value. */
function body(f: WireField, v: unknown): void {
  switch (f.type) {
    case MESSAGE:
      writeMessage(nested(f), asObject(v));
      return;
    case TIME:
      timestamp(v, false);
      return;
    case MICRO_TIME:
      timestamp(v, true);
      return;
    case QUANTITY:
      text(v === undefined || v === null ? '0' : canonicalQuantity(v as string | number));
      varint(0x0a);
      return;
    case INT_OR_STRING: {
      const isString = typeof v === 'string';
      text(isString ? v : '');
      varint(0x1a);
      integer(isString ? 0 : (v ?? 0));
      varint(0x10);
      varint(isString ? 1 : 0);
      varint(0x08);
      return;
    }
    case RAW:
      if (v === undefined || v === null) return;
      // Text that was never parsed (meta/field-set-text.ts).
      bytes(Buffer.isBuffer(v) ? v : Buffer.from(stringifyJson(v)));
      varint(0x0a);
      return;
    case NAMED_LIST: {
      const item = nested(f).fields[0]!;
      if (Array.isArray(v)) for (let j = v.length - 1; j >= 0; j--) value(item, v[j]);
      return;
    }
    default:
      schemaOr(f, v);
  }
}

function schemaMessage(f: WireField, v: unknown, tag: number): void {
  const end = pos;
  writeMessage(nested(f), asObject(v));
  varint(end - pos);
  varint(tag);
}

/** The three unions of JSONSchemaProps. */
function schemaOr(f: WireField, v: unknown): void {
  const isSchema = typeof v === 'object' && v !== null && !Array.isArray(v);
  switch (f.type) {
    case SCHEMA_OR_ARRAY:
      if (Array.isArray(v)) for (let j = v.length - 1; j >= 0; j--) schemaMessage(f, v[j], 0x12);
      if (isSchema) schemaMessage(f, v, 0x0a);
      return;
    case SCHEMA_OR_BOOL:
      if (isSchema) schemaMessage(f, v, 0x12);
      room(1);
      buf[--pos] = isSchema || v === true ? 1 : 0;
      varint(0x08);
      return;
    case SCHEMA_OR_STRINGS:
      if (Array.isArray(v)) {
        for (let j = v.length - 1; j >= 0; j--) {
          text(String(v[j]));
          varint(0x12);
        }
      }
      if (isSchema) schemaMessage(f, v, 0x0a);
  }
}

const GO_ZERO_TIME = -62135596800;

/** Of an RFC 3339 time; undefined for none and for the zero time. Time carries whole seconds, MicroTime whole microseconds. */
export function timestampOf(v: unknown, micro: boolean): { seconds: number; nanos: number } | undefined {
  if (typeof v !== 'string' || v === '') return undefined;
  const ms = Date.parse(v);
  if (Number.isNaN(ms)) throw new RangeError(`not an RFC 3339 time: ${JSON.stringify(v)}`);
  const seconds = Math.floor(ms / 1000);
  if (seconds === GO_ZERO_TIME) return undefined;
  const fraction = micro ? /\.(\d{1,6})/.exec(v) : null;
  return { seconds, nanos: fraction ? Number(fraction[1]!.padEnd(6, '0')) * 1000 : 0 };
}

/** The zero time is an empty message. */
function timestamp(v: unknown, micro: boolean): void {
  const at = timestampOf(v, micro);
  if (at === undefined) return;
  varint(at.nanos);
  varint(0x10);
  integer(at.seconds);
  varint(0x08);
}
