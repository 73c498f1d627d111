/**
 * A custom resource's schema as the nodes that built-in types have, so that decoding, pruning, patches and server-side apply
 * need not know the difference. Upstream: apiextensions apiserver/schema, kube-openapi schemaconv
 */
import type { ListSchema, MapSchema, ObjectSchema, ScalarSchema, Schema, SchemaSource } from './schema.ts';
import { additionalOf, itemsOf, type JsonSchemaProps } from './structural.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const STRING: Schema = Object.freeze({ type: 'string' });
const ANY: Schema = Object.freeze({ type: 'any' });
/** Values under `additionalProperties: true`: objects there lose all their keys, since no schema names any. */
const NOTHING_KNOWN: Schema = Object.freeze({ type: 'object', fields: new Map(), required: new Set<string>() });

/** The root node. Without a schema nothing is known and nothing is pruned. */
export function schemaOfStructural(root: JsonSchemaProps | undefined): ObjectSchema {
  const node = root ? schemaNodeOf(root) : undefined;
  const base: ObjectSchema =
    node?.type === 'object' ? node : { type: 'object', fields: new Map(), required: new Set(), preserveUnknown: true };
  return Object.freeze({ ...base, fields: withTypeMeta(base.fields) });
}

/** Definitions of one custom resource version: its own, and the built-in ones it refers to. */
export class StructuralSource implements SchemaSource {
  readonly name: string;
  readonly root: Schema;
  readonly #builtin: SchemaSource;
  constructor(name: string, root: Schema, builtin: SchemaSource) {
    this.name = name;
    this.root = root;
    this.#builtin = builtin;
  }
  definition(name: string): Schema {
    return name === this.name ? this.root : this.#builtin.definition(name);
  }
  decoded(schema: Schema): Schema {
    return schema === this.root ? ENVELOPE : schema;
  }
}

/** What decoding looks at in a custom object. */
const ENVELOPE: Schema = Object.freeze({
  type: 'object',
  fields: withTypeMeta(new Map()),
  required: new Set<string>(),
  preserveUnknown: true,
});

function withTypeMeta(fields: ReadonlyMap<string, Schema>): Map<string, Schema> {
  const out = new Map<string, Schema>([
    ['apiVersion', STRING],
    ['kind', STRING],
    ['metadata', { type: 'ref', ref: OBJECT_META }],
  ]);
  for (const [name, schema] of fields) if (!out.has(name)) out.set(name, schema);
  return out;
}

/** The node of a part of a schema. */
export function schemaNodeOf(s: JsonSchemaProps): Schema {
  const common = {
    ...(s.description === undefined ? {} : { description: s.description }),
    ...(s.nullable === undefined ? {} : { nullable: s.nullable }),
    ...(s.default === undefined ? {} : { default: s.default }),
  };
  return Object.freeze({ ...common, ...bare(s) });
}

function bare(s: JsonSchemaProps): Schema {
  if (s['x-kubernetes-int-or-string']) return { type: 'string', format: 'int-or-string' };
  switch (s.type) {
    case 'object':
      return objectNode(s);
    case 'array':
      return listNode(s);
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
      return scalarNode(s.type, s.format);
    default:
      return s.properties ? objectNode({ ...s, 'x-kubernetes-preserve-unknown-fields': true }) : ANY;
  }
}

function scalarNode(type: ScalarSchema['type'], format: string | undefined): ScalarSchema {
  return format ? { type, format } : { type };
}

function objectNode(s: JsonSchemaProps): ObjectSchema | MapSchema {
  const mapType = s['x-kubernetes-map-type'];
  if (s.additionalProperties) {
    const values = additionalOf(s);
    return { type: 'map', values: values ? schemaNodeOf(values) : NOTHING_KNOWN, ...(mapType ? { mapType } : {}) };
  }
  const embedded = s['x-kubernetes-embedded-resource'] === true;
  const fields = new Map(Object.entries(s.properties ?? {}).map(([name, p]) => [name, schemaNodeOf(p)]));
  return {
    type: 'object',
    fields: embedded ? withTypeMeta(fields) : fields,
    required: new Set(s.required ?? []),
    ...(s['x-kubernetes-preserve-unknown-fields'] ? { preserveUnknown: true } : {}),
    ...(embedded ? { embedded } : {}),
    ...(mapType ? { mapType } : {}),
  };
}

function listNode(s: JsonSchemaProps): ListSchema {
  const items = itemsOf(s);
  const listType = s['x-kubernetes-list-type'];
  const listMapKeys = s['x-kubernetes-list-map-keys'];
  return {
    type: 'list',
    items: items ? schemaNodeOf(items) : ANY,
    ...(listType ? { listType } : {}),
    ...(listMapKeys?.length ? { listMapKeys } : {}),
  };
}
