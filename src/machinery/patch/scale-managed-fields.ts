/**
 * Ownership across the scale subresource: `spec.replicas` of a Scale is the replicas field of the resource behind it.
 * Upstream: apimachinery/pkg/util/managedfields/scalehandler.go
 */
import type { ManagedFieldsEntry } from '../meta/object.ts';
import { FieldSet } from './fieldset.ts';
import { decodeManagedFields, emptyManaged, encodeManagedFields } from './managers.ts';
import { fieldElement } from './path-element.ts';

/** Version of the resource → path of its replicas field (`['spec','replicas']`); null: known version without one. */
export type ReplicasPaths = Readonly<Record<string, readonly string[] | null>>;

const SCALE_API_VERSION = 'autoscaling/v1';
const SCALE_PATH = ['f:spec', 'f:replicas'];

/** The resource's entries as those of its Scale: only who owns the replicas. */
export function managedFieldsOfScale(
  parent: readonly ManagedFieldsEntry[] | undefined,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] | undefined {
  const owners = decodeManagedFields(parent);
  const out = emptyManaged();
  for (const [id, owned] of owners.fields) {
    const path = paths[owned.apiVersion]?.map(fieldElement);
    if (!path || !owned.set.has(path)) continue;
    out.fields.set(id, {
      set: FieldSet.ofFields(['spec', 'replicas']),
      apiVersion: SCALE_API_VERSION,
      applied: owned.applied,
    });
    const time = owners.times.get(id);
    if (time) out.times.set(id, time);
  }
  return encodeManagedFields(out);
}

/** The resource's entries after a write through its Scale, whose entries are `scale`. `apiVersion`: of the resource. */
export function managedFieldsOfParent(
  parent: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] | undefined {
  const owners = decodeManagedFields(parent);
  const scalers = decodeManagedFields(scale);
  const out = emptyManaged();
  const keepTime = (id: string): void => {
    const time = owners.times.get(id);
    if (time) out.times.set(id, time);
  };
  for (const [id, owned] of owners.fields) {
    const path = paths[owned.apiVersion];
    if (path === undefined) continue;
    if (path !== null && owned.set.has(path.map(fieldElement)) && !scalers.fields.has(id)) {
      const rest = owned.set.difference(FieldSet.ofFields(path));
      if (rest.isEmpty()) continue;
      out.fields.set(id, { ...owned, set: rest });
    } else {
      out.fields.set(id, owned);
      if (path !== null && owned.set.has(path.map(fieldElement))) scalers.fields.delete(id);
    }
    keepTime(id);
  }
  const replicas = paths[apiVersion];
  for (const [id, owned] of scalers.fields) {
    if (!replicas || !owned.set.has(SCALE_PATH)) continue;
    out.fields.set(id, { set: FieldSet.ofFields(replicas), apiVersion, applied: owned.applied });
    // As upstream: one who first owns the replicas through a Scale has no time.
    keepTime(id);
  }
  return encodeManagedFields(out);
}
