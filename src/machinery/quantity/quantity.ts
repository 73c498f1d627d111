/**
 * Resource quantities: exact decimal numbers with a suffix, in upstream's canonical form and with its quirks (a text that is already
 * as good as canonical is kept as written; finer than 1n is rounded up; binary suffixes end at 2^63-1).
 * Upstream: apimachinery/pkg/api/resource/quantity.go
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** `unscaled × 10^scale`. Frozen; the parsed ones are shared. */
export interface Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text it was parsed from, where upstream gives that back. */
  readonly text?: string;
}

export class QuantityError extends Error {
  override name = 'QuantityError';
}

const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMERIC = 'unable to parse numeric part of quantity';
const SUFFIX = "unable to parse quantity's suffix";

const DECIMAL_SUFFIXES: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_SUFFIXES: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_NAMES = new Map(Object.entries(DECIMAL_SUFFIXES).map(([s, e]) => [e, s]));
const BINARY_NAMES = new Map(Object.entries(BINARY_SUFFIXES).map(([s, e]) => [e, s]));

const MAX_INT64 = (1n << 63n) - 1n;
const MIN_INT64 = -(1n << 63n);
const NANO = -9;
// Deviation: upstream works through any exponent at any cost; beyond these bounds we refuse.
const MAX_EXPONENT = 1000;
const MAX_DIGITS = 10_000;

