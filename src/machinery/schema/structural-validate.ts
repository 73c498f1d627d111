/**
 * Validation of a custom object against its schema, in the words of upstream's validator. An interpreter over the schema as
 * it is written: nothing is compiled, nothing to warm up. Upstream: kube-openapi pkg/validation/validate,
 * apiextensions apiserver/validation/{validation,ratcheting}.go
 */
import { RE2JS } from 're2js';
import { jsonEqual } from '../patch/json-value.ts';
import {
  type FieldError,
  invalidField,
  notSupported,
  requiredField,
  tooLong,
  tooMany,
  typeInvalid,
} from '../validation/field-error.ts';
import { additionalOf, itemsOf, type JsonSchemaProps, knownFormat, propertyOf } from './structural.ts';
import { hasFormat } from './structural-formats.ts';

type JsonObject = Record<string, unknown>;

/** What a check found. `matched` counts the checks that passed: the best of several failed alternatives is reported. */
class Result {
  readonly errors: FieldError[] = [];
  matched = 0;

  add(...errors: FieldError[]): void {
    for (const e of errors) {
      if (!this.errors.some((o) => o.type === e.type && o.field === e.field && o.detail === e.detail))
        this.errors.push(e);
    }
  }
  merge(other: Result): void {
    this.matched += other.matched;
    this.add(...other.errors);
  }
  get ok(): boolean {
    return this.errors.length === 0;
  }
}

/** The stored value that a value stands for on update; unknown for items that cannot be told apart. */
const NO_OLD = Symbol('no old value');
type Old = unknown | typeof NO_OLD;

/** Field errors of an object; `prefix` names where it sits ('' for the whole object, 'status'). */
export function validateStructural(value: unknown, schema: JsonSchemaProps, prefix = ''): FieldError[] {
  return new Validator(prefix).node(value, schema, '', NO_OLD).errors;
}

/** As validateStructural, but what is equal to the stored value is not held against the client. KEP-4008 */
export function validateStructuralUpdate(
  value: unknown,
  old: unknown,
  schema: JsonSchemaProps,
  prefix = '',
): FieldError[] {
  return new Validator(prefix).node(value, schema, '', old).errors;
}

class Validator {
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  node(value: unknown, s: JsonSchemaProps, path: string, old: Old): Result {
    const result = new Result();
    if (old !== NO_OLD && old !== undefined && jsonEqual(value, old)) {
      result.matched = 1;
      return result;
    }
    if (value === null) {
      this.#null(s, path, result);
      this.#enum(value, s, path, result);
      return result;
    }
    const kind = kindOf(value);
    if (typeNames(s).length > 0 || knownFormat(s) !== '')
      this.#count(result, (r) => this.#type(value, kind, s, path, r));
    this.#count(result, (r) => this.#logic(value, s, path, r));
    if (kind === 'string') this.#count(result, (r) => this.#string(value as string, s, path, r));
    if (kind === 'string' && knownFormat(s) !== '')
      this.#count(result, (r) => this.#format(value as string, s, path, r));
    if (kind === 'integer' || kind === 'number')
      this.#count(result, (r) => this.#number(value as number | bigint, kind, s, path, r));
    if (kind === 'array') this.#count(result, (r) => this.#list(value as unknown[], s, path, r, old));
    this.#count(result, (r) => this.#enum(value, s, path, r));
    if (kind === 'object') this.#count(result, (r) => this.#object(value as JsonObject, s, path, r, old));
    result.matched++;
    return result;
  }

