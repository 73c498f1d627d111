/** What of the API a pod refers to; a mirror pod may refer to nothing. Upstream: pkg/api/pod/util.go HasAPIObjectReference */
import type { Pod, Volume } from '../../api/core-v1.ts';
import { podReferences } from '../pod-references.ts';

const LOCAL = new Set([
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);
const REMOTE: Record<string, string> = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
};
const PROJECTED: Record<string, string> = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
};

/** The kind of thing referred to, in upstream's words; undefined: nothing. */
export function apiReference(pod: Pod): string | undefined {
  const refs = podReferences(pod);
  if (refs.serviceAccount !== '') return 'serviceaccounts';
  if (refs.secrets.size > 0) return 'secrets';
  if (refs.configMaps.size > 0) return 'configmaps';
  if (pod.spec?.resourceClaims?.length) return 'resourceclaims';
  for (const v of pod.spec?.volumes ?? []) {
    const what = volumeReference(v);
    if (what !== undefined) return what;
  }
  return undefined;
}

function volumeReference(volume: Volume): string | undefined {
  const source = Object.keys(volume).find((k) => k !== 'name') ?? '';
  if (LOCAL.has(source)) return undefined;
  if (source !== 'projected') return REMOTE[source] ?? `unknown volume type for volume ${JSON.stringify(volume.name)}`;
  for (const s of volume.projected?.sources ?? []) {
    const kind = Object.keys(s)[0] ?? '';
    if (kind !== 'downwardAPI')
      return PROJECTED[kind] ?? `unknown source for projected volume ${JSON.stringify(volume.name)}`;
  }
  return undefined;
}
