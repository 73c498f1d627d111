/**
 * Deleting an object: preconditions, grace, finalizers; at once, or by marking it and leaving the rest to whoever owns the
 * finalizers or the grace period. Upstream: apiserver/pkg/registry/generic/registry/store.go Delete, rest/delete.go
 */

import { conflict, isNotFound, notFound } from '../../machinery/errors/status-error.ts';
import { cloneJson } from '../../machinery/meta/clone.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta/object.ts';
import { formatTime, parseTime } from '../../machinery/meta/time.ts';
import { isStorageError } from '../../storage/storage.ts';
import { deletionFinalizers } from './deletion-finalizers.ts';
import { type Listed, listEntries } from './list.ts';
import type { ListOptions } from './list-options.ts';
import { statusOf } from './storage-errors.ts';
import { type Entry, isEqualJson, type StoreCore, type WriteContext } from './store-core.ts';
import type { DeleteOptions } from './strategy.ts';

export interface Deleted {
  /** The object as it was last stored, or as it is stored now while it still waits. */
  object: KubeObject;
  bytes: Buffer;
  /** It is gone (false: marked, waits for grace or finalizers). */
  deleted: boolean;
}

/** Admission for the object about to be deleted; throws to refuse. */
export type ValidateDelete = (object: KubeObject) => Promise<void>;

/** `options` is the request's own and is completed in place. */
export async function deleteObject(
  store: StoreCore,
  name: string,
  options: DeleteOptions,
  context: WriteContext,
  validate?: ValidateDelete,
): Promise<Deleted> {
  const key = store.key(context.namespace, name);
  let mayBeStale = store.storage.capabilities.shared;
  for (let attempts = 0; ; attempts++) {
    // The signal costs something to make: only who lost a race looks at it.
    if (attempts > 0) context.signal.throwIfAborted();
    const entry = await store.cache.get(key, mayBeStale ? { minRevision: 0 } : {});
    try {
      if (entry === undefined) throw notFound(store.resource, name);
      return await attempt(store, key, name, entry, options, context, validate);
    } catch (err) {
      if (isStorageError(err, 'Conflict') || isStorageError(err, 'KeyNotFound')) {
        mayBeStale = false;
        continue;
      }
      if (mayBeStale) {
        mayBeStale = false;
        const newest = await store.cache.get(key);
        if (newest?.revision !== entry?.revision) continue;
      }
      throw statusOf(err, { verb: 'delete', resource: store.resource, name });
    }
  }
}

async function attempt(
  store: StoreCore,
  key: string,
  name: string,
  entry: Entry,
  options: DeleteOptions,
  context: WriteContext,
  validate?: ValidateDelete,
): Promise<Deleted> {
  checkPreconditions(store, name, options, store.object(entry), entry.revision);
  store.strategy.validateDelete?.(store.object(entry));
  if (validate !== undefined) await validate(store.object(entry));
  const object = store.copy(entry);
  if (!object.metadata.deletionTimestamp) store.strategy.beginDeletion?.(object, context);
  const grace = decideGrace(store, object, options, context);
  if (grace === 'pending') return { object: store.object(entry), bytes: store.bytes(entry), deleted: false };
  const finalizers = deletionFinalizers(object.metadata, options, store.strategy.defaultPropagation ?? 'Background');
  if (finalizers !== undefined) setFinalizers(object.metadata, finalizers);
  const waits = (object.metadata.finalizers?.length ?? 0) > 0 || store.strategy.isHeld?.(object) === true;
  if (grace === 'none' && !waits) return remove(store, key, entry, object, context);
  if (grace === 'none' && store.strategy.onlyMarks === true) {
    object.metadata.deletionTimestamp ??= formatTime(store.clock.now());
  } else if (grace === 'none') markAsDeleting(object.metadata, store.clock.now());
  const marked = await mark(store, key, entry, object, context);
  if (waits || (grace === 'graceful' && (object.metadata.deletionGracePeriodSeconds ?? 0) > 0)) return marked;
  if (context.dryRun) return { ...marked, deleted: true };
  const now = await store.cache.get(key);
  if (now === undefined) return { ...marked, deleted: true };
  return remove(store, key, now, object, context);
}

