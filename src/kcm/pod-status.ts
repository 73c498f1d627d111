/** Changes of pods' statuses by controllers: a strategic patch guarded by uid, so that the kubelet's fields stay untouched. */
import type { Pod, PodCondition } from '../api/core-v1.ts';
import type { Client } from '../client/client.ts';
import { PODS } from '../client/resources.ts';
import { podCondition } from './pods.ts';

/** The condition to write, with its transition time; undefined when the pod has it already. */
export function changedCondition(pod: Pod, condition: PodCondition, now: string): PodCondition | undefined {
  const old = podCondition(pod, condition.type);
  const next: PodCondition = {
    ...condition,
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    lastTransitionTime: old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : now,
  };
  const same =
    old &&
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration;
  return same ? undefined : next;
}

export async function patchPodStatus(
  client: Client,
  pod: Pod,
  status: Record<string, unknown>,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { uid: pod.metadata.uid }, status };
  await client.patch(PODS, pod.metadata.name!, 'strategic', patch, {
    namespace: pod.metadata.namespace!,
    subresource: 'status',
    signal,
  });
}
