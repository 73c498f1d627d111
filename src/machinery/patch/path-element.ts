/**
 * Path elements of FieldsV1 in their serialised form, which is also their identity: `f:name`, `k:{"name":"a"}`, `v:"x"`,
 * `i:0`. Keys and values are kept in one canonical spelling, so that equal elements are equal strings.
 * Upstream: structured-merge-diff fieldpath/{element,serialize-pe}.go
 */

import { compactJson, isJsonObject, type JsonObject } from './json-value.ts';
import { parseJson } from './lossless.ts';

export type PathElement = string;

const MAX_KNOWN = 8192;
const MAX_NAME = 64;
/** Names come again and again: a string that is there is found faster than made, and compared faster. */
const known = new Map<string, PathElement>();

export function fieldElement(name: string): PathElement {
  const element = known.get(name);
  if (element !== undefined) return element;
  const made = `f:${name}`;
  if (name.length > MAX_NAME) return made;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, made);
  return made;
}

export const valueElement = (value: unknown): PathElement => `v:${compactJson(value)}`;

const named = new Map<string, Map<string, PathElement>>();
let namedSize = 0;

/** `k:{"name":"x"}`: an item of a list whose items are told apart by one string. */
export function namedElement(key: string, value: string): PathElement {
  let ofKey = named.get(key);
  const element = ofKey?.get(value);
  if (element !== undefined) return element;
  const made = keyElement([[key, value]]);
  if (value.length > MAX_NAME) return made;
  if (++namedSize > MAX_KNOWN) {
    named.clear();
    namedSize = 0;
    ofKey = undefined;
  }
  if (ofKey === undefined) {
    ofKey = new Map();
    named.set(key, ofKey);
  }
  ofKey.set(value, made);
  return made;
}

/** `fields` need not be sorted. */
export function keyElement(fields: readonly (readonly [string, unknown])[]): PathElement {
  const sorted = fields.length < 2 ? fields : [...fields].sort((a, b) => compareStrings(a[0], b[0]));
  return `k:{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${compactJson(value)}`).join(',')}}`;
}

/**
 * A key of FieldsV1 as it was read. Undefined for a kind of element that a newer version may know.
 * @throws Error when it is none at all.
 */
export function parsePathElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new Error('key must be 2 characters long:');
  if (text[1] !== ':') throw new Error(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v':
      return valueElement(parseJson(rest));
    case 'k': {
      const fields = parseJson(rest);
      if (!isJsonObject(fields)) throw new Error(`expected an object as key: ${text}`);
      return keyElement(Object.entries(fields));
    }
    case 'i':
      if (!/^[+-]?\d+$/.test(rest)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(rest)}: invalid syntax`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

/** As messages and conflict causes print it: `.spec`, `[name="a"]`, `[="x"]`, `[0]`. */
function pathElementText(element: PathElement): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${rest}`;
    case 'k':
      return `[${Object.entries(parseJson(rest) as JsonObject)
        .map(([name, value]) => `${name}=${valueText(value)}`)
        .join(',')}]`;
    case 'v':
      return `[=${valueText(parseJson(rest))}]`;
    default:
      return `[${rest}]`;
  }
}

function valueText(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`;
  if (isJsonObject(value))
    return Object.entries(value)
      .map(([k, v]) => `${k}=${valueText(v)}`)
      .join('');
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export function pathText(path: readonly PathElement[]): string {
  return path.map(pathElementText).join('');
}

const KINDS = 'fkvi';

/** The order in which sets are written: fields, keys, values, indices; each by content. */
export function comparePathElements(a: PathElement, b: PathElement): number {
  if (a === b) return 0;
  if (a[0] !== b[0]) return KINDS.indexOf(a[0]!) - KINDS.indexOf(b[0]!);
  switch (a[0]) {
    case 'f':
      return compareStrings(a, b);
    case 'k':
      return (
        compareWithinString(a, b) ??
        compareKeys(parseJson(a.slice(2)) as JsonObject, parseJson(b.slice(2)) as JsonObject)
      );
    case 'v':
      return compareValues(parseJson(a.slice(2)), parseJson(b.slice(2)));
    default:
      return Number(a.slice(2)) - Number(b.slice(2));
  }
}

/**
 * The common case without parsing: two key elements that first differ inside a string that escapes nothing. Undefined where that
 * is not so.
 */
function compareWithinString(a: PathElement, b: PathElement): number | undefined {
  const n = Math.min(a.length, b.length);
  let inString = false;
  for (let i = 2; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === BACKSLASH || y === BACKSLASH || x > ASCII || y > ASCII) return undefined;
    if (x === y) {
      if (x === QUOTE) inString = !inString;
      continue;
    }
    if (!inString) return undefined;
    return x === QUOTE ? -1 : y === QUOTE ? 1 : x - y;
  }
  return undefined;
}
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ASCII = 0x7f;

function compareKeys(a: JsonObject, b: JsonObject): number {
  const left = Object.entries(a);
  const right = Object.entries(b);
  for (let i = 0; i < left.length || i < right.length; i++) {
    if (i >= left.length) return -1;
    if (i >= right.length) return 1;
    const c = compareStrings(left[i]![0], right[i]![0]) || compareValues(left[i]![1], right[i]![1]);
    if (c !== 0) return c;
  }
  return 0;
}

/** Numbers before strings before booleans before everything else. */
function compareValues(a: unknown, b: unknown): number {
  const ra = rank(a);
  const rb = rank(b);
  if (ra !== rb) return ra - rb;
  if (ra === 0) return a === b ? 0 : (a as number) < (b as number) ? -1 : 1;
  if (ra === 1) return compareStrings(a as string, b as string);
  if (ra === 2) return Number(a) - Number(b);
  return compareStrings(compactJson(a), compactJson(b));
}

const rank = (v: unknown): number =>
  typeof v === 'number' || typeof v === 'bigint' ? 0 : typeof v === 'string' ? 1 : typeof v === 'boolean' ? 2 : 3;

/** By bytes of UTF-8, as Go compares strings; equal to the order of code points. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const sx = x >= 0xd800 && x <= 0xdfff;
    const sy = y >= 0xd800 && y <= 0xdfff;
    return sx === sy ? x - y : sx ? 1 : -1;
  }
  return a.length - b.length;
}
