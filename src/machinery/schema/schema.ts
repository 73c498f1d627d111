/**
 * The compiled schema: what the machinery needs of a type to decode, prune, default, merge and encode it. Built-in types come
 * from openapi/dist, custom resources from their structural schema; both give the same nodes, so no other code asks which.
 * Nodes are frozen and shared; references are resolved lazily because types refer to themselves (JSONSchemaProps).
 */
export type Schema = ObjectSchema | MapSchema | ListSchema | ScalarSchema | AnySchema | RefSchema;

interface SchemaBase {
  description?: string;
  nullable?: boolean;
  /** Value that defaulting puts in (structural schemas, OpenAPI v3 defaults). */
  default?: unknown;
}

/** A struct: a closed set of named fields. */
export interface ObjectSchema extends SchemaBase {
  type: 'object';
  /** Full definition name (`io.k8s.api.core.v1.Pod`) where it has one. */
  name?: string;
  /** In upstream's field order. */
  fields: ReadonlyMap<string, Schema>;
  required: ReadonlySet<string>;
  /** Fields not in `fields` are kept instead of pruned (x-kubernetes-preserve-unknown-fields). */
  preserveUnknown?: boolean;
  /** The value is a whole object with apiVersion, kind and metadata of its own. */
  embedded?: boolean;
  /** `atomic`: owned and replaced as one. */
  mapType?: 'granular' | 'atomic';
  /** x-kubernetes-unions / patchStrategy retainKeys on the field that holds this object. */
  retainKeys?: boolean;
}

/** string → T. */
export interface MapSchema extends SchemaBase {
  type: 'map';
  values: Schema;
  mapType?: 'granular' | 'atomic';
}

export interface ListSchema extends SchemaBase {
  type: 'list';
  items: Schema;
  /** Server-side apply's merge semantics; absent is atomic. */
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: readonly string[];
  /** Strategic merge patch; absent is replace. */
  patchStrategy?: 'merge' | 'retainKeys' | 'merge,retainKeys' | 'replace';
  patchMergeKey?: string;
}

export interface ScalarSchema extends SchemaBase {
  type: 'string' | 'integer' | 'number' | 'boolean';
  /** OpenAPI format: int32, int64, byte, date-time, double ... and `quantity`, `int-or-string`, `micro-time`, `time`. */
  format?: string;
}

/** Any JSON (RawExtension, FieldsV1, JSON). */
export interface AnySchema extends SchemaBase {
  type: 'any';
  embedded?: boolean;
}

/** A reference by definition name, followed by `resolve`. */
export interface RefSchema extends SchemaBase {
  type: 'ref';
  ref: string;
  mapType?: 'granular' | 'atomic';
  retainKeys?: boolean;
}

/** Looks definitions up by full name. One for the built-in types, one per custom resource version. */
export interface SchemaSource {
  /** @throws Error when the name is unknown: a defect of the compiler, not of the request. */
  definition(name: string): Schema;
  /**
   * The part of a type whose field types decoding enforces (400 in Go's words); absent: all of it. Custom resources leave all but
   * metadata to validation (422).
   */
  decoded?(schema: Schema): Schema;
}

/** Follows references until the node says what it is. Marks on the reference (mapType, retainKeys) stay the caller's. */
export function resolve(schema: Schema, source: SchemaSource): Exclude<Schema, RefSchema> {
  let s = schema;
  while (s.type === 'ref') s = source.definition(s.ref);
  return s;
}
