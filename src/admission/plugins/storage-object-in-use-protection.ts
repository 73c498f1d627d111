/**
 * StorageObjectInUseProtection: volumes and claims carry a finalizer that their controller takes off when nothing uses them.
 * Upstream: plugin/pkg/admission/storage/storageobjectinuseprotection
 */
import type { AdmissionPlugin } from '../admission.ts';

const FINALIZERS: Record<string, string> = {
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    resources: ['persistentvolumes', 'persistentvolumeclaims', 'volumeattributesclasses.storage.k8s.io'],
    handles: (operation) => operation === 'CREATE',
    admit(a) {
      const finalizer = FINALIZERS[`${a.resource.group}/${a.resource.resource}`];
      if (finalizer === undefined || a.subresource !== '' || a.object === undefined) return;
      const { metadata } = a.object;
      if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    },
  };
}