  #count(result: Result, check: (result: Result) => void): void {
    const r = new Result();
    check(r);
    result.merge(r);
    result.matched++;
  }

  /** `.spec.x` → the field as errors name it. */
  #field(path: string): string {
    const name = path.startsWith('.') ? path.slice(1) : path;
    if (this.#prefix === '' || name === '') return name || this.#prefix || '<nil>';
    return `${this.#prefix}.${name}`;
  }

  #invalid(path: string, value: unknown, text: string): FieldError {
    return invalidField(this.#field(path), value ?? '', `${path} in body ${text}`);
  }

  /** Faults that upstream's validator does not tie to a field. */
  #loose(text: string): FieldError {
    return invalidField(this.#prefix || '<nil>', '', text);
  }

  #wrongType(path: string, want: string, actual: string): FieldError {
    return typeInvalid(this.#field(path), actual, `${path} in body must be of type ${want}: ${JSON.stringify(actual)}`);
  }

  #null(s: JsonSchemaProps, path: string, result: Result): void {
    const types = typeNames(s);
    if (types.length > 0 && !types.includes('null') && !s.nullable)
      result.add(this.#wrongType(path, types.join(','), 'null'));
    else result.matched++;
  }

  #type(value: unknown, kind: Kind, s: JsonSchemaProps, path: string, result: Result): void {
    const types = typeNames(s);
    const format = knownFormat(s);
    const fits = types.includes(kind) || (kind === 'integer' && types.includes('number'));
    if (kind !== 'string' && kind !== 'array' && format !== '') {
      const actual = kind === 'integer' ? 'int64' : kind === 'number' ? 'float64' : '';
      if (!fits && actual !== format) {
        result.add(this.#wrongType(path, format, actual));
        return;
      }
    }
    const numeric = types.includes('number') || types.includes('integer');
    if (!(!numeric && format !== '' && typeof value === 'string') && !fits) {
      result.add(this.#wrongType(path, types.join(','), kind));
      return;
    }
    result.matched++;
  }

  #logic(value: unknown, s: JsonSchemaProps, path: string, result: Result): void {
    const name = JSON.stringify(path);
    if (s.anyOf?.length) this.#anyOf(value, s.anyOf, path, result);
    if (s.oneOf?.length) this.#oneOf(value, s.oneOf, path, result);
    if (s.allOf?.length) {
      let passed = 0;
      for (const one of s.allOf) {
        const r = this.node(value, one, path, NO_OLD);
        if (r.ok) passed++;
        result.merge(r);
      }
      if (passed !== s.allOf.length) {
        result.add(
          this.#loose(`${name} must validate all the schemas (allOf)${passed === 0 ? '. None validated' : ''}`),
        );
      }
    }
    if (s.not && this.node(value, s.not, path, NO_OLD).ok)
      result.add(this.#loose(`${name} must not validate the schema (not)`));
    result.matched++;
  }

  #anyOf(value: unknown, alternatives: JsonSchemaProps[], path: string, result: Result): void {
    let best: Result | undefined;
    for (const one of alternatives) {
      const r = this.node(value, one, path, NO_OLD);
      if (r.ok) {
        result.merge(r);
        return;
      }
      if (!best || r.matched > best.matched) best = r;
    }
    result.add(this.#loose(`${JSON.stringify(path)} must validate at least one schema (anyOf)`));
    if (best) result.merge(best);
  }

  #oneOf(value: unknown, alternatives: JsonSchemaProps[], path: string, result: Result): void {
    let best: Result | undefined;
    let first: Result | undefined;
    let passed = 0;
    for (const one of alternatives) {
      const r = this.node(value, one, path, NO_OLD);
      if (r.ok) {
        passed++;
        best = undefined;
        first ??= r;
      } else if (passed === 0 && (!best || r.matched > best.matched)) best = r;
    }
    if (passed === 1) {
      result.merge(first!);
      return;
    }
    const found = passed === 0 ? 'Found none valid' : `Found ${passed} valid alternatives`;
    result.add(this.#loose(`${JSON.stringify(path)} must validate one and only one schema (oneOf). ${found}`));
    if (best) result.merge(best);
  }

  #string(value: string, s: JsonSchemaProps, path: string, result: Result): void {
    // Code points, as Go counts runes.
    const length = s.maxLength === undefined && s.minLength === undefined ? 0 : [...value].length;
    if (s.maxLength !== undefined && length > s.maxLength) result.add(tooLong(this.#field(path), s.maxLength));
    else if (s.minLength !== undefined && length < s.minLength) {
      result.add(this.#invalid(path, value, `should be at least ${s.minLength} chars long`));
    } else if (s.pattern) this.#pattern(value, s.pattern, path, result);
  }

  #pattern(value: string, pattern: string, path: string, result: Result): void {
    const expression = compilePattern(pattern);
    if (expression instanceof Error) {
      result.add(
        this.#invalid(path, value, `should match '${pattern}, but pattern is invalid: ${expression.message}'`),
      );
    } else if (!expression.matcher(value).find()) {
      result.add(this.#invalid(path, value, `should match '${pattern}'`));
    }
  }

  #format(value: string, s: JsonSchemaProps, path: string, result: Result): void {
    const format = knownFormat(s);
    if (!hasFormat(value, format)) {
      result.add(
        typeInvalid(this.#field(path), value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`),
      );
    }
  }

  #number(value: number | bigint, kind: 'integer' | 'number', s: JsonSchemaProps, path: string, result: Result): void {
    const range = numberRangeError(value, s, 'Checked', path);
    if (range !== undefined) result.add(this.#loose(range));
    this.#bound('MultipleOf', s.multipleOf, kind, s, path, result, (factor, exact) =>
      isMultiple(value, factor, exact)
        ? undefined
        : this.#invalid(path, value, `should be a multiple of ${goNumber(factor, exact)}`),
    );
    this.#bound('Minimum boundary', s.minimum, kind, s, path, result, (min, exact) =>
      (s.exclusiveMinimum ? value > min : value >= min)
        ? undefined
        : this.#invalid(
            path,
            value,
            `should be greater than ${s.exclusiveMinimum ? '' : 'or equal to '}${goNumber(min, exact)}`,
          ),
    );
    this.#bound('Maximum boundary', s.maximum, kind, s, path, result, (max, exact) =>
      (s.exclusiveMaximum ? value < max : value <= max)
        ? undefined
        : this.#invalid(
            path,
            value,
            `should be less than ${s.exclusiveMaximum ? '' : 'or equal to '}${goNumber(max, exact)}`,
          ),
    );
    result.matched++;
  }

  /** `exact`: an integer that is compared with the whole part of a bound; a bound that is out of range is compared as a float. */
  #bound(
    what: string,
    bound: number | bigint | undefined,
    kind: 'integer' | 'number',
    s: JsonSchemaProps,
    path: string,
    result: Result,
    check: (bound: number, exact: boolean) => FieldError | undefined,
  ): void {
    if (bound === undefined) return;
    const n = Number(bound);
    const range = numberRangeError(n, s, what, path);
    if (range !== undefined) result.add(this.#loose(range));
    const exact = kind === 'integer' && range === undefined;
    const problem = check(exact ? Math.trunc(n) : n, exact);
    if (problem !== undefined) result.add(problem);
  }

  #list(value: readonly unknown[], s: JsonSchemaProps, path: string, result: Result, old: Old): void {
    const items = itemsOf(s);
    if (items) {
      const oldItem = correlate(s, old);
      value.forEach((v, i) => void result.merge(this.node(v, items, `${path}[${i}]`, oldItem(v))));
    }
    if (s.minItems !== undefined && value.length < s.minItems) {
      result.add(this.#invalid(path, value.length, `should have at least ${s.minItems} items`));
    }
    if (s.maxItems !== undefined && value.length > s.maxItems)
      result.add(tooMany(this.#field(path), value.length, s.maxItems));
    if (s.uniqueItems && value.some((v, i) => value.slice(0, i).some((u) => jsonEqual(u, v)))) {
      result.add(this.#invalid(path, '', "shouldn't contain duplicates"));
    }
    result.matched++;
  }

  #enum(value: unknown, s: JsonSchemaProps, path: string, result: Result): void {
    if (!s.enum?.length || s.enum.some((e) => e !== null && jsonEqual(e, value))) return;
    const values = s.enum.map((e) => (typeof e === 'string' ? e : JSON.stringify(e)));
    result.add(notSupported(this.#field(path), value, values));
  }

  #object(value: JsonObject, s: JsonSchemaProps, path: string, result: Result, old: Old): void {
    const keys = Object.keys(value);
    if (s.minProperties !== undefined && keys.length < s.minProperties) {
      result.add(this.#invalid(path, keys.length, `should have at least ${s.minProperties} properties`));
    }
    if (s.maxProperties !== undefined && keys.length > s.maxProperties) {
      result.add(tooMany(this.#field(path), keys.length, s.maxProperties));
    }
    const oldObject = isObject(old) && s['x-kubernetes-map-type'] !== 'atomic' ? old : undefined;
    const oldOf = (key: string): Old => (oldObject && Object.hasOwn(oldObject, key) ? oldObject[key] : NO_OLD);
    const additional = additionalOf(s);
    for (const key of keys) {
      if (propertyOf(s, key)) continue;
      if (s.additionalProperties === false)
        result.add(invalidField(this.#field(path), key, `${path}.${key} in body is a forbidden property`));
      else if (additional) result.merge(this.node(value[key], additional, `${path}.${key}`, oldOf(key)));
    }
    for (const key of Object.keys(s.properties ?? {})) {
      if (value[key] === undefined) continue;
      result.merge(this.node(value[key], s.properties![key]!, path === '' ? key : `${path}.${key}`, oldOf(key)));
    }
    for (const key of s.required ?? []) {
      if (value[key] === undefined) result.add(requiredField(this.#field(`${path}.${key}`)));
    }
  }
}

type Kind = 'object' | 'array' | 'string' | 'boolean' | 'integer' | 'number';

function kindOf(value: unknown): Kind {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return 'integer';
    case 'number':
      return Number.isInteger(value) ? 'integer' : 'number';
    default:
      return 'object';
  }
}

const isObject = (v: unknown): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);

function typeNames(s: JsonSchemaProps): readonly string[] {
  if (s['x-kubernetes-int-or-string']) return INT_OR_STRING;
  return s.type ? [s.type] : [];
}
const INT_OR_STRING = ['integer', 'string'];

const patterns = new Map<string, RE2JS | Error>();

/** RE2, as Go has it; compiled once a pattern. */
export function compilePattern(pattern: string): RE2JS | Error {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    try {
      compiled = RE2JS.compile(pattern);
    } catch (err) {
      compiled = err instanceof Error ? err : new Error(String(err));
    }
    patterns.set(pattern, compiled);
  }
  return compiled;
}

function isMultiple(value: number | bigint, factor: number, exact: boolean): boolean {
  if (factor <= 0) return true;
  if (exact && factor >= 1) return BigInt(value) % BigInt(factor) === 0n;
  const n = Number(value);
  const quotient = factor < 1 ? (1 / factor) * n : n / factor;
  const diff = Math.abs(quotient - Math.round(quotient));
  return diff < 1e-9 * Math.max(1, Math.abs(quotient));
}

function numberRangeError(value: number | bigint, s: JsonSchemaProps, what: string, path: string): string | undefined {
  if (s.type !== 'integer') return undefined;
  const bits = s.format === 'int32' ? 31n : 63n;
  const n = typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value) : undefined;
  if (n !== undefined && n >= -(1n << bits) && n < 1n << bits) return undefined;
  return `${what} value must be of type integer ${s.format ? `with format ${s.format}` : '(default format)'} in ${path}`;
}

/** %v of a Go int64 (`exact`) or float64. */
function goNumber(n: number, exact: boolean): string {
  if (exact || n === 0) return String(n);
  const magnitude = Math.abs(n);
  if (magnitude >= 1e-4 && magnitude < 1e6) return String(n);
  return n.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** How items of a list find what they were: by key in lists of type map, not at all in others. */
function correlate(s: JsonSchemaProps, old: Old): (item: unknown) => Old {
  const names = s['x-kubernetes-list-map-keys'];
  if (!Array.isArray(old) || s['x-kubernetes-list-type'] !== 'map' || !names?.length) return () => NO_OLD;
  const keyOf = (item: unknown): string => JSON.stringify(names.map((n) => (isObject(item) ? String(item[n]) : null)));
  const byKey = new Map(old.map((item) => [keyOf(item), item]));
  return (item) => byKey.get(keyOf(item)) ?? NO_OLD;
}
