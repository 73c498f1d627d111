/** Who a pod of a StatefulSet is: its name, ordinal, labels and claims follow from the set and the ordinal. Pure. Upstream: stateful_set_utils.go */
import type { StatefulSet } from '../../api/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, Volume } from '../../api/core-v1.ts';
import { STATEFULSETS } from '../../client/resources.ts';
import { CONTROLLER_REVISION_HASH } from '../history.ts';
import { podFromTemplate } from '../pod-control.ts';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** The name of the set and the ordinal a pod's name tells; ordinal -1 when it tells none. */
export function parentAndOrdinal(podName: string): { parent: string; ordinal: number } {
  const m = /^(.*)-([0-9]+)$/.exec(podName);
  if (!m) return { parent: '', ordinal: -1 };
  const n = Number(m[2]);
  return { parent: m[1]!, ordinal: n <= 0x7fffffff ? n : -1 };
}
export function ordinalOf(pod: Pod): number {
  return parentAndOrdinal(pod.metadata.name ?? '').ordinal;
}
export function isMemberOf(set: StatefulSet, pod: Pod): boolean {
  return parentAndOrdinal(pod.metadata.name ?? '').parent === set.metadata.name;
}

export function replicasOf(set: StatefulSet): number {
  return set.spec?.replicas ?? 1;
}
export function startOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}
export function isInOrdinalRange(pod: Pod, set: StatefulSet): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);
}
export function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[CONTROLLER_REVISION_HASH] ?? '';
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}
export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata?.name}-${set.metadata.name}-${ordinal}`;
}

/** The claims of the pod with this ordinal, by the name of the volume that uses them. */
export function claimsOf(set: StatefulSet, ordinal: number): Map<string, PersistentVolumeClaim> {
  const claims = new Map<string, PersistentVolumeClaim>();
  for (const template of set.spec?.volumeClaimTemplates ?? []) {
    claims.set(template.metadata!.name!, {
      ...template,
      metadata: {
        ...template.metadata,
        name: claimName(set, template, ordinal),
        namespace: set.metadata.namespace!,
        labels: { ...template.metadata?.labels, ...set.spec!.selector.matchLabels },
      },
    });
  }
  return claims;
}

export function identityMatches(set: StatefulSet, pod: Pod): boolean {
  const { parent, ordinal } = parentAndOrdinal(pod.metadata.name ?? '');
  return (
    ordinal >= 0 &&
    parent === set.metadata.name &&
    pod.metadata.name === podName(set, ordinal) &&
    pod.metadata.namespace === set.metadata.namespace &&
    pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name
  );
}

export function storageMatches(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  if (ordinal < 0) return false;
  return (set.spec?.volumeClaimTemplates ?? []).every((template) => {
    const volume = pod.spec?.volumes?.find((v) => v.name === template.metadata?.name);
    return volume?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal);
  });
}

/** The pod with the labels its name asks for. */
export function withIdentity(set: StatefulSet, pod: Pod): Pod {
  const ordinal = ordinalOf(pod);
  const name = podName(set, ordinal);
  const labels = { ...pod.metadata.labels, [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) };
  return { ...pod, metadata: { ...pod.metadata, name, namespace: set.metadata.namespace!, labels } };
}

/** The pod with the volumes of its claims; volumes of the same names give way. */
export function withStorage(set: StatefulSet, pod: Pod): Pod {
  const claims = claimsOf(set, ordinalOf(pod));
  if (claims.size === 0) return pod;
  const volumes: Volume[] = [...claims].map(([name, claim]) => ({
    name,
    persistentVolumeClaim: { claimName: claim.metadata!.name! },
  }));
  const kept = (pod.spec?.volumes ?? []).filter((v) => !claims.has(v.name));
  return { ...pod, spec: { ...pod.spec!, volumes: [...volumes, ...kept] } };
}

function newPod(set: StatefulSet, ordinal: number, revision: string): Pod {
  const bare = podFromTemplate(set.spec!.template, set, STATEFULSETS, { name: podName(set, ordinal) });
  const pod = withStorage(set, withIdentity(set, bare));
  const { serviceName } = set.spec!;
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [CONTROLLER_REVISION_HASH]: revision } },
    spec: { ...pod.spec!, hostname: pod.metadata.name!, ...(serviceName ? { subdomain: serviceName } : {}) },
  };
}

/** The set as it is at a revision, and that revision's name. */
export interface RevisedSet {
  set: StatefulSet;
  revision: string;
}

/** The pod to create for an ordinal: below the partition (or, without one, among the current ones) of the current revision. */
export function newVersionedPod(current: RevisedSet, update: RevisedSet, ordinal: number): Pod {
  const { set } = current;
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  const start = startOrdinal(set);
  const isCurrent = rollingUpdate
    ? ordinal < start + (rollingUpdate.partition ?? 0)
    : type === 'RollingUpdate' && ordinal < start + (set.status?.currentReplicas ?? 0);
  const { set: of, revision } = isCurrent ? current : update;
  return newPod(of, ordinal, revision);
}
