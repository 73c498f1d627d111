/**
 * Small facts about JSON values that every patch needs: equality as Go's typed values see it (1, 1.0 and 1n are the same
 * number), shape tests, and writing a key without falling into `__proto__`.
 */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isEmptyObject(value: unknown): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** The own value of a key; undefined when there is none, also for names that objects inherit. */
export function getOwn(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets a key so that `__proto__` from a client stays data. */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** Structural equality; undefined counts as an absent key. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return isNumber(a) && isNumber(b) && !(a < b) && !(a > b);
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!jsonEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  return objectsEqual(a as JsonObject, b as JsonObject);
}

const isNumber = (v: unknown): v is number | bigint => typeof v === 'number' || typeof v === 'bigint';

function objectsEqual(a: JsonObject, b: JsonObject): boolean {
  let count = 0;
  for (const k of Object.keys(a)) {
    const v = a[k];
    if (v === undefined) continue;
    count++;
    if (!Object.hasOwn(b, k) || !jsonEqual(v, b[k])) return false;
  }
  for (const k of Object.keys(b)) if (b[k] !== undefined) count--;
  return count === 0;
}

/** A key that is equal exactly for equal scalars, for Maps and Sets. */
export function scalarKey(value: unknown): string {
  return typeof value === 'bigint'
    ? `n${value}`
    : typeof value === 'number'
      ? `n${value}`
      : `${typeof value}${String(value)}`;
}

/** JSON with Go's escaping of HTML characters, exact for big integers. Keys in the order they have. */
export function compactJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(compactJson).join(',')}]`;
  if (isJsonObject(value)) {
    const parts: string[] = [];
    for (const k of Object.keys(value)) if (value[k] !== undefined) parts.push(`${quote(k)}:${compactJson(value[k])}`);
    return `{${parts.join(',')}}`;
  }
  return typeof value === 'string' ? quote(value) : (JSON.stringify(value) ?? 'null');
}

const HTML: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};
const quote = (s: string): string => JSON.stringify(s).replace(/[<>&\u2028\u2029]/g, (c) => HTML[c]!);
