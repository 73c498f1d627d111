/** Whether a claim or a volume is in use, so that its deletion must wait. Pure. Upstream: pkg/controller/volume/{pvc,pv,vac}protection */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { isControlledBy } from '../owners.ts';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';
export const ATTRIBUTES_CLASS_FINALIZER = 'kubernetes.io/vac-protection';

export type Verdict = 'release' | 'protect' | 'leave';

/** `protect`: the finalizer is missing. `release`: being deleted and unused. */
export function verdict(object: KubeObject, finalizer: string, used: () => boolean): Verdict {
  const has = object.metadata.finalizers?.includes(finalizer) ?? false;
  if (object.metadata.deletionTimestamp === undefined) return has ? 'leave' : 'protect';
  return has && !used() ? 'release' : 'leave';
}

/** Names of the claims a pod's volumes mean, as far as they can be told from the pod. */
export function claimsOf(pod: Pod): string[] {
  const names: string[] = [];
  for (const v of pod.spec?.volumes ?? []) {
    if (v.persistentVolumeClaim) names.push(v.persistentVolumeClaim.claimName);
    else if (v.ephemeral) names.push(`${pod.metadata.name}-${v.name}`);
  }
  return names;
}

/** A pod that is not scheduled does not hold a claim: no kubelet will start it with one that is being deleted. */
export function podUsesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const name = claim.metadata.name!;
  return (pod.spec.volumes ?? []).some((v) => {
    if (v.persistentVolumeClaim) return v.persistentVolumeClaim.claimName === name;
    return (
      v.ephemeral !== undefined &&
      !isShutDown(pod) &&
      `${pod.metadata.name}-${v.name}` === name &&
      isControlledBy(claim, pod)
    );
  });
}

/** The kubelet is done with the pod, or it was deleted by force. */
function isShutDown(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
}

export function isVolumeUsed(volume: PersistentVolume): boolean {
  return volume.status?.phase === 'Bound';
}

/** Names of the VolumeAttributesClasses a claim has, wants, or is being changed to. */
export function classesOfClaim(claim: PersistentVolumeClaim): string[] {
  const names = [
    claim.spec?.volumeAttributesClassName,
    claim.status?.currentVolumeAttributesClassName,
    claim.status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ''))];
}

/** Name of the VolumeAttributesClass of a volume, in a list of none or one. */
export function classesOfVolume(volume: PersistentVolume): string[] {
  const name = volume.spec?.volumeAttributesClassName;
  return name ? [name] : [];
}
