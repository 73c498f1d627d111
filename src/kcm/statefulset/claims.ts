/**
 * Whether the claims of a StatefulSet's pods go with the set or with a pod that is scaled away: told by owner references,
 * the garbage collector does the rest. Pure. Upstream: stateful_set_utils.go isClaimOwnerUpToDate
 */
import type { StatefulSet } from '../../api/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { ResourceRef } from '../../client/client.ts';
import { PODS, STATEFULSETS } from '../../client/resources.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import { apiVersionOf } from '../../machinery/meta/object.ts';
import { controllerRefTo } from '../owners.ts';
import { isInOrdinalRange } from './identity.ts';

interface Policy {
  deletedWithSet: boolean;
  deletedWhenScaled: boolean;
}

export function retentionPolicy(set: StatefulSet): Policy {
  const p = set.spec?.persistentVolumeClaimRetentionPolicy;
  return { deletedWithSet: p?.whenDeleted === 'Delete', deletedWhenScaled: p?.whenScaled === 'Delete' };
}

function names(ref: OwnerReference, owner: KubeObject, kind: ResourceRef): boolean {
  return ref.apiVersion === apiVersionOf(kind) && ref.kind === kind.kind && ref.name === owner.metadata.name;
}
function refsOf(claim: PersistentVolumeClaim): readonly OwnerReference[] {
  return claim.metadata?.ownerReferences ?? [];
}
function isOwnedBy(claim: PersistentVolumeClaim, owner: KubeObject): boolean {
  return refsOf(claim).some((r) => r.uid === owner.metadata.uid);
}

/** The claim names `owner` of an earlier life. */
export function hasStaleOwner(claim: PersistentVolumeClaim, owner: KubeObject, kind: ResourceRef): boolean {
  const ref = refsOf(claim).find((r) => names(r, owner, kind));
  return ref !== undefined && ref.uid !== owner.metadata.uid;
}

/** Somebody other than the set or the pod controls the claim, though the policy would have the set or the pod do it. */
export function hasUnexpectedController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const { deletedWithSet, deletedWhenScaled } = retentionPolicy(set);
  if (!deletedWithSet && !deletedWhenScaled) return false;
  return refsOf(claim).some((ref) => {
    if (names(ref, set, STATEFULSETS)) return ref.uid !== set.metadata.uid;
    if (names(ref, pod, PODS)) return ref.uid !== pod.metadata.uid;
    return ref.controller === true;
  });
}

/** Which of the two are to own the claim. */
function wantedOwners(set: StatefulSet, pod: Pod): { set: boolean; pod: boolean } {
  const { deletedWithSet, deletedWhenScaled } = retentionPolicy(set);
  const condemned = deletedWhenScaled && !isInOrdinalRange(pod, set);
  return { set: deletedWithSet && !condemned, pod: condemned };
}

export function isClaimOwnerUpToDate(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  // Left over from an earlier set or pod: not ours to touch.
  if (hasStaleOwner(claim, set, STATEFULSETS) || hasStaleOwner(claim, pod, PODS)) return true;
  const bySet = isOwnedBy(claim, set);
  const byPod = isOwnedBy(claim, pod);
  if (hasUnexpectedController(claim, set, pod)) return !bySet && !byPod;
  const plain = refsOf(claim).some(
    (r) => (r.uid === set.metadata.uid || r.uid === pod.metadata.uid) && r.controller !== true,
  );
  if (plain) return false;
  const wanted = wantedOwners(set, pod);
  return wanted.set === bySet && wanted.pod === byPod;
}

/** The owner references the claim should have. */
export function claimOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): OwnerReference[] {
  const others = refsOf(claim).filter((r) => !names(r, set, STATEFULSETS) && !names(r, pod, PODS));
  if (hasUnexpectedController(claim, set, pod)) return others;
  const wanted = wantedOwners(set, pod);
  const has = (owner: KubeObject) => others.some((r) => r.uid === owner.metadata.uid);
  return [
    ...others,
    ...(wanted.set && !has(set) ? [controllerRefTo(set, STATEFULSETS)] : []),
    ...(wanted.pod && !has(pod) ? [controllerRefTo(pod, PODS)] : []),
  ];
}
