/**
 * An OpenAPI v2 document as protobuf (gnostic's openapi.v2.Document), which client-go asks for. Driven by the message table in
 * openapi/dist/gnostic-v2.json. Written from the end to the front, so that every length is known when it is written.
 */
// Upstream: vendor/github.com/google/gnostic-models/openapiv2/OpenAPIv2.proto
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonSchema } from './schemas.ts';

interface Field {
  number: number;
  type: string;
  repeated: boolean;
}

type Messages = Record<string, Record<string, Field>>;

let messages: Messages | undefined;

function load(): Messages {
  if (messages === undefined) {
    const path = fileURLToPath(import.meta.resolve('#openapi/gnostic-v2.json'));
    messages = JSON.parse(readFileSync(path, 'utf8')) as Messages;
  }
  return messages;
}

export function encodeGnosticV2(document: JsonSchema): Buffer {
  const writer = new ReverseWriter();
  writeMessage(writer, load(), 'Document', document);
  return writer.finish();
}

/** Maps of names, and the field that holds their entries. */
const MAPS: Record<string, string> = {
  Definitions: 'additionalProperties',
  ParameterDefinitions: 'additionalProperties',
  Properties: 'additionalProperties',
  SecurityDefinitions: 'additionalProperties',
  SecurityRequirement: 'additionalProperties',
  Paths: 'path',
  Responses: 'responseCode',
};

/** Messages that wrap or choose: the JSON value as the one field that is set. */
const CHOICES: Record<string, (value: JsonSchema) => [string, unknown]> = {
  Any: (value) => ['yaml', `${JSON.stringify(value)}\n`],
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

function named(value: JsonSchema): { name: string; value: unknown }[] {
  return Object.entries(value).map(([name, entry]) => ({ name, value: entry }));
}

function fieldsOf(message: string, json: JsonSchema): [string, unknown][] {
  const choice = CHOICES[message];
  if (choice !== undefined) return [choice(json)];
  const map = MAPS[message];
  if (map !== undefined) return [[map, named(json)]];
  const extensions = Object.entries(json).filter(([key]) => key.startsWith('x-'));
  const fields = Object.entries(json).filter(([key]) => !key.startsWith('x-'));
  const result: [string, unknown][] = fields.map(([key, value]) => [key === '$ref' ? '_ref' : key, value]);
  if (extensions.length > 0) result.push(['vendorExtension', named(Object.fromEntries(extensions))]);
  return result;
}

function writeMessage(writer: ReverseWriter, table: Messages, message: string, json: unknown): void {
  const fields = fieldsOf(message, json as JsonSchema);
  for (let i = fields.length - 1; i >= 0; i--) {
    const [name, value] = fields[i]!;
    const field = table[message]![name];
    // Keywords that v2 does not know have no field either.
    if (field === undefined || value === undefined) continue;
    if (!field.repeated) writeField(writer, table, field, value);
    else for (const item of (value as unknown[]).toReversed()) writeField(writer, table, field, item);
  }
}

function writeField(writer: ReverseWriter, table: Messages, { number, type }: Field, value: unknown): void {
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
      writeMessage(writer, table, type, value);
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
