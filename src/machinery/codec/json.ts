/**
 * JSON without loss: integers beyond 2^53 are bigints both ways, at no cost while there are none. Called for every body that is read
 * and every object that is written. Keys named `__proto__` are ordinary own properties.
 */
import { scanJson } from './json-scan.ts';

/** A text that is not JSON; the message is Go's, so that clients read what upstream would tell them. */
export class JsonSyntaxError extends Error {
  override name = 'JsonSyntaxError';
}

export const MAX_DEPTH = 10000;

/** The source text of a primitive, which lib.esnext does not declare yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;
const rawJSON = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** @throws JsonSyntaxError */
export function parseJson(bytes: Buffer | string): unknown {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('utf8');
  // Nesting deeper than the limit needs at least two bytes a level.
  if (text.length > 2 * MAX_DEPTH && isTooDeep(text)) throw new JsonSyntaxError('exceeded max depth');
  try {
    return LONG_DIGITS.test(text) ? parseWithSource(text, exactInteger) : JSON.parse(text);
  } catch (err) {
    throw new JsonSyntaxError(scanJson(text).error ?? (err as Error).message, { cause: err });
  }
}

function exactInteger(this: unknown, _key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return false;
}

export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (err) {
    // The one thing JSON.stringify refuses that may be in an API object is a bigint.
    if (!(err instanceof TypeError)) throw err;
    return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? rawJSON(v.toString()) : v)) ?? 'null';
  }
}

export function encodeJson(value: unknown): Buffer {
  return Buffer.from(stringifyJson(value), 'utf8');
}

/**
 * `duplicate field "spec.x"` for each key that occurs twice in one object, in order of appearance. Given what the text was parsed to,
 * a text without duplicates is recognised by counting alone.
 */
export function findDuplicateKeys(bytes: Buffer | string, parsed?: unknown): string[] {
  if (parsed !== undefined && countMembers(bytes) === countKeys(parsed)) return [];
  const { duplicates } = scanJson(typeof bytes === 'string' ? bytes : bytes.toString('utf8'));
  return duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/** Colons outside strings: one for each member of each object. */
function countMembers(bytes: Buffer | string): number {
  const b = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  let n = 0;
  for (let i = 0; i < b.length; i++) {
    const c = b[i];
    if (c === 0x3a) n++;
    else if (c === 0x22) {
      for (i++; i < b.length && b[i] !== 0x22; i++) if (b[i] === 0x5c) i++;
    }
  }
  return n;
}

function countKeys(v: unknown): number {
  if (typeof v !== 'object' || v === null) return 0;
  let n = 0;
  if (Array.isArray(v)) {
    for (let i = 0; i < v.length; i++) if (typeof v[i] === 'object') n += countKeys(v[i]);
    return n;
  }
  for (const key of Object.keys(v)) {
    n++;
    const child = (v as Record<string, unknown>)[key];
    if (typeof child === 'object') n += countKeys(child);
  }
  return n;
}