/** Upstream: rest.BeforeDelete */
function checkPreconditions(
  store: StoreCore,
  name: string,
  options: DeleteOptions,
  object: KubeObject,
  revision: number,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const kind = { group: store.row.group, resource: store.row.kind };
  const have = object.metadata.uid ?? '';
  if (uid !== undefined && uid !== have) {
    throw conflict(
      kind,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${have}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== String(revision)) {
    throw conflict(
      kind,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${revision}). The object might have been modified`,
    );
  }
}

/** Sets deletionTimestamp and grace on `object` when it is to go gracefully; `pending`: it already is going, no slower than asked. */
function decideGrace(
  store: StoreCore,
  object: KubeObject,
  options: DeleteOptions,
  context: WriteContext,
): 'none' | 'graceful' | 'pending' {
  const { metadata } = object;
  if (options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0) options.gracePeriodSeconds = 1;
  if ((metadata.deletionGracePeriodSeconds ?? 0) < 0) metadata.deletionGracePeriodSeconds = 1;
  if (store.strategy.gracePeriod === undefined) return 'none';
  if (metadata.deletionTimestamp) return shortenGrace(metadata, options, store.clock.now());
  const seconds = store.strategy.gracePeriod(object, options, context);
  options.gracePeriodSeconds = seconds;
  metadata.deletionTimestamp = formatTime(store.clock.now() + seconds * 1000);
  metadata.deletionGracePeriodSeconds = seconds;
  if ((metadata.generation ?? 0) > 0) metadata.generation = metadata.generation! + 1;
  return 'graceful';
}

function shortenGrace(metadata: ObjectMeta, options: DeleteOptions, now: number): 'none' | 'graceful' | 'pending' {
  const current = metadata.deletionGracePeriodSeconds ?? 0;
  if (current === 0) return 'none';
  if (options.gracePeriodSeconds === undefined) {
    options.gracePeriodSeconds = current;
    return 'pending';
  }
  let period = options.gracePeriodSeconds;
  if (period >= current) return 'pending';
  let at = parseTime(metadata.deletionTimestamp!) - current * 1000 + period * 1000;
  if (at < now) {
    at = now;
    if (period !== 0) period = 1;
  }
  metadata.deletionTimestamp = formatTime(at);
  metadata.deletionGracePeriodSeconds = period;
  options.gracePeriodSeconds = period;
  return 'graceful';
}

/** Upstream: store.go markAsDeleting */
function markAsDeleting(metadata: ObjectMeta, now: number): void {
  if (!metadata.deletionTimestamp && (metadata.generation ?? 0) > 0) metadata.generation = metadata.generation! + 1;
  if (!metadata.deletionTimestamp || parseTime(metadata.deletionTimestamp) > now)
    metadata.deletionTimestamp = formatTime(now);
  metadata.deletionGracePeriodSeconds = 0;
}

function setFinalizers(metadata: ObjectMeta, finalizers: string[]): void {
  if (finalizers.length === 0) delete metadata.finalizers;
  else metadata.finalizers = finalizers;
}

async function mark(
  store: StoreCore,
  key: string,
  entry: Entry,
  object: KubeObject,
  context: WriteContext,
): Promise<Deleted> {
  // A second request to delete something that waits changes nothing.
  if (isEqualJson(object, store.object(entry)))
    return { object: store.object(entry), bytes: store.bytes(entry), deleted: false };
  const stored = store.toStorage(object);
  const revision = context.dryRun ? entry.revision : await store.storage.update(key, stored, entry.revision);
  object.metadata.resourceVersion = String(revision);
  return { object, bytes: store.serve(object, stored, revision), deleted: false };
}

async function remove(
  store: StoreCore,
  key: string,
  entry: Entry,
  object: KubeObject,
  context: WriteContext,
): Promise<Deleted> {
  const last = { object: store.object(entry), bytes: store.bytes(entry), deleted: true };
  if (context.dryRun) return last;
  const revision = await store.storage.delete(key, entry.revision);
  await store.strategy.afterDelete?.(object, context);
  object.metadata.resourceVersion = String(revision);
  return last;
}

/** Deletes what the list finds, page by page; what is gone meanwhile does not matter. Upstream: store.go DeleteCollection */
export async function deleteCollection(
  store: StoreCore,
  options: DeleteOptions,
  list: ListOptions,
  context: WriteContext,
  validate?: ValidateDelete,
): Promise<Listed> {
  const listed = await listEntries(store, context.namespace, list, context.signal);
  for (const entry of listed.entries) {
    const { name = '', namespace = '' } = store.object(entry).metadata;
    try {
      await deleteObject(
        store,
        name,
        cloneJson(options),
        { ...context, namespace, warn: (text) => context.warn(text), signal: context.signal },
        validate,
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
  return listed;
}
