/**
 * Who controls what: controller references, and adopting and releasing objects so that a controller's selector and its
 * references agree. Upstream: pkg/controller/controller_ref_manager.go
 */
import type { Client, ResourceRef } from '../client/client.ts';
import { isInvalid, isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject, OwnerReference } from '../machinery/meta/object.ts';
import { apiVersionOf } from '../machinery/meta/object.ts';

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((r) => r.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference by which `owner` controls another object. */
export function controllerRefTo(owner: KubeObject, ref: ResourceRef): OwnerReference {
  return {
    apiVersion: apiVersionOf(ref),
    kind: ref.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Index of objects by the uid of their controller; orphans by namespace under ORPHANS. */
export const BY_CONTROLLER = 'controllerUID';
export function controllerIndex(object: KubeObject): string[] {
  const ref = controllerOf(object);
  return [ref ? ref.uid : orphansOf(object.metadata.namespace)];
}
/** The value under which BY_CONTROLLER holds what nobody controls. */
export function orphansOf(namespace: string | undefined): string {
  return `orphans/${namespace ?? ''}`;
}

export interface ClaimOptions {
  client: Client;
  owner: KubeObject;
  ownerRef: ResourceRef;
  /** What is claimed. */
  ref: ResourceRef;
  matches(object: KubeObject): boolean;
  signal: AbortSignal;
  /** Finalizers put on when adopting and taken off when releasing. */
  finalizers?: readonly string[];
}

/** Of `objects` those that `owner` controls now, after adopting orphans that match and releasing its own that do not. */
export async function claim<T extends KubeObject>(objects: readonly T[], options: ClaimOptions): Promise<T[]> {
  const { owner, matches } = options;
  const deleting = owner.metadata.deletionTimestamp !== undefined;
  const claimed: T[] = [];
  const failures: unknown[] = [];
  let canAdopt: Promise<void> | undefined;
  for (const object of objects) {
    const ref = controllerOf(object);
    if (ref) {
      if (ref.uid !== owner.metadata.uid) continue;
      if (matches(object)) claimed.push(object);
      else if (!deleting) await release(object, options).catch((err: unknown) => failures.push(err));
      continue;
    }
    if (
      deleting ||
      object.metadata.deletionTimestamp !== undefined ||
      object.metadata.namespace !== owner.metadata.namespace ||
      !matches(object)
    )
      continue;
    try {
      canAdopt ??= recheck(options);
      await canAdopt;
      await adopt(object, options);
      claimed.push(object);
    } catch (err) {
      if (!isNotFound(err)) failures.push(err);
    }
  }
  if (failures.length > 0) throw failures[0];
  return claimed;
}

/** The cache may be old: before adopting, the server is asked whether the owner still lives and is not being deleted. */
async function recheck({ client, owner, ownerRef, signal }: ClaimOptions): Promise<void> {
  const { name, namespace, uid } = owner.metadata;
  let fresh: KubeObject;
  try {
    fresh = await client.get(ownerRef, name!, { ...(namespace ? { namespace } : {}), signal });
  } catch (err) {
    throw new Error(
      `can't recheck DeletionTimestamp: ${(err as Error).message}`,
      isNotFound(err) ? {} : { cause: err },
    );
  }
  if (fresh.metadata.uid !== uid)
    throw new Error(
      `original ${ownerRef.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`,
    );
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
  }
}

async function adopt(
  object: KubeObject,
  { client, owner, ownerRef, ref, signal, finalizers }: ClaimOptions,
): Promise<void> {
  const patch = {
    metadata: {
      ownerReferences: [controllerRefTo(owner, ownerRef)],
      uid: object.metadata.uid,
      ...(finalizers?.length ? { finalizers } : {}),
    },
  };
  await client.patch(ref, object.metadata.name!, 'strategic', patch, { namespace: object.metadata.namespace!, signal });
}

async function release(object: KubeObject, { client, owner, ref, signal, finalizers }: ClaimOptions): Promise<void> {
  const patch = {
    metadata: {
      ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
      uid: object.metadata.uid,
      ...(finalizers?.length ? { '$deleteFromPrimitiveList/finalizers': finalizers } : {}),
    },
  };
  try {
    await client.patch(ref, object.metadata.name!, 'strategic', patch, {
      namespace: object.metadata.namespace!,
      signal,
    });
  } catch (err) {
    // Gone, or already released and owned by another: its uid no longer matches the patch.
    if (!isNotFound(err) && !isInvalid(err)) throw err;
  }
}
