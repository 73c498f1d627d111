/**
 * An OpenAPI document as protobuf (gnostic's openapi.v2.Document and openapi.v3.Document), which client-go and kubectl ask for. Driven
 * by the message tables in openapi/dist/gnostic-v<n>.json. Written from the end to the front, so that every length is known when it is written.
 */
// Upstream: vendor/github.com/google/gnostic-models/openapiv{2,3}/OpenAPIv{2,3}.proto
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonSchema } from './schemas.ts';

interface Field {
  number: number;
  type: string;
  repeated: boolean;
}

/** How the messages of a version are found in JSON. */
interface Format {
  messages: Record<string, Record<string, Field>>;
  /** Messages that wrap or choose: the JSON value as the one field that is set; none: the message stays empty. */
  choices: Record<string, (value: JsonSchema) => [string, unknown] | undefined>;
  /** Where x- keys go. */
  extensions: string;
}

const formats = new Map<number, Format>();

function load(version: 2 | 3): Format {
  let format = formats.get(version);
  if (format === undefined) {
    const path = fileURLToPath(import.meta.resolve(`#openapi/gnostic-v${version}.json`));
    const messages = JSON.parse(readFileSync(path, 'utf8')) as Format['messages'];
    format =
      version === 2
        ? { messages, choices: CHOICES_V2, extensions: 'vendorExtension' }
        : { messages, choices: CHOICES_V3, extensions: 'specificationExtension' };
    formats.set(version, format);
  }
  return format;
}

export function encodeGnostic(version: 2 | 3, document: JsonSchema): Buffer {
  const writer = new ReverseWriter();
  writeMessage(writer, load(version), 'Document', document);
  return writer.finish();
}

/** Maps of names beside which other fields stand, and the field that holds their entries. */
const MAPS: Record<string, string[]> = {
  Paths: ['path'],
  Responses: ['responseCode', 'responseOrReference'],
};

const any = (value: unknown): [string, unknown] => ['yaml', `${JSON.stringify(value)}\n`];

const CHOICES_V2: Format['choices'] = {
  Any: any,
  AdditionalPropertiesItem: (value) => [typeof value === 'boolean' ? 'boolean' : 'schema', value],
  ItemsItem: (value) => ['schema', [value]],
  NonBodyParameter: (value) => [value.in === 'path' ? 'pathParameterSubSchema' : 'queryParameterSubSchema', value],
  Parameter: (value) => [value.in === 'body' ? 'bodyParameter' : 'nonBodyParameter', value],
  ParametersItem: (value) => ['$ref' in value ? 'jsonReference' : 'parameter', value],
  ResponseValue: (value) => ['$ref' in value ? 'jsonReference' : 'response', value],
  SchemaItem: (value) => ['schema', value],
  SecurityDefinitionsItem: (value) => ['apiKeySecurity', value],
  StringArray: (value) => ['value', value],
  TypeItem: (value) => ['value', Array.isArray(value) ? value : [value]],
};

const orReference =
  (field: string) =>
  (value: JsonSchema): [string, unknown] => ['$ref' in value ? 'reference' : field, value];

const CHOICES_V3: Format['choices'] = {
  Any: any,
  AdditionalPropertiesItem: (value) => [typeof value === 'boolean' ? 'boolean' : 'schemaOrReference', value],
  DefaultType: defaultOf,
  ItemsItem: (value) => ['schemaOrReference', [value]],
  ParameterOrReference: orReference('parameter'),
  RequestBodyOrReference: orReference('requestBody'),
  ResponseOrReference: orReference('response'),
  SchemaOrReference: orReference('schema'),
  SecuritySchemeOrReference: orReference('securityScheme'),
  StringArray: (value) => ['value', value],
};

/** Only scalars can be said; a default of `{}` is there and says nothing. */
function defaultOf(value: unknown): [string, unknown] | undefined {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? [typeof value, value]
    : undefined;
}

function named(value: JsonSchema): { name: string; value: unknown }[] {
  return Object.entries(value).map(([name, entry]) => ({ name, value: entry }));
}

/** The field that takes all entries, of a message that is a map of names. */
function mapOf(message: string, fields: Record<string, Field>): string | undefined {
  if (MAPS[message] !== undefined) return MAPS[message].find((name) => name in fields);
  const [only, more] = Object.keys(fields);
  return only === 'additionalProperties' && more === undefined ? only : undefined;
}

function fieldsOf(message: string, json: JsonSchema, { messages, choices, extensions }: Format): [string, unknown][] {
  const choose = choices[message];
  if (choose !== undefined) {
    const chosen = choose(json);
    return chosen === undefined ? [] : [chosen];
  }
  const map = mapOf(message, messages[message]!);
  if (map !== undefined) return [[map, named(json)]];
  const extra = Object.entries(json).filter(([key]) => key.startsWith('x-'));
  const fields = Object.entries(json).filter(([key]) => !key.startsWith('x-'));
  const result: [string, unknown][] = fields.map(([key, value]) => [key === '$ref' ? '_ref' : key, value]);
  if (extra.length > 0) result.push([extensions, named(Object.fromEntries(extra))]);
  return result;
}

function writeMessage(writer: ReverseWriter, format: Format, message: string, json: unknown): void {
  const fields = fieldsOf(message, json as JsonSchema, format);
  for (let i = fields.length - 1; i >= 0; i--) {
    const [name, value] = fields[i]!;
    const field = format.messages[message]![name];
    // Keywords that the version does not know have no field either.
    if (field === undefined || value === undefined) continue;
    if (!field.repeated) writeField(writer, format, field, value);
    else for (const item of (value as unknown[]).toReversed()) writeField(writer, format, field, item);
  }
}

function writeField(writer: ReverseWriter, format: Format, { number, type }: Field, value: unknown): void {
  switch (type) {
    case 'string':
      writer.string(value as string);
      writer.varint((number << 3) | 2);
      return;
    case 'bool':
      writer.varint(value === true ? 1 : 0);
      writer.varint(number << 3);
      return;
    case 'int64':
      writer.varint(value as number);
      writer.varint(number << 3);
      return;
    case 'double':
      writer.double(value as number);
      writer.varint((number << 3) | 1);
      return;
    default: {
      const end = writer.length;
      writeMessage(writer, format, type, value);
      writer.varint(writer.length - end);
      writer.varint((number << 3) | 2);
    }
  }
}

class ReverseWriter {
  #buffer = Buffer.allocUnsafe(1 << 20);
  #at = this.#buffer.length;

  get length(): number {
    return this.#buffer.length - this.#at;
  }

  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(this.#at));
  }

  varint(value: number): void {
    this.#reserve(10);
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
    this.#at -= size;
    let rest = value;
    for (let i = 0; i < size; i++) {
      this.#buffer[this.#at + i] = i === size - 1 ? rest : (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
  }

  string(value: string): void {
    const size = Buffer.byteLength(value);
    this.#reserve(size);
    this.#at -= size;
    this.#buffer.write(value, this.#at, 'utf8');
    this.varint(size);
  }

  #reserve(size: number): void {
    if (this.#at >= size) return;
    const { length } = this;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, length + size * 2));
    this.#buffer.copy(grown, grown.length - length, this.#at);
    this.#buffer = grown;
    this.#at = grown.length - length;
  }
}
