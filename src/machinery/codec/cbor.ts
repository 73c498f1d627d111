/**
 * CBOR in the Kubernetes dialect: text is written as byte strings, map keys in bytewise order of their encoding, lengths always definite, the
 * self-described prefix in front. Reading takes text strings and indefinite lengths too; a byte string tagged 22 (or 21, 23) becomes the base64
 * (base64url, hex) text that JSON would carry. Integers beyond 2^53 are bigints. Own code: cbor-x refuses byte-string keys and keeps insertion order.
 * Upstream: apimachinery/pkg/runtime/serializer/cbor/internal/modes
 */
import { setOwn } from './wire-emit.ts';

export class CborError extends Error {
  override name = 'CborError';
}

/** d9d9f7: "what follows is CBOR". */
export const SELF_DESCRIBED = Buffer.from([0xd9, 0xd9, 0xf7]);
const MAX_DEPTH = 10000;
const MAX_PAIRS = 2097152;
const MAX_UINT64 = (1n << 64n) - 1n;

class Writer {
  #buf = Buffer.allocUnsafe(4096);
  #pos = 0;

  #room(n: number): void {
    if (this.#pos + n <= this.#buf.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#buf.length * 2, this.#pos + n));
    this.#buf.copy(bigger, 0, 0, this.#pos);
    this.#buf = bigger;
  }

  raw(bytes: Buffer): void {
    this.#room(bytes.length);
    this.#pos += bytes.copy(this.#buf, this.#pos);
  }

