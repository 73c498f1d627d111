/**
 * Changing an object: read, change, check, compare-and-swap, again when somebody else was faster. A change that changes
 * nothing is not written. Emptying the finalizers of a deleted object deletes it.
 * Upstream: apiserver/pkg/registry/generic/registry/store.go Update, storage/etcd3/store.go GuaranteedUpdate
 */

import { type Awaitable, when } from '../../base/when.ts';
import { conflict, invalid, notFound, StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { sameExceptManagedFieldsTime } from '../../machinery/patch/managed-fields.ts';
import { invalidField, Path } from '../../machinery/validation/field-error.ts';
import { isStorageError } from '../../storage/storage.ts';
import { beforeCreate, beforeUpdate, fillSystemFields } from './before-create.ts';
import { resourceVersionProblem } from './list-options.ts';
import { settleParts } from './sharing.ts';
import { OPTIMISTIC_LOCK_ERROR, statusOf } from './storage-errors.ts';
import { type Entry, isEqualJson, type StoreCore, type WriteContext } from './store-core.ts';
import type { UpdateStrategy } from './strategy.ts';
import { insert, settle, stamp, type ValidateCreate, type Written } from './write-create.ts';

export interface UpdateRequest {
  /**
   * The object as it is to be, a private copy. `current` is shared (never mutated), undefined when there is none; `copy` makes a
   * private one. Called again with newer state after a lost race.
   */
  change(current: KubeObject | undefined, copy: () => KubeObject): Awaitable<KubeObject>;
  /** The door the update comes through; the strategy itself for the main one. */
  door: UpdateStrategy;
  validateUpdate?(object: KubeObject, old: KubeObject): Awaitable<void>;
  validateCreate?: ValidateCreate;
  /** Apply creates what is not there. */
  forceAllowCreate?: boolean;
  /** Only this object, whatever has the name now. */
  uid?: string;
}

export async function updateObject(
  store: StoreCore,
  name: string,
  context: WriteContext,
  request: UpdateRequest,
): Promise<Written> {
  const key = store.key(context.namespace, name);
  // On a shared store the cache may lag: what fails on its state is tried once more on the newest.
  let mayBeStale = store.storage.capabilities.shared;
  for (let attempts = 0; ; attempts++) {
    // The signal costs something to make: only who lost a race looks at it.
    if (attempts > 0) context.signal.throwIfAborted();
    const now = store.cache.getNow(key, mayBeStale ? 0 : undefined);
    const current = now === 'wait' ? await store.cache.get(key, mayBeStale ? { minRevision: 0 } : {}) : now;
    try {
      return await attempt(store, key, name, context, request, current);
    } catch (err) {
      if (isLostRace(err)) {
        mayBeStale = false;
        continue;
      }
      if (mayBeStale) {
        mayBeStale = false;
        const newest = await store.cache.get(key);
        if (newest?.revision !== current?.revision) continue;
      }
      throw statusOf(err, { verb: 'update', resource: store.resource, name });
    }
  }
}

function isLostRace(err: unknown): boolean {
  return isStorageError(err, 'Conflict') || isStorageError(err, 'KeyNotFound');
}

/** In this turn up to the write itself, unless admission waits for something. */
function attempt(
  store: StoreCore,
  key: string,
  name: string,
  context: WriteContext,
  request: UpdateRequest,
  entry: Entry | undefined,
): Awaitable<Written> {
  const mayCreate = request.forceAllowCreate === true || store.strategy.allowCreateOnUpdate === true;
  if (entry === undefined) {
    if (!mayCreate) throw notFound(store.resource, name);
    return createInstead(store, key, context, request);
  }
  const old = store.object(entry);
  checkUid(store, key, name, request.uid, old);
  return when(
    request.change(old, () => store.copy(entry)),
    (object) => {
      checkRevision(store, name, object, entry);
      beforeUpdate(store, request.door, object, old, context);
      // Managed fields that differ in nothing but their times are no change. Upstream: IgnoreManagedFieldsTimestampsTransformer
      const before = old.metadata.managedFields;
      if (before !== undefined && sameExceptManagedFieldsTime(object, old)) object.metadata.managedFields = before;
      return when(request.validateUpdate?.(object, old), () => {
        if (isDeletedByUpdate(object, old) && store.strategy.isHeld?.(object) !== true)
          return removeEmptied(store, key, object, entry, context);
        if (store.strategy.begin === undefined) return write(store, key, object, entry, old, context);
        return replace(store, key, object, entry, old, context);
      });
    },
  );
}

async function createInstead(
  store: StoreCore,
  key: string,
  context: WriteContext,
  request: UpdateRequest,
): Promise<Written> {
  const object = await request.change(undefined, () => ({ metadata: {} }));
  fillSystemFields(object.metadata, store.clock, store.random);
  beforeCreate(store, object, context);
  if (request.validateCreate !== undefined) await request.validateCreate(object);
  return insert(store, key, object, context);
}

function checkUid(store: StoreCore, key: string, name: string, uid: string | undefined, old: KubeObject): void {
  if (uid === undefined || uid === '' || uid === old.metadata.uid) return;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`;
  throw conflict(
    store.resource,
    name,
    // Upstream names the key without its prefix.
    `StorageError: invalid object, Code: 4, Key: ${key.replace(/^\/registry/, '')}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

function checkRevision(store: StoreCore, name: string, object: KubeObject, entry: Entry): void {
  const sent = object.metadata.resourceVersion ?? '';
  if (sent === '' || sent === '0') {
    if (store.strategy.allowUnconditionalUpdate !== false) {
      object.metadata.resourceVersion = String(entry.revision);
      return;
    }
    const error = invalidField(Path.root('metadata', 'resourceVersion'), 0, 'must be specified for an update');
    throw invalid({ group: store.row.group, kind: store.row.resource }, name, [error]);
  }
  const problem = resourceVersionProblem(sent);
  if (problem !== undefined) throw new StatusError({ code: 500, message: problem });
  if (sent !== String(entry.revision)) throw conflict(store.resource, name, OPTIMISTIC_LOCK_ERROR);
}

/** Upstream: registry.ShouldDeleteDuringUpdate */
function isDeletedByUpdate(object: KubeObject, old: KubeObject): boolean {
  if ((object.metadata.finalizers?.length ?? 0) > 0) return false;
  return old.metadata.deletionTimestamp !== undefined && (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

async function removeEmptied(
  store: StoreCore,
  key: string,
  object: KubeObject,
  entry: Entry,
  context: WriteContext,
): Promise<Written> {
  const stored = store.toStorage(object);
  if (context.dryRun) return { object, bytes: store.serve(object, stored, entry.revision), created: false };
  const revision = await store.storage.delete(key, entry.revision);
  await store.strategy.afterDelete?.(object, context);
  object.metadata.resourceVersion = String(revision);
  return { object, bytes: store.serve(object, stored, revision), created: false };
}

async function replace(
  store: StoreCore,
  key: string,
  object: KubeObject,
  entry: Entry,
  old: KubeObject,
  context: WriteContext,
): Promise<Written> {
  const transaction = await store.strategy.begin?.(object, old, context);
  let written: Written;
  try {
    written = await write(store, key, object, entry, old, context);
  } catch (err) {
    await transaction?.rollback();
    throw err;
  }
  await settle(transaction, context.dryRun);
  return written;
}

function write(
  store: StoreCore,
  key: string,
  object: KubeObject,
  entry: Entry,
  old: KubeObject,
  context: WriteContext,
): Awaitable<Written> {
  object.metadata.resourceVersion = String(entry.revision);
  if (store.strategy.sharesUnchanged === true) settleParts(object, old);
  if (isEqualJson(object, old)) return { object, bytes: store.bytes(entry), created: false };
  const stored = store.toStorage(object);
  if (context.dryRun) return { object, bytes: store.serve(object, stored, entry.revision), created: false };
  const ttlSeconds = store.strategy.ttlSeconds?.(object);
  const options = ttlSeconds === undefined ? {} : { ttlSeconds };
  return store
    .write(stored, object, () => store.storage.update(key, stored, entry.revision, options))
    .then((revision) => {
      stamp(object, revision);
      return { object, bytes: store.serve(object, stored, revision, key), created: false };
    });
}
