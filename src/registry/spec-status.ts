/**
 * The usual strategy: status belongs to its own door, spec to the main one, and generation counts changes of what the
 * controllers act on. Kinds give their rules; everything that is the same in all of them is here.
 * Upstream: the strategy.go files under pkg/registry, which repeat this
 */
import type { KubeObject, ObjectMeta } from '../machinery/meta/object.ts';
import type { FieldError } from '../machinery/validation/field-error.ts';
import type { Strategy, StrategyContext, UpdateStrategy } from './generic/strategy.ts';
import { semanticEqual } from './validation/semantic-equal.ts';

type Fields = Record<string, unknown>;

export interface KindRules<T extends KubeObject> extends Strategy<T> {
  /** Fields whose change bumps metadata.generation (`spec`); absent: the kind has no generation. */
  generation?: readonly string[];
  /** What the status door keeps of the stored metadata; absent: nothing. */
  statusKeeps?: 'labels' | 'metadata';
  /** There is a status door; its rules. */
  status?: {
    /** After spec and metadata have been put back. */
    prepare?(object: T, old: T, context: StrategyContext): void;
    validate?(object: T, old: T, context: StrategyContext): FieldError[];
  };
  /** Warnings of an object that is valid; `old` is undefined on create. */
  warn?(object: T, old: T | undefined, context: StrategyContext): void;
  /** The status of a new object; absent: none. */
  initialStatus?(object: T, context: StrategyContext): Fields;
}

export function specStatusStrategy<T extends KubeObject>(rules: KindRules<T>): Strategy<T> {
  const { generation, status, statusKeeps, initialStatus, warn, ...rest } = rules;
  const strategy: Strategy<T> = { allowUnconditionalUpdate: true, ...rest };
  strategy.default = (object) => {
    if (status) (object as Fields).status ??= {};
    rest.default?.(object);
  };
  strategy.prepareForCreate = (object, context) => {
    if (status) (object as Fields).status = initialStatus?.(object, context) ?? {};
    if (generation) object.metadata.generation = 1;
    else delete object.metadata.generation;
    rest.prepareForCreate?.(object, context);
  };
  strategy.prepareForUpdate = (object, old, context) => {
    if (status) keep(object, old, 'status');
    rest.prepareForUpdate?.(object, old, context);
    if (generation) bumpGeneration(object, old, generation);
  };
  if (warn) {
    strategy.validate = (object, context) => {
      const errors = rest.validate?.(object, context) ?? [];
      if (errors.length === 0) warn(object, undefined, context);
      return errors;
    };
    strategy.validateUpdate = (object, old, context) => {
      const errors = rest.validateUpdate?.(object, old, context) ?? [];
      if (errors.length === 0) warn(object, old, context);
      return errors;
    };
  }
  if (!status) return strategy;
  strategy.resetFields = rest.resetFields ?? [['status']];
  const resets: string[][] = [['spec']];
  if (statusKeeps === 'labels') resets.push(['metadata', 'labels']);
  if (statusKeeps === 'metadata') resets.push(['metadata']);
  const door: UpdateStrategy<T> = {
    resetFields: resets,
    prepareForUpdate(object, old, context) {
      keep(object, old, 'spec');
      if (statusKeeps === 'labels') keep(object.metadata, old.metadata, 'labels');
      if (statusKeeps === 'metadata') resetMetaForStatus(object.metadata, old.metadata);
      status.prepare?.(object, old, context);
    },
  };
  if (status.validate) door.validateUpdate = status.validate;
  strategy.subresources = { status: door, ...rest.subresources };
  return strategy;
}

/** Puts a stored field back. The value is shared with the stored object: nobody changes it afterwards. */
export function keep(object: object, old: object, field: string): void {
  const value = (old as Fields)[field];
  if (value === undefined) delete (object as Fields)[field];
  else (object as Fields)[field] = value;
}

export function bumpGeneration(object: KubeObject, old: KubeObject, fields: readonly string[]): void {
  const same = fields.every((field) =>
    field === 'annotations' || field === 'labels'
      ? semanticEqual(object.metadata[field], old.metadata[field], field)
      : semanticEqual((object as unknown as Fields)[field], (old as unknown as Fields)[field], field),
  );
  if (!same) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** Upstream: metav1.ResetObjectMetaForStatus */
export function resetMetaForStatus(meta: ObjectMeta, old: ObjectMeta): void {
  for (const field of [
    'deletionTimestamp',
    'generation',
    'selfLink',
    'labels',
    'annotations',
    'finalizers',
    'ownerReferences',
  ]) {
    keep(meta, old, field);
  }
}