  /** Major type and argument, as short as possible. */
  head(major: number, n: number): void {
    this.#room(9);
    const m = major << 5;
    const b = this.#buf;
    if (n < 24) b[this.#pos++] = m | n;
    else if (n < 0x100) {
      b[this.#pos++] = m | 24;
      b[this.#pos++] = n;
    } else if (n < 0x10000) {
      b[this.#pos++] = m | 25;
      this.#pos = b.writeUInt16BE(n, this.#pos);
    } else if (n < 0x100000000) {
      b[this.#pos++] = m | 26;
      this.#pos = b.writeUInt32BE(n, this.#pos);
    } else {
      b[this.#pos++] = m | 27;
      this.#pos = b.writeBigUInt64BE(BigInt(n), this.#pos);
    }
  }

  text(s: string): void {
    const size = Buffer.byteLength(s);
    this.head(2, size);
    this.#room(size);
    this.#pos += this.#buf.write(s, this.#pos, 'utf8');
  }

  value(v: unknown): void {
    switch (typeof v) {
      case 'string':
        this.text(v);
        return;
      case 'number':
        if (Number.isSafeInteger(v)) this.#integer(v);
        else this.#float(v);
        return;
      case 'bigint':
        this.#bigint(v);
        return;
      case 'boolean':
        this.#byte(v ? 0xf5 : 0xf4);
        return;
      case 'object':
        if (v === null) this.#byte(0xf6);
        else if (Array.isArray(v)) {
          this.head(4, v.length);
          for (const item of v) this.value(item);
        } else this.#map(v as Record<string, unknown>);
        return;
      default:
        this.#byte(0xf6);
    }
  }

  #byte(n: number): void {
    this.#room(1);
    this.#buf[this.#pos++] = n;
  }

  #integer(n: number): void {
    if (n >= 0) this.head(0, n);
    else this.head(1, -1 - n);
  }

  #bigint(n: bigint): void {
    const argument = n >= 0n ? n : -1n - n;
    if (argument > MAX_UINT64 >> 1n && n < 0n) throw new CborError(`integer out of range: ${n}`);
    if (argument > MAX_UINT64) throw new CborError(`integer out of range: ${n}`);
    if (argument <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.head(n >= 0n ? 0 : 1, Number(argument));
      return;
    }
    this.#byte(n >= 0n ? 0x1b : 0x3b);
    this.#room(8);
    this.#pos = this.#buf.writeBigUInt64BE(argument, this.#pos);
  }

  /** The shortest of 16, 32 and 64 bits that holds the number exactly. */
  #float(n: number): void {
    if (!Number.isFinite(n)) throw new CborError('floating-point NaN and infinity are not allowed');
    this.#room(9);
    const half = toHalf(n);
    if (half !== undefined) {
      this.#buf[this.#pos++] = 0xf9;
      this.#pos = this.#buf.writeUInt16BE(half, this.#pos);
    } else if (Math.fround(n) === n) {
      this.#buf[this.#pos++] = 0xfa;
      this.#pos = this.#buf.writeFloatBE(n, this.#pos);
    } else {
      this.#buf[this.#pos++] = 0xfb;
      this.#pos = this.#buf.writeDoubleBE(n, this.#pos);
    }
  }

  #map(o: Record<string, unknown>): void {
    const keys = Object.keys(o).filter((k) => o[k] !== undefined);
    sortKeys(keys);
    this.head(5, keys.length);
    for (const k of keys) {
      this.text(k);
      this.value(o[k]);
    }
  }

  finish(): Buffer {
    return Buffer.from(this.#buf.subarray(0, this.#pos));
  }
}

/** Bytewise order of encoded keys: the shorter first (its length prefix is smaller), then by bytes. */
function sortKeys(keys: string[]): void {
  const isAscii = keys.every((k) => /^[\0-\x7f]*$/.test(k));
  if (isAscii) keys.sort((a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0));
  else {
    const bytes = new Map(keys.map((k) => [k, Buffer.from(k)]));
    keys.sort((a, b) => bytes.get(a)!.length - bytes.get(b)!.length || Buffer.compare(bytes.get(a)!, bytes.get(b)!));
  }
}

function toHalf(n: number): number | undefined {
  const sign = Object.is(n, -0) || n < 0 ? 0x8000 : 0;
  const a = Math.abs(n);
  if (a === 0) return sign;
  if (a < 2 ** -14) {
    const m = a / 2 ** -24;
    return Number.isInteger(m) ? sign | m : undefined;
  }
  const exponent = Math.floor(Math.log2(a));
  if (exponent > 15) return undefined;
  const mantissa = (a / 2 ** exponent - 1) * 1024;
  return Number.isInteger(mantissa) && mantissa >= 0 && mantissa < 1024
    ? sign | ((exponent + 15) << 10) | mantissa
    : undefined;
}

/** One data item with the self-described prefix. */
export function encodeCbor(value: unknown): Buffer {
  const w = new Writer();
  w.raw(SELF_DESCRIBED);
  w.value(value);
  return w.finish();
}

/** One data item; text as Kubernetes writes it, without prefix. For parts of larger items. */
export function encodeCborItem(value: unknown): Buffer {
  const w = new Writer();
  w.value(value);
  return w.finish();
}

class Reader {
  readonly #b: Buffer;
  #pos = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#b = bytes;
  }

  get position(): number {
    return this.#pos;
  }

  #need(n: number): number {
    const at = this.#pos;
    if (at + n > this.#b.length) throw new CborError('unexpected EOF');
    this.#pos += n;
    return at;
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    switch (info) {
      case 24:
        return this.#b[this.#need(1)]!;
      case 25:
        return this.#b.readUInt16BE(this.#need(2));
      case 26:
        return this.#b.readUInt32BE(this.#need(4));
      case 27: {
        const n = this.#b.readBigUInt64BE(this.#need(8));
        return n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
      }
      default:
        throw new CborError(`cbor: invalid additional information ${info}`);
    }
  }

  /** `laterFormat` is the tag (21, 22, 23) around a byte string. */
  value(laterFormat = 0): unknown {
    if (++this.#depth > MAX_DEPTH) throw new CborError(`cbor: exceeded max nested level ${MAX_DEPTH}`);
    const initial = this.#b[this.#need(1)]!;
    const major = initial >> 5;
    const info = initial & 31;
    const v = this.#item(major, info, laterFormat);
    this.#depth--;
    return v;
  }

  #item(major: number, info: number, laterFormat: number): unknown {
    switch (major) {
      case 0:
        return this.#signed(this.#argument(info), false);
      case 1:
        return this.#signed(this.#argument(info), true);
      case 2:
      case 3:
        return formatBytes(this.#string(major, info), laterFormat);
      case 4:
        return this.#list(info, laterFormat);
      case 5:
        return this.#map(info, laterFormat);
      case 6: {
        const tag = this.#argument(info);
        if (tag === 2 || tag === 3) throw new CborError('cbor: cannot decode bignum tag');
        return this.value(tag === 21 || tag === 22 || tag === 23 ? tag : laterFormat);
      }
      default:
        return this.#simple(info);
    }
  }

  #signed(n: number | bigint, negative: boolean): number | bigint {
    if (typeof n === 'number') {
      if (!negative) return n;
      return n === Number.MAX_SAFE_INTEGER ? -1n - BigInt(n) : -1 - n;
    }
    if (n >= 1n << 63n) throw new CborError(`cbor: cannot decode integer: ${negative ? -1n - n : n} overflows int64`);
    return negative ? -1n - n : n;
  }

  #string(major: number, info: number): Buffer {
    if (info === 31) {
      const parts: Buffer[] = [];
      while (this.#b[this.#need(1)] !== 0xff) {
        const chunk = this.#b[this.#pos - 1]!;
        if (chunk >> 5 !== major || (chunk & 31) === 31)
          throw new CborError('cbor: wrong chunk in indefinite-length string');
        parts.push(this.#string(major, chunk & 31));
      }
      return Buffer.concat(parts);
    }
    const n = Number(this.#argument(info));
    const at = this.#need(n);
    return this.#b.subarray(at, at + n);
  }

  /** Reads items until the count is reached or the break code comes. */
  #each(info: number, read: () => void): void {
    if (info === 31) {
      for (;;) {
        if (this.#b[this.#need(1)] === 0xff) return;
        this.#pos--;
        read();
      }
    }
    const n = Number(this.#argument(info));
    // An item takes a byte at least: a larger count is a lie, found out before anything is allocated for it.
    if (n > this.#b.length - this.#pos) throw new CborError('unexpected EOF');
    for (let i = 0; i < n; i++) read();
  }

  #list(info: number, laterFormat: number): unknown[] {
    const out: unknown[] = [];
    this.#each(info, () => out.push(this.value(laterFormat)));
    return out;
  }

  #map(info: number, laterFormat: number): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    let pairs = 0;
    this.#each(info, () => {
      if (++pairs > MAX_PAIRS) throw new CborError(`cbor: exceeded max number of key-value pairs ${MAX_PAIRS}`);
      const initial = this.#b[this.#need(1)]!;
      if (initial >> 5 !== 2 && initial >> 5 !== 3) throw new CborError('cbor: map key must be a string');
      const key = utf8(this.#string(initial >> 5, initial & 31));
      if (Object.hasOwn(out, key)) throw new CborError(`cbor: found duplicate map key ${JSON.stringify(key)}`);
      setOwn(out, key, this.value(laterFormat));
    });
    return out;
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        return finite(fromHalf(this.#b.readUInt16BE(this.#need(2))));
      case 26:
        return finite(this.#b.readFloatBE(this.#need(4)));
      case 27:
        return finite(this.#b.readDoubleBE(this.#need(8)));
      default:
        throw new CborError(`cbor: simple value ${info} is not recognized`);
    }
  }
}

function finite(n: number): number {
  if (!Number.isFinite(n)) throw new CborError('cbor: floating-point NaN and infinity are not allowed');
  return n;
}

function fromHalf(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(b: Buffer): string {
  try {
    return strictUtf8.decode(b);
  } catch (err) {
    throw new CborError('cbor: invalid UTF-8 string', { cause: err });
  }
}

function formatBytes(b: Buffer, laterFormat: number): string {
  switch (laterFormat) {
    case 21:
      return b.toString('base64url');
    case 22:
      return b.toString('base64');
    case 23:
      return b.toString('hex');
    default:
      return utf8(b);
  }
}

/** One data item, with or without the prefix. @throws CborError */
export function decodeCbor(bytes: Buffer): unknown {
  const r = new Reader(bytes);
  const v = r.value();
  if (r.position !== bytes.length) {
    throw new CborError(`cbor: ${bytes.length - r.position} bytes of extraneous data starting at index ${r.position}`);
  }
  return v;
}

/** All items of a CBOR sequence. @throws CborError */
export function decodeCborSequence(bytes: Buffer): unknown[] {
  const out: unknown[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const r = new Reader(rest);
    out.push(r.value());
    rest = rest.subarray(r.position);
  }
  return out;
}

/** The first item of a sequence that may go on; undefined while it is not whole yet. @throws CborError */
export function firstCborItem(bytes: Buffer): { value: unknown; length: number } | undefined {
  const r = new Reader(bytes);
  try {
    const value = r.value();
    return { value, length: r.position };
  } catch (err) {
    if (err instanceof CborError && err.message === 'unexpected EOF') return undefined;
    throw err;
  }
}
