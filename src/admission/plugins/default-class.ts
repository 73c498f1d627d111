/**
 * DefaultStorageClass, DefaultIngressClass: what names no class gets the one marked as default; of several the newest.
 * Upstream: plugin/pkg/admission/{storage/storageclass/setdefault,network/defaultingressclass}
 */
import type { PersistentVolumeClaim } from '../../api/core-v1.ts';
import type { Ingress } from '../../api/networking-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor } from '../refuse.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const STORAGE_DEFAULTS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const INGRESS_DEFAULTS = ['ingressclass.kubernetes.io/is-default-class'];

export function defaultStorageClass(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    resources: ['persistentvolumeclaims'],
    handles: (operation) => operation === 'CREATE',
    async admit(a) {
      if (!isFor(a, '', 'persistentvolumeclaims') || a.object === undefined) return;
      const claim = a.object as PersistentVolumeClaim;
      if (claim.metadata.annotations?.[BETA_CLASS] !== undefined || typeof claim.spec?.storageClassName === 'string')
        return;
      const name = newest(
        await data.list({ group: 'storage.k8s.io', resource: 'storageclasses' }, ''),
        STORAGE_DEFAULTS,
      );
      if (name !== undefined && claim.spec) claim.spec.storageClassName = name;
    },
  };
}

export function defaultIngressClass(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    resources: ['ingresses.networking.k8s.io'],
    handles: (operation) => operation === 'CREATE',
    async admit(a) {
      if (!isFor(a, 'networking.k8s.io', 'ingresses') || a.object === undefined) return;
      const ingress = a.object as Ingress;
      if (
        ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined ||
        typeof ingress.spec?.ingressClassName === 'string'
      )
        return;
      const name = newest(
        await data.list({ group: 'networking.k8s.io', resource: 'ingressclasses' }, ''),
        INGRESS_DEFAULTS,
      );
      if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
    },
  };
}

function newest(classes: readonly KubeObject[], marks: readonly string[]): string | undefined {
  const created = (c: KubeObject) => Date.parse(c.metadata.creationTimestamp ?? '') || 0;
  const defaults = classes.filter((c) => marks.some((m) => c.metadata.annotations?.[m] === 'true'));
  return defaults.sort((a, b) => created(b) - created(a) || (a.metadata.name! < b.metadata.name! ? -1 : 1))[0]?.metadata
    .name;
}
