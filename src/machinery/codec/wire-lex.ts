/**
 * Where the values of JSON text end, and what plain numbers and times in it are. Of wire-scan.ts; nothing here remembers anything. At what is not
 * written as we write it UNUSUAL is thrown.
 */
import { UNUSUAL } from './wire-plan.ts';

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const MINUS = 0x2d;
export const PADDING = 0x3d;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_T = 0x54;

/** Of a key, from behind the quote to the closing one. */
export function plainEnd(b: Buffer, start: number): number {
  let i = start;
  for (; b[i] !== QUOTE; i++) if (i >= b.length || b[i] === BACKSLASH) throw UNUSUAL;
  return i;
}

/** From behind the opening quote to the closing one. */
export function textEnd(b: Buffer, start: number): number {
  const n = b.length;
  for (let i = start; i < n; i++) {
    const c = b[i];
    if (c === QUOTE) return i;
    if (c === BACKSLASH) i++;
  }
  throw UNUSUAL;
}

/** Of an object or list. */
export function nestedEnd(b: Buffer, start: number): number {
  const n = b.length;
  let depth = 0;
  for (let i = start; i < n; i++) {
    const c = b[i]!;
    if (c === QUOTE) {
      for (i++; i < n; i++) {
        const d = b[i];
        if (d === QUOTE) break;
        if (d === BACKSLASH) i++;
      }
    } else if (c === OPEN || c === OPEN_LIST) depth++;
    else if ((c === CLOSE || c === CLOSE_LIST) && --depth === 0) return i + 1;
  }
  throw UNUSUAL;
}

export function scalarEnd(b: Buffer, start: number): number {
  let i = start;
  while (i < b.length && b[i] !== COMMA && b[i] !== CLOSE && b[i] !== CLOSE_LIST) i++;
  return i;
}

/** As many as fit a record. */
export const MAX_DIGITS = 9;

/** Of a number that is a whole one, not below 0 and not too large. */
export function integerEnd(b: Buffer, start: number): number {
  let i = start;
  for (; ; i++) {
    const c = b[i]!;
    if (!(c >= ZERO && c <= NINE)) break;
  }
  const c = b[i];
  if (i === start || i - start > MAX_DIGITS || (c !== COMMA && c !== CLOSE && c !== CLOSE_LIST)) throw UNUSUAL;
  return i;
}

export function integerOf(b: Buffer, start: number, end: number): number {
  let n = 0;
  for (let i = start; i < end; i++) n = n * 10 + (b[i]! - ZERO);
  return n;
}

function two(b: Buffer, at: number): number {
  const tens = b[at]! - ZERO;
  const ones = b[at + 1]! - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}

/** Of `2006-01-02T15:04:05Z`; -1 for what has to be looked at more closely. */
export function secondsOf(b: Buffer, at: number): number {
  const year = two(b, at) * 100 + two(b, at + 2);
  const month = two(b, at + 5);
  const day = two(b, at + 8);
  const hour = two(b, at + 11);
  const minute = two(b, at + 14);
  const second = two(b, at + 17);
  if (b[at + 4] !== MINUS || b[at + 7] !== MINUS || b[at + 10] !== LETTER_T || b[at + 13] !== COLON) return -1;
  if (b[at + 16] !== COLON || year < 1970 || year > 2037 || month < 1 || month > 12 || day < 1 || day > 28) return -1;
  if (hour > 23 || minute > 59 || second > 59) return -1;
  // Days since 1970-01-01, years counted from March.
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.trunc((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const days = y * 365 + Math.trunc(y / 4) - Math.trunc(y / 100) + Math.trunc(y / 400) + dayOfYear - 719_468;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/** A character of base64 and no padding. */
const isBase64 = new Uint8Array(256);
for (const c of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')) isBase64[c] = 1;

/** From the opening quote to the closing one. */
export function base64End(b: Buffer, start: number): number {
  if (b[start] !== QUOTE) throw UNUSUAL;
  const from = start + 1;
  let i = from;
  while (isBase64[b[i]!] === 1) i++;
  const padded = i;
  while (b[i] === PADDING) i++;
  if (b[i] !== QUOTE || (i - from) % 4 !== 0 || i - padded > 2) throw UNUSUAL;
  return i;
}
