/** Where the volume behind a persistentVolumeClaim is: claims bound to hostPath and local volumes. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { Reader } from '../../client/client.ts';
import { PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES } from '../../client/resources.ts';

export interface ClaimedVolume {
  path: string;
  /** Type of a hostPath; undefined: a local volume, which has to be a directory. */
  hostPathType?: string;
  readOnly: boolean;
}

/** @throws Error in upstream's words while the claim is not bound or not of a kind this kubelet mounts */
export async function claimedVolume(client: Reader, pod: Pod, claimName: string): Promise<ClaimedVolume> {
  const namespace = pod.metadata.namespace ?? '';
  const claim = await client.get<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS, claimName, { namespace });
  if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) {
    throw new Error(
      `PVC ${namespace}/${claimName} has non-bound phase ("${claim.status?.phase ?? ''}") or empty pvc.Spec.VolumeName ("${claim.spec?.volumeName ?? ''}")`,
    );
  }
  const volume = await client.get<PersistentVolume>(PERSISTENTVOLUMES, claim.spec.volumeName);
  if (volume.spec?.claimRef?.uid !== claim.metadata.uid) {
    throw new Error(
      `PV ${volume.metadata.name} spec.ClaimRef.UID ${volume.spec?.claimRef?.uid} does not match PVC UID ${claim.metadata.uid}`,
    );
  }
  const readOnly = volume.spec?.accessModes?.every((m) => m === 'ReadOnlyMany') ?? false;
  if (volume.spec?.hostPath)
    return { path: volume.spec.hostPath.path, hostPathType: volume.spec.hostPath.type ?? '', readOnly };
  if (volume.spec?.local) return { path: volume.spec.local.path, readOnly };
  throw new Error('no volume plugin matched');
}
