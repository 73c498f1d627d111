/**
 * Values of a wrong type on their way into a typed struct, refused in the words of Go's decoder.
 * Upstream: sigs.k8s.io/json internal/golang/encoding/json/decode.go
 */
import { badRequest, type StatusError } from '../errors/status-error.ts';
import { parseMicroTimeOrUndefined, parseTimeOrUndefined, timeParseError } from '../meta/time.ts';
import { parseQuantity } from '../quantity/quantity.ts';
import type { ObjectSchema, ScalarSchema, Schema, SchemaSource } from '../schema/schema.ts';
import { resolve } from '../schema/schema.ts';
import { hasWireMessage, nested, type WireField, type WireMessage, wireMessage } from './wire-table.ts';

type JsonObject = Record<string, unknown>;

/**
 * The first value whose type Go's decoder would refuse, in its words; undefined when all fit. null fits everywhere. Parts that
 * `object` has from `known`, which fits, at the same place are not looked at.
 */
export function checkTypes(object: unknown, schema: Schema, source: SchemaSource, known?: unknown): string | undefined {
  return mismatch(object, schema, source, known)?.message;
}

/** As checkTypes, in the words of the converter that strategic merge patches go through instead of the decoder. */
export function checkRestorable(
  object: unknown,
  schema: Schema,
  source: SchemaSource,
  known?: unknown,
): string | undefined {
  const found = mismatch(object, schema, source, known);
  return found?.restoring ?? found?.message;
}

function mismatch(object: unknown, schema: Schema, source: SchemaSource, known: unknown): Mismatch | undefined {
  try {
    new TypeChecker(source).check(object, source.decoded?.(schema) ?? schema, known);
    return undefined;
  } catch (err) {
    if (err instanceof Mismatch) return err;
    throw err;
  }
}

