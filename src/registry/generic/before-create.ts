/**
 * What happens to every object between admission and storage: system fields, the strategy's hooks in their documented order,
 * and validation. Called by the store's create and update. Upstream: apiserver/pkg/registry/rest/{create,update,meta}.go
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { badRequest, invalid } from '../../machinery/errors/status-error.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta/object.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { FieldError } from '../../machinery/validation/field-error.ts';
import { metadataErrors, metadataUpdateErrors } from './metadata-errors.ts';
import type { StoreCore, WriteContext } from './store-core.ts';
import type { UpdateStrategy } from './strategy.ts';

const MAX_GENERATED_BASE = 58;

/** Removes what a client may not set on create. Upstream: rest.WipeObjectMetaSystemFields */
export function wipeSystemFields(metadata: ObjectMeta): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

export function fillSystemFields(metadata: ObjectMeta, clock: Clock, random: Random): void {
  metadata.creationTimestamp = formatTime(clock.now());
  metadata.uid = random.uuid();
}

/** Upstream: apiserver/pkg/storage/names/generate.go */
export function generateName(base: string, random: Random): string {
  return base.slice(0, MAX_GENERATED_BASE) + random.suffix(5);
}

/** Puts the request's namespace in, or refuses another one. Upstream: rest.EnsureObjectNamespaceMatchesRequestNamespace */
export function ensureNamespace(object: KubeObject, namespace: string, namespaced: boolean): void {
  const { metadata } = object;
  const expected = namespaced ? namespace : '';
  const actual = metadata.namespace ?? '';
  if (actual === expected) {
    if (actual === '') delete metadata.namespace;
    return;
  }
  if (actual === '') metadata.namespace = expected;
  // Cluster-scoped objects tolerate a namespace and drop it.
  else if (expected === '') delete metadata.namespace;
  else throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

export function beforeCreate(store: StoreCore, object: KubeObject, context: WriteContext): void {
  const { row, strategy } = store;
  ensureNamespace(object, context.namespace, row.namespaced);
  delete object.metadata.deletionTimestamp;
  delete object.metadata.deletionGracePeriodSeconds;
  strategy.prepareForCreate?.(object, context);
  const errors = metadataErrors(store, object);
  const more = strategy.validate?.(object, quietIf(errors, context));
  if (more !== undefined) errors.push(...more);
  refuse(store, object, errors);
  strategy.canonicalize?.(object);
}

export function beforeUpdate(
  store: StoreCore,
  door: UpdateStrategy,
  object: KubeObject,
  old: KubeObject,
  context: WriteContext,
): void {
  const { row, strategy } = store;
  ensureNamespace(object, context.namespace, row.namespaced);
  const meta = object.metadata;
  const oldMeta = old.metadata;
  keep(meta, oldMeta, 'generation');
  door.prepareForUpdate?.(object, old, context);
  if (!meta.uid) keep(meta, oldMeta, 'uid');
  if (oldMeta.creationTimestamp) meta.creationTimestamp = oldMeta.creationTimestamp;
  if (oldMeta.deletionTimestamp) meta.deletionTimestamp = oldMeta.deletionTimestamp;
  if (oldMeta.deletionGracePeriodSeconds !== undefined && meta.deletionGracePeriodSeconds === undefined) {
    meta.deletionGracePeriodSeconds = oldMeta.deletionGracePeriodSeconds;
  }
  const errors = metadataUpdateErrors(store, door, object, old);
  const more = door.validateUpdate?.(object, old, quietIf(errors, context));
  if (more !== undefined) errors.push(...more);
  refuse(store, object, errors);
  strategy.canonicalize?.(object);
}

function keep<K extends keyof ObjectMeta>(meta: ObjectMeta, old: ObjectMeta, key: K): void {
  if (old[key] === undefined) delete meta[key];
  else meta[key] = old[key];
}

/** Only a valid object is warned of: who is refused has one thing to read. */
function quietIf(errors: readonly FieldError[], context: WriteContext): WriteContext {
  return errors.length === 0 ? context : { ...context, signal: context.signal, warn() {} };
}

function refuse(store: StoreCore, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  // Named after the type the server holds it in: an Event of events.k8s.io is one of the core group.
  const { group, kind } = store.row.storage;
  throw invalid({ group, kind }, object.metadata.name ?? '', errors);
}
