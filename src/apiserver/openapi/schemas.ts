/**
 * Built-in definitions as OpenAPI schemas, in the form of v2 (`definitions`) or v3 (`components.schemas`). Made per definition
 * and asked for by the documents; nothing is kept here.
 */
// Upstream: vendor/k8s.io/kube-openapi/pkg/{builder,builder3,generators}
import { builtinSchemas, type FieldEntry, type FieldMarks } from '../../machinery/schema/builtin.ts';
import { loadDescriptions } from './data.ts';

export type JsonSchema = Record<string, unknown>;
export type OpenApiVersion = 2 | 3;

const REF = { 2: '#/definitions/', 3: '#/components/schemas/' } as const;
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';

/** Codes of fields that refer to a definition which is no struct. */
const REFERRED: Record<string, string> = {
  time: `${META}Time`,
  'micro-time': `${META}MicroTime`,
  fields: `${META}FieldsV1`,
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'int-or-string': 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  raw: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
  json: `${EXTENSIONS}JSON`,
  'props-or-bool': `${EXTENSIONS}JSONSchemaPropsOrBool`,
  'props-or-array': `${EXTENSIONS}JSONSchemaPropsOrArray`,
  'props-or-strings': `${EXTENSIONS}JSONSchemaPropsOrStringArray`,
};

export function reference(name: string, version: OpenApiVersion): JsonSchema {
  return { $ref: REF[version] + name };
}

/** Undefined when it is no built-in definition. */
export function builtinSchema(name: string, version: OpenApiVersion): JsonSchema | undefined {
  const entry = builtinSchemas().entry(name);
  if (entry === undefined) return undefined;
  const [description, fields] = loadDescriptions()[name] ?? ['', {}];
  const schema: JsonSchema = {};
  if (description !== '') schema.description = description;
  if (entry.scalar !== undefined) return Object.assign(schema, scalarDefinition(entry.scalar, version));
  if (entry.fields.length > 0) {
    const properties: Record<string, JsonSchema> = {};
    for (const field of [...entry.fields].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      properties[field[0]] = property(field, fields[field[0]], version);
    }
    schema.properties = properties;
  }
  const required = entry.fields.filter(([, , isRequired]) => isRequired === 1).map(([field]) => field);
  if (required.length > 0) schema.required = required;
  schema.type = 'object';
  const kinds = kindsOf(name);
  if (kinds.length > 0) schema['x-kubernetes-group-version-kind'] = kinds;
  if (entry.mapType !== undefined) schema['x-kubernetes-map-type'] = entry.mapType;
  if (entry.unions !== undefined) {
    schema['x-kubernetes-unions'] = entry.unions.map((union) => ({
      ...(union.discriminator !== undefined && { discriminator: union.discriminator }),
      'fields-to-discriminateBy': union.fields,
    }));
  }
  return schema;
}

function property(
  [name, code, required, marks]: FieldEntry,
  description: string | undefined,
  version: OpenApiVersion,
): JsonSchema {
  const extensions = marks === undefined ? {} : extensionsOf(marks);
  const type = typeSchema(code, version);
  if (marks?.enum !== undefined) innermost(type).enum = marks.enum;
  const rest: JsonSchema = { ...extensions };
  const words = description ?? borrowedDescription(code);
  if (words !== undefined) rest.description = words;
  if (version === 3) {
    const hasZero = marks?.zero ?? (required === 1 || name === 'metadata');
    const value = marks?.default ?? (hasZero ? zeroOf(code) : undefined);
    if (value !== undefined) rest.default = value;
  }
  // In v3 nothing may stand beside $ref.
  if (version === 3 && '$ref' in type && Object.keys(rest).length > 0) return { allOf: [type], ...rest };
  return { ...type, ...rest };
}

function innermost(schema: JsonSchema): JsonSchema {
  const inner = (schema.items ?? schema.additionalProperties) as JsonSchema | undefined;
  return inner === undefined ? schema : innermost(inner);
}

/** What a field that is no pointer holds when nothing is said. */
function zeroOf(code: string): unknown {
  if (code.startsWith('@')) return {};
  if (code === 'string' || code === 'byte') return '';
  if (code === 'boolean') return false;
  return ['integer', 'int32', 'int64', 'double'].includes(code) ? 0 : undefined;
}

/**
 * Deviation: the client package has no descriptions of fields that refer to another type; the type's own stands in, so that
 * `kubectl explain` has something to say.
 */
function borrowedDescription(code: string): string | undefined {
  if (!code.startsWith('@')) return undefined;
  return loadDescriptions()[builtinSchemas().expand(code)]?.[0] || undefined;
}

function typeSchema(code: string, version: OpenApiVersion): JsonSchema {
  if (code.startsWith('[]')) return { type: 'array', items: typeSchema(code.slice(2), version) };
  if (code.startsWith('{}')) return { type: 'object', additionalProperties: typeSchema(code.slice(2), version) };
  if (code.startsWith('@')) return reference(builtinSchemas().expand(code), version);
  const referred = REFERRED[code];
  if (referred !== undefined) return reference(referred, version);
  switch (code) {
    case 'int32':
    case 'int64':
      return { type: 'integer', format: code };
    case 'double':
      return { type: 'number', format: code };
    case 'byte':
      return { type: 'string', format: code };
    default:
      return { type: code };
  }
}

function extensionsOf(marks: FieldMarks): JsonSchema {
  const extensions: JsonSchema = {};
  if (marks.listMapKeys !== undefined) extensions['x-kubernetes-list-map-keys'] = marks.listMapKeys;
  if (marks.listType !== undefined) extensions['x-kubernetes-list-type'] = marks.listType;
  if (marks.mapType !== undefined) extensions['x-kubernetes-map-type'] = marks.mapType;
  if (marks.patchMergeKey !== undefined) extensions['x-kubernetes-patch-merge-key'] = marks.patchMergeKey;
  if (marks.patchStrategy !== undefined) extensions['x-kubernetes-patch-strategy'] = marks.patchStrategy;
  return extensions;
}

function scalarDefinition(code: string, version: OpenApiVersion): JsonSchema {
  switch (code) {
    case 'quantity':
      return version === 2 ? { type: 'string' } : { oneOf: [{ type: 'string' }, { type: 'number' }] };
    case 'int-or-string':
      if (version === 2) return { format: code, type: 'string' };
      return { format: code, oneOf: [{ type: 'integer' }, { type: 'string' }] };
    case 'time':
    case 'micro-time':
      return { format: 'date-time', type: 'string' };
    case 'raw':
    case 'fields':
    case 'object':
      return { type: 'object' };
    default:
      return {};
  }
}

/** What x-kubernetes-group-version-kind says of a definition. */
function kindsOf(name: string): { group: string; kind: string; version: string }[] {
  const schemas = builtinSchemas();
  const entry = schemas.entry(name);
  if (entry?.kind === undefined) return [];
  const kind = name.slice(name.lastIndexOf('.') + 1);
  const groupVersions = entry.kind === 'own' ? [entry.groupVersion!] : schemas.groupVersions();
  return groupVersions
    .map(({ group, version }) => ({ group, kind, version }))
    .sort((a, b) => compare(a.group, b.group) || compare(a.version, b.version));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Definitions a schema refers to, at any depth. */
export function referencesOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) referencesOf(item, found);
  else if (typeof schema === 'object' && schema !== null) {
    for (const [key, value] of Object.entries(schema)) {
      if (key === '$ref' && typeof value === 'string') found.add(value.slice(value.lastIndexOf('/') + 1));
      else referencesOf(value, found);
    }
  }
  return found;
}
