/**
 * Strategy of one version of a custom resource: defaulting, status kept apart, generation, validation against its schema.
 * Upstream: apiextensions pkg/registry/customresource/{strategy,status_strategy,validator}.go
 */
import { forbidden, type GroupResource } from '../../../machinery/errors/status-error.ts';
import { type JsonPath, parseJsonPath } from '../../../machinery/jsonpath/jsonpath.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { jsonEqual } from '../../../machinery/patch/json-value.ts';
import { propertyOf } from '../../../machinery/schema/structural.ts';
import { defaultStructural } from '../../../machinery/schema/structural-default.ts';
import { validateLists } from '../../../machinery/schema/structural-lists.ts';
import { validateStructural, validateStructuralUpdate } from '../../../machinery/schema/structural-validate.ts';
import { type FieldError, invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { isQualifiedName } from '../../../machinery/validation/names.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import { type CustomResourceVersion, hasStatus } from '../customresourcedefinitions/custom-resource-definition.ts';
import { validateEmbedded } from './embedded.ts';

type JsonObject = Record<string, unknown>;
const ROOT = Path.root();

/** `terminating`: the resource, when its definition is being deleted. */
export function strategyForCustomResource(version: CustomResourceVersion, terminating?: GroupResource): Strategy {
  const schema = version.schema?.openAPIV3Schema ?? {};
  const statusSchema = propertyOf(schema, 'status');
  const withStatus = hasStatus(version);
  const scale = version.subresources?.scale;
  const selectable = (version.selectableFields ?? []).map((f) => ({
    name: f.jsonPath.replace(/^\./, ''),
    path: parseJsonPath(f.jsonPath),
  }));

  const common = (object: KubeObject): FieldError[] => [
    ...scaleErrors(object, scale, 'spec'),
    ...scaleErrors(object, scale, 'status'),
  ];

  const strategy: Strategy = {
    default(object) {
      dropEmptyMetadata(object);
      defaultStructural(object, schema);
    },

    prepareForCreate(object, context) {
      if (terminating) {
        const why = 'create not allowed while custom resource definition is terminating';
        throw forbidden(terminating, object.metadata.name ?? '', why);
      }
      if (withStatus) delete (object as unknown as JsonObject).status;
      object.metadata.generation = 1;
      warnOfFinalizers(object, undefined, context);
    },

    validate(object) {
      return [
        ...validateStructural(object, schema),
        ...common(object),
        ...validateEmbedded(ROOT, object, schema),
        ...validateLists(ROOT, schema, object),
      ];
    },

    prepareForUpdate(object, old, context) {
      if (withStatus) keep(object, old, 'status');
      if (!jsonEqual(withoutMetadata(object), withoutMetadata(old))) {
        object.metadata.generation = (old.metadata.generation ?? 0) + 1;
      }
      warnOfFinalizers(object, old, context);
    },

    validateUpdate(object, old) {
      return [
        ...validateStructuralUpdate(object, old, schema),
        ...common(object),
        ...validateEmbedded(ROOT, object, schema),
        // Repeated items that were there before are not held against the client.
        ...(validateLists(ROOT, schema, old).length === 0 ? validateLists(ROOT, schema, object) : []),
      ];
    },

    allowUnconditionalUpdate: false,
    ...(withStatus ? { resetFields: [['status']] } : {}),
    ...(selectable.length > 0 ? { fields: (object: KubeObject) => selectableFields(object, selectable) } : {}),
  };

  if (withStatus) {
    strategy.subresources = {
      status: {
        prepareForUpdate(object, old) {
          const status = (object as unknown as JsonObject).status;
          const { managedFields, resourceVersion } = object.metadata;
          for (const key of Object.keys(object)) delete (object as unknown as JsonObject)[key];
          Object.assign(object, structuredClone(old));
          if (managedFields === undefined) delete object.metadata.managedFields;
          else object.metadata.managedFields = managedFields;
          if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
          if (status === undefined) delete (object as unknown as JsonObject).status;
          else (object as unknown as JsonObject).status = status;
        },
        validateUpdate(object, old) {
          const status = (object as unknown as JsonObject).status;
          const before = (old as unknown as JsonObject).status;
          return [
            ...(status !== undefined && statusSchema
              ? validateStructuralUpdate(status, before, statusSchema, 'status')
              : []),
            ...scaleErrors(object, scale, 'status'),
            ...(validateLists(ROOT, schema, old).length === 0 ? validateLists(ROOT, schema, object) : []),
          ];
        },
        resetFields: [['metadata'], ['spec']],
      },
    };
  }
  if (scale) {
    const selectorPath = scale.labelSelectorPath?.split('.').slice(1);
    strategy.scale = {
      specReplicas: scale.specReplicasPath,
      statusReplicas: scale.statusReplicasPath,
      selector: (object) => (selectorPath ? textAt(object, selectorPath) : ''),
    };
  }
  return strategy;
}

/** Metadata is a Go struct even in custom objects: empty maps and lists in it are absent. */
function dropEmptyMetadata({ metadata }: KubeObject): void {
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    const value = metadata[key] as object | null | undefined;
    if (value === null || (value !== undefined && Object.keys(value).length === 0)) delete metadata[key];
  }
}

