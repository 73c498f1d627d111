/** A deployment-like schema for the tests of this folder: every kind of list and map that patches tell apart. */
import type { ListSchema, ObjectSchema, Schema, SchemaSource } from '../schema/schema.ts';

const string: Schema = { type: 'string' };
const integer: Schema = { type: 'integer', format: 'int32' };
const object = (fields: Record<string, Schema>, more: Partial<ObjectSchema> = {}): ObjectSchema => ({
  type: 'object',
  fields: new Map(Object.entries(fields)),
  required: new Set(),
  ...more,
});
const list = (items: Schema, more: Partial<ListSchema> = {}): ListSchema => ({ type: 'list', items, ...more });
const strings = { type: 'map', values: string } as const;

const port = object(
  { name: string, containerPort: integer, protocol: { ...string, default: 'TCP' } },
  { required: new Set(['containerPort']) },
);
const container = object(
  {
    name: string,
    image: string,
    args: list(string),
    env: list(object({ name: string, value: string }), {
      listType: 'map',
      listMapKeys: ['name'],
      patchStrategy: 'merge',
      patchMergeKey: 'name',
    }),
    ports: list(port, {
      listType: 'map',
      listMapKeys: ['containerPort', 'protocol'],
      patchStrategy: 'merge',
      patchMergeKey: 'containerPort',
    }),
  },
  { required: new Set(['name']) },
);

export const deploymentSchema = object({
  apiVersion: string,
  kind: string,
  metadata: object({
    name: string,
    namespace: string,
    uid: string,
    resourceVersion: string,
    labels: strings,
    annotations: strings,
    finalizers: list(string, { listType: 'set', patchStrategy: 'merge' }),
    managedFields: list({ type: 'any' }),
  }),
  spec: object({
    replicas: integer,
    selector: object({ matchLabels: strings }, { mapType: 'atomic' }),
    strategy: object({ type: string, rollingUpdate: object({ maxSurge: integer }) }, { retainKeys: true }),
    containers: list(container, {
      listType: 'map',
      listMapKeys: ['name'],
      patchStrategy: 'merge',
      patchMergeKey: 'name',
    }),
    extra: { type: 'any' },
  }),
  status: object({ ready: integer }),
});

export const noDefinitions: SchemaSource = {
  definition(name) {
    throw new Error(`unknown ${name}`);
  },
};

/** Freezes a value and everything below, so that a mutation throws. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const v of Object.values(value)) frozen(v);
  }
  return value;
}
