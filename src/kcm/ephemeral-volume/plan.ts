/** The claims that a pod's ephemeral volumes are made of. Pure. Upstream: pkg/controller/volume/ephemeral, component-helpers/storage/ephemeral */
import type { PersistentVolumeClaim, Pod, Volume } from '../../api/core-v1.ts';
import { PODS } from '../../client/resources.ts';
import { controllerRefTo, isControlledBy } from '../owners.ts';

export function ephemeralVolumes(pod: Pod): Volume[] {
  return (pod.spec?.volumes ?? []).filter((v) => v.ephemeral !== undefined);
}

export function claimNameOf(pod: Pod, volume: Volume): string {
  return `${pod.metadata.name}-${volume.name}`;
}

/** The claim goes away with the pod. */
export function claimOf(pod: Pod, volume: Volume): PersistentVolumeClaim {
  const template = volume.ephemeral?.volumeClaimTemplate;
  const { annotations, labels } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimNameOf(pod, volume),
      namespace: pod.metadata.namespace!,
      ownerReferences: [controllerRefTo(pod, PODS)],
      ...(annotations ? { annotations } : {}),
      ...(labels ? { labels } : {}),
    },
    ...(template ? { spec: template.spec } : {}),
  };
}

/** Why an existing claim is not this pod's; undefined when it is. */
export function claimProblem(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  if (claim.metadata.namespace === pod.metadata.namespace && isControlledBy(claim, pod)) return undefined;
  const { name, namespace } = claim.metadata;
  return `PVC ${namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}