/** The 400 for a body that does not fit its type. */
export function decodeTypeError(kind: string, apiVersion: string, message: string): StatusError {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${message}`);
}

class Mismatch extends Error {
  /** The converter's words, where they differ. Upstream: apimachinery/pkg/runtime/converter.go fromUnstructured */
  readonly restoring: string | undefined;

  constructor(message: string, restoring?: string) {
    super(message);
    this.restoring = restoring;
  }
}

function restoreText(value: string, s: Exclude<Schema, { type: 'ref' }>, raw: unknown, named = ''): string | undefined {
  const from = RESTORED_FROM[value] ?? 'int64';
  if (s.type === 'object') return `cannot restore struct from: ${from}`;
  if (s.type === 'map') return `cannot restore map from ${from}`;
  if (s.type === 'list') return `cannot restore slice from ${from}`;
  if (SPECIAL_FORMATS.has('format' in s ? s.format : undefined)) return undefined;
  // What Go could convert by itself is refused in other words.
  if (s.type === 'string' && isWhole(raw)) return `cannot convert int64 to ${named || 'string'}`;
  if (s.type === 'integer' && typeof raw === 'number' && !isWhole(raw))
    return `cannot convert float64 to ${s.format ?? 'int64'}`;
  if (s.type === 'integer') return `unrecognized type: ${s.format ?? 'int64'}`;
  return `unrecognized type: ${s.type === 'boolean' ? 'bool' : s.type === 'number' ? 'float64' : s.type}`;
}

const isWhole = (raw: unknown): boolean => typeof raw === 'bigint' || Number.isInteger(raw);

const RESTORED_FROM: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'bool',
  array: 'slice',
  object: 'map',
};

class TypeChecker {
  readonly #source: SchemaSource;
  /** Field names from the root, without indices and map keys: Go's field stack; and the struct each belongs to. */
  readonly #fields: string[] = [];
  readonly #structs: string[] = [];
  /** The innermost struct. */
  #struct = '';

  constructor(source: SchemaSource) {
    this.#source = source;
  }

  check(value: unknown, schema: Schema, known?: unknown): void {
    if (value === null || value === undefined || (value === known && typeof value === 'object')) return;
    const s = resolve(schema, this.#source);
    switch (s.type) {
      case 'object':
        if (typeof value !== 'object' || Array.isArray(value)) this.#fail(describe(value), s);
        this.#object(value as JsonObject, s, known as JsonObject | null | undefined);
        return;
      case 'map':
        if (typeof value !== 'object' || Array.isArray(value)) this.#fail(describe(value), s);
        for (const key of Object.keys(value))
          this.check((value as JsonObject)[key], s.values, (known as JsonObject | null | undefined)?.[key]);
        return;
      case 'list':
        if (!Array.isArray(value)) this.#fail(describe(value), s);
        for (let i = 0; i < (value as unknown[]).length; i++)
          this.check((value as unknown[])[i], s.items, (known as unknown[] | null | undefined)?.[i]);
        return;
      case 'any':
        return;
      default:
        this.#scalar(value, s);
    }
  }

  #object(value: JsonObject, s: ObjectSchema, known: JsonObject | null | undefined): void {
    const outer = this.#struct;
    if (s.name !== undefined) this.#struct = s.name;
    for (const key of Object.keys(value)) {
      const field = s.fields.get(key);
      if (field === undefined) continue;
      this.#fields.push(key);
      this.#structs.push(this.#struct);
      this.check(value[key], field, known?.[key]);
      if (field.type === 'any' && SCHEMA_FIELDS.has(key)) this.#schemas(value[key], s);
      this.#fields.pop();
      this.#structs.pop();
    }
    this.#struct = outer;
  }

  /** A schema, or several, inside a schema, where a boolean may stand as well. */
  #schemas(value: unknown, s: ObjectSchema): void {
    if (!s.name?.endsWith('.JSONSchemaProps') || typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const v of value) this.check(v, s);
    else this.check(value, s);
  }

  #scalar(value: unknown, s: ScalarSchema): void {
    if (SPECIAL_FORMATS.has(s.format)) {
      this.#special(value, s);
      return;
    }
    switch (s.type) {
      case 'string':
        if (typeof value !== 'string') this.#fail(describe(value), s, undefined, value);
        return;
      case 'boolean':
        if (typeof value !== 'boolean') this.#fail(describe(value), s);
        return;
      case 'number':
        if (typeof value !== 'number' && typeof value !== 'bigint') this.#fail(describe(value), s);
        return;
      case 'integer':
        if (typeof value !== 'number' && typeof value !== 'bigint') this.#fail(describe(value), s);
        if (!fitsInteger(value as number | bigint, s.format)) this.#fail(`number ${value}`, s, undefined, value);
    }
  }

  /** Formats that Go decodes by code of their own. */
  #special(value: unknown, s: ScalarSchema): void {
    switch (s.format) {
      case 'int-or-string':
        if (typeof value === 'string') return;
        if (typeof value !== 'number' && typeof value !== 'bigint') this.#fail(describe(value), s, 'int32');
        if (!fitsInteger(value, 'int32')) this.#fail(`number ${value}`, s, 'int32');
        return;
      case 'quantity': {
        const problem = quantityProblem(value);
        if (problem !== undefined) throw new Mismatch(problem);
        return;
      }
      case 'byte': {
        if (typeof value !== 'string') this.#fail(describe(value), s);
        const problem = base64Problem(value);
        if (problem !== undefined) throw new Mismatch(problem);
        return;
      }
      default: {
        if (typeof value !== 'string') this.#fail(describe(value), s, 'string');
        const micro = s.format === 'micro-time';
        const ms = micro ? parseMicroTimeOrUndefined(value) : parseTimeOrUndefined(value);
        if (ms === undefined) throw new Mismatch(timeParseError(value, { micro }));
      }
    }
  }

  #fail(value: string, s: Exclude<Schema, { type: 'ref' }>, as?: string, raw?: unknown): never {
    const named = this.#fields.length === 0 ? undefined : goNameOf(this.#structs.at(-1)!, this.#fields.at(-1)!);
    const type = as ?? (named === undefined ? undefined : goNamed(s, named, this.#source)) ?? goType(s, this.#source);
    const restoring = restoreText(value, s, raw, named);
    if (this.#fields.length === 0)
      throw new Mismatch(`json: cannot unmarshal ${value} into Go value of type ${type}`, restoring);
    const path = this.#fields.map((f, i) => `${embeddedIn(this.#structs[i]!, f)}${f}`).join('.');
    throw new Mismatch(
      `json: cannot unmarshal ${value} into Go struct field ${shortName(this.#struct)}.${path} of type ${type}`,
      restoring,
    );
  }
}

const SPECIAL_FORMATS: ReadonlySet<string | undefined> = new Set([
  'int-or-string',
  'quantity',
  'byte',
  'date-time',
  'time',
  'micro-time',
]);

const SCHEMA_FIELDS: ReadonlySet<string> = new Set(['items', 'additionalItems', 'additionalProperties']);

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** `ProbeHandler.` where the field comes from an embedded struct, of several the outermost first; else nothing. */
function embeddedIn(struct: string, field: string): string {
  if (!hasWireMessage(struct)) return '';
  const m = wireMessage(struct);
  if (m.isKind && (field === 'kind' || field === 'apiVersion')) return 'TypeMeta.';
  const way = find(m, field)?.way ?? [];
  return way.map((name) => `${shortName(name)}.`).join('');
}

/** The named Go type of a field that is a plain string in JSON (`v1.RestartPolicy`). */
function goNameOf(struct: string, field: string): string | undefined {
  return hasWireMessage(struct) ? find(wireMessage(struct), field)?.field.goName : undefined;
}

/** A field of a struct or of those it embeds, and the way to it. */
function find(m: WireMessage, name: string): { field: WireField; way: string[] } | undefined {
  for (const field of m.fields) {
    if (!field.inline) {
      if (field.name === name) return { field, way: [] };
      continue;
    }
    const inner = find(nested(field), name);
    if (inner !== undefined) return { field: inner.field, way: [field.messageName, ...inner.way] };
  }
  return undefined;
}

/** A string, or a list of strings, of the named Go type; undefined for all else. */
function goNamed(s: Exclude<Schema, { type: 'ref' }>, named: string, source: SchemaSource): string | undefined {
  if (s.type === 'string') return s.format === undefined ? named : undefined;
  if (s.type !== 'list') return undefined;
  const items = goNamed(resolve(s.items, source), named, source);
  return items && `[]${items}`;
}

function fitsInteger(value: number | bigint, format: string | undefined): boolean {
  if (typeof value === 'number' && !Number.isInteger(value)) return false;
  if (format === 'int32') return value >= -2147483648 && value <= 2147483647;
  const n = BigInt(value);
  return n >= -(1n << 63n) && n < 1n << 63n;
}

function quantityProblem(value: unknown): string | undefined {
  try {
    parseQuantity(typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? value : '{}');
    return undefined;
  } catch (err) {
    return (err as Error).message;
  }
}

/** Go's base64 decoder skips line ends and is strict about all else. */
function base64Problem(text: string): string | undefined {
  let digits = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const isDigit =
      (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2b || c === 0x2f;
    if (isDigit) digits++;
    else if (c !== 0x0a && c !== 0x0d) break;
  }
  const rest = text.slice(i).replace(/[\r\n]/g, '');
  const want = PADDING[digits % 4]!;
  if (want >= 0 && rest === '='.repeat(want)) return undefined;
  return `illegal base64 data at input byte ${base64ErrorAt(rest, want, { at: i, length: text.length, digits })}`;
}

/** How many `=` end a text by its number of digits modulo 4; -1: none can. */
const PADDING: readonly number[] = [0, -1, 2, 1];

/** Which byte Go names: the unfinished group, the wrong character, or the first one too many. */
function base64ErrorAt(rest: string, want: number, text: { at: number; length: number; digits: number }): number {
  if (rest === '') return text.length - (text.digits % 4);
  if (rest[0] !== '=' || want <= 0) return text.at;
  if (want === 2 && rest.length === 1) return text.length;
  return want === 2 && rest[1] !== '=' ? text.at : text.at + want;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'number';
    default:
      return typeof value;
  }
}

/** The Go type a schema stands for, as Go's errors print it. */
function goType(schema: Schema, source: SchemaSource): string {
  const s = resolve(schema, source);
  switch (s.type) {
    case 'object':
      return s.name === undefined ? 'struct' : s.name.split('.').slice(-2).join('.');
    case 'map': {
      const values = goType(s.values, source);
      return values === 'resource.Quantity' ? 'v1.ResourceList' : `map[string]${values}`;
    }
    case 'list':
      // The one list of any JSON is the enum of a schema.
      return s.items.type === 'any' && !s.items.embedded ? '[]v1.JSON' : `[]${goType(s.items, source)}`;
    case 'string':
      return goString(s.format);
    case 'integer':
      return s.format ?? 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    default:
      return 'interface {}';
  }
}

function goString(format: string | undefined): string {
  switch (format) {
    case 'byte':
      return '[]uint8';
    case 'quantity':
      return 'resource.Quantity';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'date-time':
    case 'time':
      return 'v1.Time';
    case 'micro-time':
      return 'v1.MicroTime';
    default:
      return 'string';
  }
}
