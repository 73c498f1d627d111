/** PersistentVolumeClaimResize: a claim grows only when it is bound and its class allows it. Upstream: plugin/pkg/admission/storage/persistentvolume/resize */
import type { PersistentVolumeClaim } from '../../api/core-v1.ts';
import type { StorageClass } from '../../api/storage-v1.ts';
import { cmpQuantity, parseQuantity } from '../../machinery/quantity/quantity.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor, refuse } from '../refuse.ts';

export function persistentVolumeClaimResize(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    resources: ['persistentvolumeclaims'],
    handles: (operation) => operation === 'UPDATE',
    async validate(a) {
      if (!isFor(a, '', 'persistentvolumeclaims') || a.object === undefined || a.oldObject === undefined) return;
      const claim = a.object as PersistentVolumeClaim;
      const old = a.oldObject as PersistentVolumeClaim;
      const size = (c: PersistentVolumeClaim) => parseQuantity(c.spec?.resources?.requests?.storage ?? '0');
      if (cmpQuantity(size(claim), size(old)) <= 0) return;
      if (old.status?.phase !== 'Bound') throw refuse(a, 'Only bound persistent volume claims can be expanded');
      const name = classOf(claim);
      const storageClass =
        name !== '' && name === classOf(old)
          ? await data.get<StorageClass>({ group: 'storage.k8s.io', resource: 'storageclasses' }, '', name)
          : undefined;
      if (!storageClass?.allowVolumeExpansion)
        throw refuse(
          a,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
    },
  };
}

function classOf(claim: PersistentVolumeClaim): string {
  return claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? '';
}