const SHAPE = /^([+-]?)(0*)([0-9]*)(?:(\.)([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/;

const MEMO_SIZE = 4096;
const memo = new Map<string, Quantity>();

/** @throws QuantityError with upstream's text. */
export function parseQuantity(text: string | number | bigint): Quantity {
  const s = typeof text === 'string' ? text.trim() : plainNumber(text);
  const known = memo.get(s);
  if (known !== undefined) return known;
  const q = Object.freeze(parse(s));
  if (memo.size >= MEMO_SIZE) memo.clear();
  memo.set(s, q);
  return q;
}

function plainNumber(n: number | bigint): string {
  return String(n).replace('e+', 'e');
}

function parse(s: string): Quantity {
  if (s === '') throw new QuantityError(FORMAT_WRONG);
  if (s === '0') return { unscaled: 0n, scale: 0, format: 'DecimalSI', text: s };
  const m = SHAPE.exec(s);
  if (m === null) throw new QuantityError(FORMAT_WRONG);
  const negative = m[1] === '-';
  const num = m[3] || '0';
  const denom = m[5] ?? '';
  if (num.length + denom.length > MAX_DIGITS) throw new QuantityError(NUMERIC);
  const { base, exponent, format } = interpretSuffix(m[6]! + m[7]!);
  const hasDigits = m[2] !== '' || m[3] !== '' || denom !== '';
  const parts = { negative, num, denom, exponent, format };
  const short = parseShort(s, parts);
  if (short !== undefined) return short;
  if (!hasDigits) throw new QuantityError(NUMERIC);
  return parseLong({ ...parts, base });
}

function interpretSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = DECIMAL_SUFFIXES[suffix];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = BINARY_SUFFIXES[suffix];
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  const exponent = /^[eE]([-+]?\d+)$/.exec(suffix);
  if (exponent === null) throw new QuantityError(SUFFIX);
  const n = Number(exponent[1]);
  if (n > MAX_EXPONENT) throw new QuantityError(NUMERIC);
  return { base: 10, exponent: Math.max(n, -20_000), format: 'DecimalExponent' };
}

interface Parts {
  negative: boolean;
  num: string;
  denom: string;
  exponent: number;
  format: QuantityFormat;
}

/** Upstream's int64 way, which keeps some texts as they were written. */
function parseShort(s: string, { negative, num, denom, exponent, format }: Parts): Quantity | undefined {
  let scale = 0;
  let mantissa = 1n;
  let precision = -1;
  if (format !== 'BinarySI') {
    scale = exponent;
    precision = 18 - num.length - denom.length;
  } else if (denom === '') {
    mantissa = 1n << BigInt(exponent);
    precision = 15 - num.length - Math.trunc((exponent * 3) / 10) - 1;
  }
  scale -= denom.length;
  if (precision < 0 || scale < NANO) return undefined;
  const shifted = num + denom;
  const value = BigInt(shifted);
  const result = value * mantissa * (negative ? -1n : 1n);
  const kept =
    format === 'BinarySI' ? (value & 7n) !== 0n : scale % 3 === 0 && !shifted.endsWith('000') && shifted[0] !== '0';
  return { unscaled: result, scale, format, ...(kept ? { text: s } : {}) };
}

function parseLong({ negative, num, denom, exponent, format, base }: Parts & { base: 2 | 10 }): Quantity {
  let unscaled = BigInt(num + denom);
  let scale = -denom.length;
  if (base === 10) scale += exponent;
  else unscaled <<= BigInt(exponent);
  if (scale < NANO) {
    unscaled = divideUp(unscaled, NANO - scale);
    scale = NANO;
  }
  let resultFormat = format;
  if (format === 'BinarySI') {
    const one = 10n ** BigInt(-scale);
    if (unscaled > MAX_INT64 * one) {
      unscaled = MAX_INT64;
      scale = 0;
    } else if (unscaled > 0n && unscaled < one) {
      resultFormat = 'DecimalSI';
    }
  }
  return { unscaled: negative ? -unscaled : unscaled, scale, format: resultFormat };
}

/** Divides by 10^digits, away from zero. */
function divideUp(n: bigint, digits: number): bigint {
  if (digits <= 0) return n * 10n ** BigInt(-digits);
  const magnitude = n < 0n ? -n : n;
  if (digits > 20_000) return n === 0n ? 0n : n < 0n ? -1n : 1n;
  const divisor = 10n ** BigInt(digits);
  const up = (magnitude + divisor - 1n) / divisor;
  return n < 0n ? -up : up;
}

/** The canonical text. */
export function formatQuantity(q: Quantity): string {
  if (q.text !== undefined) return q.text;
  if (q.unscaled === 0n) return '0';
  let format = q.format;
  if (format === 'BinarySI') {
    const whole = divideUp(q.unscaled, -q.scale);
    const exact = q.scale >= 0 || whole * 10n ** BigInt(-q.scale) === q.unscaled;
    const small = cmpQuantity(q, MINUS_1024) > 0 && cmpQuantity(q, PLUS_1024) < 0;
    if (exact && !small) return formatBinary(whole);
    format = 'DecimalSI';
  }
  return formatDecimal(q.unscaled, q.scale, format);
}

const PLUS_1024: Quantity = { unscaled: 1024n, scale: 0, format: 'DecimalSI' };
const MINUS_1024: Quantity = { unscaled: -1024n, scale: 0, format: 'DecimalSI' };

function formatBinary(value: bigint): string {
  let v = value;
  let times = 0;
  while (v % 1024n === 0n) {
    v /= 1024n;
    times++;
  }
  return `${v}${BINARY_NAMES.get(times * 10) ?? ''}`;
}

function formatDecimal(unscaled: bigint, scale: number, format: QuantityFormat): string {
  let v = unscaled;
  let exponent = scale;
  while (v % 10n === 0n) {
    v /= 10n;
    exponent++;
  }
  while (exponent % 3 !== 0) {
    v *= 10n;
    exponent--;
  }
  if (format === 'DecimalExponent') return exponent === 0 ? `${v}` : `${v}e${exponent}`;
  return `${v}${DECIMAL_NAMES.get(exponent) ?? ''}`;
}

/** The text as upstream would give it back after decoding it. @throws QuantityError */
export function canonicalQuantity(text: string | number | bigint): string {
  const quantity = parseQuantity(text);
  const canonical = formatQuantity(quantity);
  // What is no multiple of 1024 loses its suffix, and upstream reads it from storage as a decimal.
  return quantity.format === 'BinarySI' && !canonical.endsWith('i')
    ? formatQuantity(parseQuantity(canonical))
    : canonical;
}

export const ZERO: Quantity = Object.freeze({ unscaled: 0n, scale: 0, format: 'DecimalSI' });

/** `units × 10^scale` (scale -3 for millis), rounded as given. */
export function newQuantity(units: number | bigint, format: QuantityFormat, scale = 0): Quantity {
  return { unscaled: BigInt(units), scale, format };
}

function aligned(a: Quantity, b: Quantity): [bigint, bigint, number] {
  if (a.scale === b.scale) return [a.unscaled, b.unscaled, a.scale];
  if (a.scale < b.scale) return [a.unscaled, b.unscaled * 10n ** BigInt(b.scale - a.scale), a.scale];
  return [a.unscaled * 10n ** BigInt(a.scale - b.scale), b.unscaled, b.scale];
}

/** a + b, in a's format unless a is zero. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  const [x, y, scale] = aligned(a, b);
  return { unscaled: x + y, scale, format: a.unscaled === 0n ? b.format : a.format };
}

export function subQuantity(a: Quantity, b: Quantity): Quantity {
  const [x, y, scale] = aligned(a, b);
  return { unscaled: x - y, scale, format: a.unscaled === 0n ? b.format : a.format };
}

/** -1, 0 or 1. */
export function cmpQuantity(a: Quantity, b: Quantity): -1 | 0 | 1 {
  const [x, y] = aligned(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

export function signQuantity(q: Quantity): -1 | 0 | 1 {
  return q.unscaled === 0n ? 0 : q.unscaled < 0n ? -1 : 1;
}

/** In units of 10^scale, away from zero; exact. */
export function scaledValue(q: Quantity, scale: number): bigint {
  return divideUp(q.unscaled, scale - q.scale);
}

/** Whole units, rounded away from zero: upstream's Value(). Beyond 2^53 the nearest number. */
export function quantityValue(q: Quantity): number {
  return Number(scaledValue(q, 0));
}

/** Thousandths, rounded away from zero: upstream's MilliValue(). */
export function quantityMilliValue(q: Quantity): number {
  return Number(scaledValue(q, -3));
}

/** The exact integer, or undefined when it is none or does not fit into 64 bits. */
export function asInt64(q: Quantity): bigint | undefined {
  if (q.scale < 0 && q.unscaled % 10n ** BigInt(-q.scale) !== 0n) return undefined;
  const v = scaledValue(q, 0);
  return v > MAX_INT64 || v < MIN_INT64 ? undefined : v;
}

export function asApproximateFloat64(q: Quantity): number {
  return q.scale === 0 ? Number(q.unscaled) : Number(`${q.unscaled}e${q.scale}`);
}

/** Rounded away from zero to a multiple of 10^scale: upstream's RoundUp. */
export function roundUpQuantity(q: Quantity, scale: number): Quantity {
  return q.scale >= scale ? q : { unscaled: scaledValue(q, scale), scale, format: q.format };
}