function keep(object: KubeObject, old: KubeObject, key: string): void {
  const target = object as unknown as JsonObject;
  const before = (old as unknown as JsonObject)[key];
  if (before === undefined) delete target[key];
  else target[key] = structuredClone(before);
}

function withoutMetadata(object: KubeObject): JsonObject {
  const { metadata: _, ...rest } = object as unknown as JsonObject;
  return rest;
}

function at(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const part of path) {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object') throw new NoSuchPath(value);
    value = (value as JsonObject)[part];
  }
  return value;
}

function textAt(object: unknown, path: readonly string[]): string {
  try {
    return String(at(object, path) ?? '');
  } catch {
    return '';
  }
}

/** A path leads through something that has no fields. */
class NoSuchPath extends Error {
  constructor(value: unknown) {
    super(`${String(value)} is of the type ${typeof value}, expected map[string]interface{}`);
  }
}

const goTypeOf = (value: unknown): string =>
  typeof value === 'number' ? (Number.isInteger(value) ? 'int64' : 'float64') : typeof value;

const MAX_INT32 = 2_147_483_647;

function scaleErrors(
  object: KubeObject,
  scale: NonNullable<CustomResourceVersion['subresources']>['scale'],
  door: 'spec' | 'status',
): FieldError[] {
  if (!scale) return [];
  const path = door === 'spec' ? scale.specReplicasPath : scale.statusReplicasPath;
  const errors: FieldError[] = [];
  let replicas: unknown;
  try {
    replicas = at(object, path.split('.').slice(1));
  } catch (err) {
    return [invalidField(path, 0, `${path} accessor error: ${(err as Error).message}`)];
  }
  if (replicas !== undefined && replicas !== null) {
    if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
      const type = goTypeOf(replicas);
      errors.push(
        invalidField(path, 0, `${path} accessor error: ${String(replicas)} is of the type ${type}, expected int64`),
      );
    } else if (replicas < 0) errors.push(invalidField(path, replicas, 'should be a non-negative integer'));
    else if (replicas > MAX_INT32)
      errors.push(invalidField(path, replicas, `should be less than or equal to ${MAX_INT32}`));
  }
  if (door === 'status' && scale.labelSelectorPath) {
    const selector =
      (object as unknown as { status?: unknown }).status === undefined
        ? undefined
        : at(object, scale.labelSelectorPath.split('.').slice(1));
    if (selector !== undefined && typeof selector !== 'string') {
      const why = `${scale.labelSelectorPath} accessor error: ${String(selector)} is of the type ${goTypeOf(selector)}, expected string`;
      errors.push(invalidField(scale.labelSelectorPath, '', why));
    }
  }
  return errors;
}

function selectableFields(
  object: KubeObject,
  fields: readonly { name: string; path: JsonPath }[],
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const { name, path } of fields) {
    const [value] = path.find(object);
    out[name] = value === undefined || value === null ? '' : String(value);
  }
  return out;
}

const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function warnOfFinalizers(object: KubeObject, old: KubeObject | undefined, context: StrategyContext): void {
  const before = new Set(old?.metadata.finalizers ?? []);
  for (const name of [...new Set(object.metadata.finalizers ?? [])].sort()) {
    if (before.has(name)) continue;
    const say = (what: string): void => context.warn(`metadata.finalizers: ${JSON.stringify(name)}: ${what}`);
    for (const message of isQualifiedName(name)) say(message);
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) continue;
    const path = name.includes('.') ? ' including a path (/)' : '';
    say(`prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`);
  }
}
