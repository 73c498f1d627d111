/**
 * DER, as much of it as certificates and signing requests need: a writer that concatenates, a reader that walks. Pure.
 * @peculiar/x509 does more, but loads for longer than a whole fresh PKI takes to make.
 */

export const SEQUENCE = 0x30;
export const SET = 0x31;

/** One element: tag, length, content. */
export function tlv(tag: number, ...content: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(content.map((c) => (typeof c === 'string' ? Buffer.from(c, 'utf8') : c)));
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

function length(n: number): Buffer {
  if (n < 0x80) return Buffer.from([n]);
  if (n < 0x100) return Buffer.from([0x81, n]);
  return n < 0x10000 ? Buffer.from([0x82, n >> 8, n & 255]) : Buffer.from([0x83, n >> 16, (n >> 8) & 255, n & 255]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(SEQUENCE, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tlv(SET, ...parts);
export const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]));
export const octetString = (...content: readonly Uint8Array[]): Buffer => tlv(0x04, ...content);
export const utf8String = (text: string): Buffer => tlv(0x0c, text);
/** A bit string of whole bytes, or with `unused` trailing bits. */
export const bitString = (content: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.from([unused]), content);
/** A context-specific element; `constructed` when it holds others. */
export const context = (n: number, constructed: boolean, ...content: readonly (Uint8Array | string)[]): Buffer =>
  tlv(0x80 | (constructed ? 0x20 : 0) | n, ...content);

/** A positive integer from big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let i = 0;
  while (i < bytes.length - 1 && bytes[i] === 0) i++;
  const rest = bytes.subarray(i);
  return tlv(0x02, rest[0]! & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), rest);
}

export function oid(text: string): Buffer {
  const [a, b, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const n of [a! * 40 + b!, ...rest]) {
    const septets = [n & 0x7f];
    for (let v = Math.floor(n / 128); v > 0; v = Math.floor(v / 128)) septets.unshift((v & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? tlv(0x17, digits.slice(2)) : tlv(0x18, digits);
}

export interface Element {
  tag: number;
  content: Buffer;
  /** Tag, length and content. */
  raw: Buffer;
}

/** The elements that follow each other in `bytes`. Throws a RangeError when the lengths do not add up. */
export function elements(bytes: Buffer): Element[] {
  const out: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const tag = bytes.readUInt8(at++);
    let n = bytes.readUInt8(at++);
    if (n & 0x80) {
      const size = n & 0x7f;
      if (size === 0 || size > 4) throw new RangeError('malformed DER length');
      n = bytes.readUIntBE(at, size);
      at += size;
    }
    if (at + n > bytes.length) throw new RangeError('truncated DER');
    out.push({ tag, content: bytes.subarray(at, at + n), raw: bytes.subarray(start, at + n) });
    at += n;
  }
  return out;
}

export function readOid(content: Buffer): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0)
      parts.push(Math.min(Math.floor(value / 40), 2), value - 40 * Math.min(Math.floor(value / 40), 2));
    else parts.push(value);
    value = 0;
  }
  return parts.join('.');
}
