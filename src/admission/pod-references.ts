/**
 * Which API objects a pod needs on its node: what the Node authorizer opens to the kubelet and what a mirror pod must not name.
 * Pure. Upstream: pkg/api/v1/pod/util.go VisitPodSecretNames, VisitPodConfigmapNames, HasAPIObjectReference
 */
import type { Container, EphemeralContainer, Pod, Volume } from '../api/core-v1.ts';

export interface PodReferences {
  secrets: Set<string>;
  configMaps: Set<string>;
  claims: Set<string>;
  resourceClaims: Set<string>;
  serviceAccount: string;
}

export function podReferences(pod: Pod): PodReferences {
  const spec = pod.spec ?? { containers: [] };
  const secrets = new Set<string>((spec.imagePullSecrets ?? []).flatMap((r) => r.name ?? []));
  const configMaps = new Set<string>();
  for (const c of allContainers(pod)) {
    for (const from of c.envFrom ?? []) {
      if (from.secretRef?.name) secrets.add(from.secretRef.name);
      if (from.configMapRef?.name) configMaps.add(from.configMapRef.name);
    }
    for (const { valueFrom } of c.env ?? []) {
      if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
      if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
    }
  }
  const claims = new Set<string>();
  for (const v of spec.volumes ?? []) {
    for (const s of volumeSecrets(v)) secrets.add(s);
    if (v.configMap?.name) configMaps.add(v.configMap.name);
    for (const source of v.projected?.sources ?? []) if (source.configMap?.name) configMaps.add(source.configMap.name);
    if (v.persistentVolumeClaim) claims.add(v.persistentVolumeClaim.claimName);
    else if (v.ephemeral) claims.add(`${pod.metadata.name}-${v.name}`);
  }
  return {
    secrets,
    configMaps,
    claims,
    resourceClaims: resourceClaimNames(pod),
    serviceAccount: spec.serviceAccountName ?? '',
  };
}

/** All containers a pod may run: init, ordinary, ephemeral. */
function allContainers(pod: Pod): (Container | EphemeralContainer)[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? { containers: [] };
  return [...initContainers, ...containers, ...ephemeralContainers];
}

function volumeSecrets(v: Volume): string[] {
  const names = [
    v.secret?.secretName,
    v.azureFile?.secretName,
    v.csi?.nodePublishSecretRef?.name,
    ...[v.cephfs, v.cinder, v.flexVolume, v.rbd, v.scaleIO, v.iscsi, v.storageos].map((s) => s?.secretRef?.name),
    ...(v.projected?.sources ?? []).map((s) => s.secret?.name),
  ];
  return names.filter((n): n is string => !!n);
}

function resourceClaimNames(pod: Pod): Set<string> {
  const names = new Set<string>();
  for (const claim of pod.spec?.resourceClaims ?? []) {
    if (claim.resourceClaimName) names.add(claim.resourceClaimName);
    const made = pod.status?.resourceClaimStatuses?.find((s) => s.name === claim.name)?.resourceClaimName;
    if (claim.resourceClaimTemplateName && made) names.add(made);
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended) names.add(extended);
  return names;
}
