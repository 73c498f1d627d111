/**
 * Creating an object: generated names with retry, the before-create hooks, the strategy's reservation, and the one write.
 * Upstream: apiserver/pkg/registry/generic/registry/store.go Create
 */

import type { Awaitable } from '../../base/when.ts';
import {
  groupResourceString,
  isAlreadyExists,
  StatusError,
  statusErrorOf,
} from '../../machinery/errors/status-error.ts';
import { cloneJson } from '../../machinery/meta/clone.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { StorageError } from '../../storage/storage.ts';
import { beforeCreate, fillSystemFields, generateName } from './before-create.ts';
import { statusOf } from './storage-errors.ts';
import type { StoreCore, WriteContext } from './store-core.ts';
import type { Transaction } from './strategy.ts';

/** What a write answers with. `object` is the writer's own copy as stored, with its resourceVersion. */
export interface Written {
  object: KubeObject;
  /** The served JSON. */
  bytes: Buffer;
  created: boolean;
}

/** Admission's validating half; throws to refuse. */
export type ValidateCreate = (object: KubeObject) => Awaitable<void>;

const MAX_NAME_GENERATION_ATTEMPTS = 8;

/** `object` is the store's from here on. */
export async function createObject(
  store: StoreCore,
  object: KubeObject,
  context: WriteContext,
  validate?: ValidateCreate,
): Promise<Written> {
  const { metadata } = object;
  if (!metadata.generateName || metadata.name) return createOnce(store, object, context, validate);
  for (let attempt = 1; ; attempt++) {
    try {
      return await createOnce(store, cloneJson(object), context, validate);
    } catch (err) {
      if (attempt >= MAX_NAME_GENERATION_ATTEMPTS || !isAlreadyExists(err)) throw err;
    }
  }
}

async function createOnce(
  store: StoreCore,
  object: KubeObject,
  context: WriteContext,
  validate?: ValidateCreate,
): Promise<Written> {
  const { metadata } = object;
  fillSystemFields(metadata, store.clock, store.random);
  if (metadata.generateName && !metadata.name) metadata.name = generateName(metadata.generateName, store.random);
  beforeCreate(store, object, context);
  const checked = validate?.(object);
  if (checked !== undefined) await checked;
  const key = store.key(context.namespace, metadata.name ?? '');
  // Upstream: storage.ErrResourceVersionSetOnCreate, an error without a reason. A dry run does not get that far.
  if (Number(metadata.resourceVersion) > 0 && !context.dryRun)
    throw new StatusError({ code: 500, message: 'resourceVersion should not be set on objects to be created' });
  return insert(store, key, object, context);
}

/** The last step of a create: reserve, write, settle the reservation. Also used by updates that create. */
export async function insert(
  store: StoreCore,
  key: string,
  object: KubeObject,
  context: WriteContext,
): Promise<Written> {
  const begun = store.strategy.begin?.(object, undefined, context);
  const transaction = begun && (await begun);
  let written: Written;
  try {
    written = await write(store, key, object, context);
  } catch (err) {
    await transaction?.rollback();
    throw await createError(store, key, object, err);
  }
  if (transaction !== undefined) await settle(transaction, context.dryRun);
  return written;
}

async function write(store: StoreCore, key: string, object: KubeObject, context: WriteContext): Promise<Written> {
  const stored = store.toStorage(object);
  if (context.dryRun) {
    if ((await store.cache.get(key)) !== undefined) throw new StorageError('KeyExists', 'key exists', { key });
    return { object, bytes: store.serve(object, stored, 0), created: true };
  }
  const ttlSeconds = store.strategy.ttlSeconds?.(object);
  const options = ttlSeconds === undefined ? {} : { ttlSeconds };
  const revision = await store.write(stored, object, () => store.storage.create(key, stored, options));
  stamp(object, revision);
  return { object, bytes: store.serve(object, stored, revision, key), created: true };
}

/** The object's new resourceVersion; one that was handed over has it already and may be frozen. */
export function stamp(object: KubeObject, revision: number): void {
  const text = String(revision);
  if (object.metadata.resourceVersion !== text) object.metadata.resourceVersion = text;
}

/** A dry run gives back what it reserved. */
export async function settle(transaction: Transaction | undefined, dryRun: boolean): Promise<void> {
  if (transaction === undefined) return;
  await (dryRun ? transaction.rollback() : transaction.commit());
}

async function createError(store: StoreCore, key: string, object: KubeObject, err: unknown): Promise<unknown> {
  const name = object.metadata.name ?? '';
  const status = statusOf(err, { verb: 'create', resource: store.resource, name });
  if (!isAlreadyExists(status)) return status;
  const { status: wire } = statusErrorOf(status)!;
  if (object.metadata.generateName) {
    return new StatusError({
      ...wire,
      message: `${groupResourceString(store.resource)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
      details: { ...wire.details, retryAfterSeconds: 1 },
    });
  }
  const existing = await store.cache.get(key);
  if (existing === undefined || store.object(existing).metadata.deletionTimestamp === undefined) return status;
  return new StatusError({ ...wire, message: `object is being deleted: ${wire.message}` });
}
