/**
 * Schemas of custom resources in the documents: the user's schema with apiVersion, kind and metadata put in, its list, and the
 * narrower form that OpenAPI v2 can carry. Called by openapi.ts.
 */
// Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/controller/openapi/{builder,v2}
import { loadDescriptions } from './data.ts';
import { type JsonSchema, type OpenApiVersion, reference } from './schemas.ts';

export interface CustomSchema {
  /** Definition name of the kind, as in its row: `com.example.v1.Widget`. */
  definition: string;
  group: string;
  version: string;
  kind: string;
  listKind: string;
  /** spec.versions[].schema.openAPIV3Schema; absent for one that preserves everything. */
  schema?: JsonSchema | undefined;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Definition name -> schema: the kind and its list. */
export function customDefinitions(custom: CustomSchema, version: OpenApiVersion): [string, JsonSchema][] {
  const { group, kind, listKind, definition } = custom;
  const described = loadDescriptions()['io.k8s.api.core.v1.Pod']?.[1] ?? {};
  const typeMeta = {
    apiVersion: { ...(described.apiVersion && { description: described.apiVersion }), type: 'string' },
    kind: { ...(described.kind && { description: described.kind }), type: 'string' },
  };
  const refer = (name: string, description: string): JsonSchema =>
    version === 2 ? { description, ...reference(META + name, 2) } : { allOf: [reference(META + name, 3)], description };
  const user: JsonSchema = custom.schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const preserves = user['x-kubernetes-preserve-unknown-fields'] === true;
  // One that preserves everything shows no fields in v2.
  const schema: JsonSchema = version === 3 ? structuredClone(user) : preserves ? { type: 'object' } : narrow(user);
  if (version === 3 || !preserves) {
    const metadata = refer('ObjectMeta', "Standard object's metadata.");
    schema.properties = { ...typeMeta, ...(schema.properties as JsonSchema | undefined), ...typeMeta, metadata };
  }
  schema['x-kubernetes-group-version-kind'] = [{ group, kind, version: custom.version }];
  const list: JsonSchema = {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMeta,
      items: { description: `List of ${kind.toLowerCase()}s.`, type: 'array', items: reference(definition, version) },
      metadata: refer('ListMeta', 'Standard list metadata.'),
    },
    'x-kubernetes-group-version-kind': [{ group, kind: listKind, version: custom.version }],
  };
  return [
    [definition, schema],
    [`${definition}List`, list],
  ];
}

const DROPPED = ['allOf', 'anyOf', 'oneOf', 'not', 'default', 'example', 'externalDocs', '$schema', 'id'];

/** Drops what v2 clients choke on; where that would make a schema say too much, it says nothing instead. */
function narrow(schema: JsonSchema): JsonSchema {
  const result: JsonSchema = {};
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  for (const [key, value] of Object.entries(schema)) {
    if (DROPPED.includes(key) || key === 'nullable') continue;
    if (key === 'properties') {
      if (preserves) continue;
      const properties = Object.entries(value as Record<string, JsonSchema>);
      result.properties = Object.fromEntries(properties.map(([name, property]) => [name, narrow(property)]));
    } else if (key === 'items') {
      if (!preserves) result.items = narrow(value as JsonSchema);
    } else if (key === 'additionalProperties') {
      if (!preserves && typeof value === 'object') result.additionalProperties = narrow(value as JsonSchema);
    } else result[key] = structuredClone(value);
  }
  // v2 cannot say that null is a value, so a field that may be null may be absent.
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  if (Array.isArray(result.required)) {
    result.required = result.required.filter((name: string) => properties[name]?.nullable !== true);
    if ((result.required as string[]).length === 0) delete result.required;
  }
  if (schema['x-kubernetes-int-or-string'] === true || schema.nullable === true) {
    for (const key of ['type', 'format', 'items', 'properties', 'required', 'additionalProperties', 'enum'])
      delete result[key];
  }
  if (preserves && result.type !== undefined) for (const key of ['type', 'required']) delete result[key];
  return result;
}
