/**
 * The small rules that validation of every kind is made of. Each appends to `out`; none throws. Messages are upstream's.
 * Upstream: apimachinery/pkg/api/validation, pkg/apis/core/validation (ValidateNonnegativeField ...)
 */
import { cmpQuantity, formatQuantity, parseQuantity, type Quantity } from '../../machinery/quantity/quantity.ts';
import {
  type FieldError,
  invalidField,
  notSupported,
  type Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from '../../machinery/validation/names.ts';
import { semanticEqual } from './semantic-equal.ts';

export const NEGATIVE = 'must be greater than or equal to 0';
export const IMMUTABLE = 'field is immutable';
export const NOT_POSITIVE = 'must be greater than zero';

export type Errors = FieldError[];

export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** One Invalid a message. */
export function invalidEach(messages: readonly string[], path: Path, value: unknown, out: Errors): void {
  for (const message of messages) out.push(invalidField(path, value, message));
}

export function nonNegative(value: number | undefined | null, path: Path, out: Errors): void {
  if (value !== undefined && value !== null && value < 0) out.push(invalidField(path, value, NEGATIVE));
}

export function positive(value: number | undefined, path: Path, out: Errors): void {
  if (!(Number(value ?? 0) > 0)) out.push(invalidField(path, value ?? 0, NOT_POSITIVE));
}

/** Required when empty, NotSupported when not among `values`. */
export function oneOf(value: string | undefined, values: readonly string[], path: Path, out: Errors): void {
  if (!value) out.push(requiredField(path));
  else supported(value, values, path, out);
}

/** NotSupported when set and not among `values`; `''` counts as set. */
export function supported(value: string | undefined | null, values: readonly string[], path: Path, out: Errors): void {
  if (value !== undefined && value !== null && !values.includes(value)) out.push(notSupported(path, value, values));
}

export function immutable(value: unknown, old: unknown, path: Path, out: Errors): void {
  if (value === old) return;
  // A map is known by the field that holds it.
  const key = typeof (value ?? old) === 'object' ? path.toString().replace(/^.*\./, '') : '';
  if (!semanticEqual(value, old, key)) {
    const shown = value === undefined && typeof old === 'string' ? '' : (value ?? null);
    out.push(invalidField(path, shown, IMMUTABLE));
  }
}

export function dnsLabel(value: string, path: Path, out: Errors): void {
  invalidEach(isDNS1123Label(value), path, value, out);
}

export function dnsSubdomain(value: string, path: Path, out: Errors): void {
  invalidEach(isDNS1123Subdomain(value), path, value, out);
}

export function qualifiedName(value: string, path: Path, out: Errors): void {
  invalidEach(isQualifiedName(value), path, value, out);
}

export function required(value: string | undefined | null, path: Path, out: Errors, detail = ''): void {
  if (!value) out.push(requiredField(path, detail));
}

const ZERO = parseQuantity('0');

/** The quantity a field holds, zero when it holds none (decoding has refused what cannot be parsed). */
export function quantityOf(value: string | number | undefined | null): Quantity {
  if (value === undefined || value === null) return ZERO;
  try {
    return parseQuantity(String(value));
  } catch {
    return ZERO;
  }
}

export function compareQuantities(a: string | number | undefined, b: string | number | undefined): number {
  return cmpQuantity(quantityOf(a), quantityOf(b));
}

/** A quantity in canonical form, as upstream prints it in messages. */
export function quantityText(value: string | number | undefined): string {
  return formatQuantity(quantityOf(value));
}

export function nonNegativeQuantity(value: string | number, path: Path, out: Errors): void {
  if (compareQuantities(value, '0') < 0) out.push(invalidField(path, quantityText(value), NEGATIVE));
}

export function positiveQuantity(value: string | number, path: Path, out: Errors): void {
  if (compareQuantities(value, '0') <= 0) out.push(invalidField(path, quantityText(value), NOT_POSITIVE));
}

/** Bytes of a string as Go counts them. */
export const byteLength = (s: string): number => Buffer.byteLength(s, 'utf8');

/** Keys in order, as Go's JSON encoder writes maps (for bad values in messages). */
export function sortedMap<T>(map: Record<string, T> | undefined): Record<string, T> | null {
  return map ? Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : null;
}
