/**
 * Joins the client package's models with the overlay into one list of definitions: the input of everything that compile.ts
 * writes. A definition that only one of the two knows is an error, so neither can drift.
 */
import type { ClientField, ClientModel } from './read-client.ts';
import type { Overlay, OverlayField, OverlayType } from './read-overlay.ts';

/** Marks as they stand in dist/definitions.json; see src/machinery/schema/builtin.ts. */
interface FieldMarks {
  listType?: string;
  listMapKeys?: string[];
  mapType?: string;
  patchStrategy?: string;
  patchMergeKey?: string;
  default?: unknown;
  /** In OpenAPI v3: an optional field whose zero value is its default, or a required one that has no default. */
  zero?: boolean;
  /** Values the innermost string may have. */
  enum?: string[];
}

export interface Field {
  name: string;
  /** `[]` and `{}` prefixes, then a scalar code or `@definition`. */
  type: string;
  required: boolean;
  marks: FieldMarks;
  description?: string;
}

export interface Definition {
  name: string;
  package: string;
  type: OverlayType;
  fields: Field[];
  description?: string;
}

/** Marks that say what a field's innermost value is, where the client package is silent. */
const VALUE_MARKS = [
  'quantity',
  'raw',
  'json',
  'fields',
  'props-or-bool',
  'props-or-array',
  'props-or-strings',
  'byte',
  'int32',
  'int64',
];

export function joinDefinitions(overlay: Overlay, models: ReadonlyMap<string, ClientModel>): Definition[] {
  const definitionOf = new Map<string, string>();
  for (const type of overlay.types.values()) {
    const model = modelName(type, models);
    if (model !== undefined) definitionOf.set(model, type.name);
  }
  const strays = [...models.keys()].filter((name) => !definitionOf.has(name));
  if (strays.length > 0) throw new Error(`openapi: the overlay does not know the models ${strays.join(', ')}`);
  return [...overlay.types.values()].map((type) => join(type, models, definitionOf));
}

/** `V1Pod`, or `CoreV1Event` where several groups have a type of that name and version. */
function modelName(type: OverlayType, models: ReadonlyMap<string, ClientModel>): string | undefined {
  const parts = type.name.split('.');
  const [group, version, name] = parts.slice(-3) as [string, string, string];
  const plain = capital(version) + name;
  return [capital(group) + plain, plain].find((candidate) => models.has(candidate));
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function join(
  type: OverlayType,
  models: ReadonlyMap<string, ClientModel>,
  definitionOf: ReadonlyMap<string, string>,
): Definition {
  const definition: Definition = { name: type.name, package: type.package, type, fields: [] };
  const model = models.get(modelName(type, models) ?? '');
  if (model?.description !== undefined) definition.description = model.description;
  if (type.scalar !== undefined) return definition;
  if (model === undefined) {
    if (type.marks.includes('empty')) return definition;
    throw new Error(`openapi: the client package has no model for ${type.name}`);
  }
  const rest = new Map(model.fields);
  const order: OverlayField[] = [...type.fields];
  const named = new Set(order.map((field) => field.name));
  if (rest.has('apiVersion') && !named.has('apiVersion')) order.unshift({ name: 'apiVersion', marks: [] });
  if (rest.has('kind') && !named.has('kind')) order.unshift({ name: 'kind', marks: [] });
  for (const field of order) {
    const client = rest.get(field.name);
    if (client === undefined) throw new Error(`openapi: the client package has no field ${type.name}.${field.name}`);
    rest.delete(field.name);
    definition.fields.push(joinField(type, field, client, definitionOf));
  }
  if (rest.size > 0) throw new Error(`openapi: the overlay lacks ${type.name}.${[...rest.keys()].join(', ')}`);
  return definition;
}

function joinField(
  type: OverlayType,
  field: OverlayField,
  client: ClientField,
  definitionOf: ReadonlyMap<string, string>,
): Field {
  const mark = field.marks.find((word) => VALUE_MARKS.includes(word) || word.startsWith('@'));
  const value = mark?.startsWith('@') ? `@${type.package}.${mark.slice(1)}` : mark;
  const joined: Field = {
    name: field.name,
    type: typeCode(client.type, client.format, value, definitionOf),
    required: client.required,
    marks: fieldMarks(field.marks),
  };
  if (client.description !== undefined) joined.description = client.description;
  return joined;
}

function typeCode(
  type: string,
  format: string,
  value: string | undefined,
  models: ReadonlyMap<string, string>,
): string {
  if (type.startsWith('Array<')) return `[]${typeCode(type.slice(6, -1), '', value, models)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map !== null) return `{}${typeCode(map[1]!, '', value, models)}`;
  if (value !== undefined) return value;
  if (type === 'V1MicroTime') return 'micro-time';
  if (type === 'IntOrString') return 'int-or-string';
  if (type === 'Date') return 'time';
  if (type === 'boolean' || type === 'string') return format === '' ? type : format;
  if (type === 'number') return format === '' ? 'integer' : format;
  const name = models.get(type);
  if (name === undefined) throw new Error(`openapi: unknown type ${type}`);
  return `@${name}`;
}

function fieldMarks(words: readonly string[]): FieldMarks {
  const marks: FieldMarks = {};
  for (const word of words) {
    const [name, value] = [word.split('=', 1)[0]!, word.slice(word.indexOf('=') + 1)];
    if (name === 'map') {
      marks.listType = 'map';
      marks.listMapKeys = value.split('+');
    } else if (name === 'set' || name === 'atomic') marks.listType = name;
    else if (name === 'map-atomic' || name === 'map-granular') marks.mapType = name.slice(4);
    else if (name === 'merge' || name === 'retainKeys' || name === 'replace' || name === 'merge+retainKeys') {
      marks.patchStrategy = name.replace('+', ',');
      if (word.includes('=')) marks.patchMergeKey = value;
    } else if (name === 'key') marks.patchMergeKey = value;
    else if (name === 'enum') marks.enum = value.replaceAll('~', ' ').split('|');
    else if (word === 'zero' || word === 'ptr') marks.zero = word === 'zero';
    else if (name === 'default') marks.default = JSON.parse(value);
    else if (!VALUE_MARKS.includes(word) && !word.startsWith('@'))
      throw new Error(`openapi/overlay: unknown mark "${word}"`);
  }
  return marks;
}
