/**
 * Field errors: collected values {type, field, badValue, detail}, never thrown one by one.
 * Upstream: apimachinery/pkg/util/validation/field/errors.go, path.go
 */
import { stringifyJson } from '../codec/json.ts';

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

/** As `badValue`: nothing of the value is printed. Upstream: field.OmitValueType */
export const OMIT_VALUE: unique symbol = Symbol('omitted value');

export interface FieldError {
  /** The wire reason of the cause. */
  type: FieldErrorType;
  /** `spec.containers[0].name`; `<nil>` for the object itself. */
  field: string;
  badValue: unknown;
  detail: string;
}

const WORDS: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

/** A path that is printed only when an error is made. `path.child('spec').index(0).key('app')` → `spec[0][app]`. */
export class Path {
  readonly #parent: Path | undefined;
  readonly #part: string | number;
  /** An index or a key, which stands in brackets. */
  readonly #isItem: boolean;
  private constructor(part: string | number, parent: Path | undefined, isItem: boolean) {
    this.#part = part;
    this.#parent = parent;
    this.#isItem = isItem;
  }
  static root(...names: string[]): Path {
    let p = new Path(names[0] ?? '', undefined, false);
    for (const n of names.slice(1)) p = p.child(n);
    return p;
  }
  // Not `...names`: most have one, and a list of one would be made for each.
  child(name: string, second?: string, third?: string): Path {
    const p = new Path(name, this, false);
    return second === undefined ? p : p.child(second, third);
  }
  index(i: number): Path {
    return new Path(i, this, true);
  }
  key(k: string): Path {
    return new Path(k, this, true);
  }
  #isEmpty(): boolean {
    return this.#parent === undefined && this.#part === '';
  }
  toString(): string {
    const parent = this.#parent;
    if (parent === undefined) return String(this.#part);
    const separated = this.#isItem ? `[${this.#part}]` : parent.#isEmpty() ? this.#part : `.${this.#part}`;
    return `${parent.toString()}${separated}`;
  }
}

const make =
  (type: FieldErrorType) =>
  (path: Path | string, badValue: unknown, detail: string): FieldError => ({
    type,
    // Go tells a path without a name from none.
    field: typeof path === 'string' ? path || '<nil>' : path.toString() || '[]',
    badValue,
    detail,
  });

export const invalidField = make('FieldValueInvalid');
export const typeInvalid = make('FieldValueTypeInvalid');
export const requiredField = (path: Path | string, detail = ''): FieldError =>
  make('FieldValueRequired')(path, '', detail);
export const duplicateField = (path: Path | string, value: unknown): FieldError =>
  make('FieldValueDuplicate')(path, value, '');
export const forbiddenField = (path: Path | string, detail: string): FieldError =>
  make('FieldValueForbidden')(path, '', detail);
export const notFoundField = (path: Path | string, value: unknown): FieldError =>
  make('FieldValueNotFound')(path, value, '');
export const notSupported = (path: Path | string, value: unknown, values: readonly string[]): FieldError =>
  make('FieldValueNotSupported')(
    path,
    value,
    values.length ? `supported values: ${values.map((v) => JSON.stringify(v)).join(', ')}` : '',
  );
export const tooLong = (path: Path | string, max: number): FieldError =>
  make('FieldValueTooLong')(
    path,
    '',
    max >= 0 ? `may not be more than ${max} ${max === 1 ? 'byte' : 'bytes'}` : 'value is too long',
  );
export const tooMany = (path: Path | string, actual: number, max: number): FieldError =>
  make('FieldValueTooMany')(
    path,
    actual,
    max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items',
  );
export const internalFieldError = (path: Path | string, err: Error): FieldError =>
  make('InternalError')(path, null, err.message);

/** What follows the field's name: `Invalid value: "x": must be y`. Upstream: Error.ErrorBody */
export function fieldErrorBody(e: FieldError): string {
  const word = WORDS[e.type];
  let s: string;
  if (e.badValue === OMIT_VALUE) {
    s = word;
  } else
    switch (e.type) {
      case 'FieldValueRequired':
      case 'FieldValueForbidden':
      case 'FieldValueTooLong':
      case 'InternalError':
        s = word;
        break;
      default:
        s = `${word}: ${goValue(e.badValue)}`;
    }
  return e.detail === '' ? s : `${s}: ${e.detail}`;
}

/** A value as Go's field errors print it: strings quoted, numbers and booleans plain, structures as JSON, absent as null. */
function goValue(v: unknown): string {
  if (v === undefined || v === null) return 'null';
  if (typeof v === 'bigint') return v.toString();
  if (typeof v === 'object') return stringifyJson(v);
  return typeof v === 'string' && CONTROL.test(v) ? goQuoted(v) : JSON.stringify(v);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Go's %q, which writes control characters in its own way. */
function goQuoted(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u000b/g, '\\v')
    .replace(/\\u0007/g, '\\a')
    .replace(/\\u00([01].)/g, '\\x$1')
    .replaceAll('\u007f', '\\x7f');
}

export function fieldErrorMessage(e: FieldError): string {
  return `${e.field}: ${fieldErrorBody(e)}`;
}

/** One message for all: plain when single, bracketed and without repeats when many. Upstream: ErrorList.ToAggregate */
export function aggregateMessage(errors: readonly FieldError[]): string {
  const messages = [...new Set(errors.map(fieldErrorMessage))];
  return messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]`;
}
