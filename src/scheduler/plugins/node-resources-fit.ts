/**
 * The node has room for what the pod requests; scores by what would be left (LeastAllocated).
 * Upstream: plugins/noderesources/fit.go, least_allocated.go
 */
import type { Node, Pod } from '../../api/core-v1.ts';
import { podRequests, resourceAmounts } from '../../machinery/pods/pod-resources.ts';
import type { NodeInfo, PodInfo } from '../framework/node-info.ts';
import { MAX_NODE_SCORE, type Plugin } from '../framework/plugin.ts';
import { type Status, unresolvable, unschedulable } from '../framework/status.ts';

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: [
    { event: 'AssignedPodDelete', hint: (pod, deleted) => sharesResource(pod, deleted as Pod) },
    { event: 'AssignedPodUpdate' },
    { event: 'NodeAdd', hint: (pod, _old, node) => couldHold(pod, node as Node) },
    { event: 'NodeUpdateAllocatable', hint: (pod, _old, node) => couldHold(pod, node as Node) },
  ],
  filter: (_state, pod, node) => insufficient(pod, node),
  score(_state, pod, node) {
    const cpu = leastAllocated(node.nonZeroCpu + pod.nonZeroCpu, node.allocatable.cpu ?? 0);
    const memory = leastAllocated(node.nonZeroMemory + pod.nonZeroMemory, node.allocatable.memory ?? 0);
    return Math.trunc((cpu + memory) / 2);
  },
};

/** Every shortage as a reason; unresolvable when even an empty node would be too small. */
function insufficient(pod: PodInfo, node: NodeInfo): Status | undefined {
  let reasons: string[] | undefined;
  let unresolvableShortage = false;
  if (node.pods.size + 1 > (node.allocatable.pods ?? 0)) reasons = ['Too many pods'];
  for (const name in pod.requests) {
    const want = pod.requests[name]!;
    const allocatable = node.allocatable[name] ?? 0;
    if (want <= 0 || want <= allocatable - (node.requested[name] ?? 0)) continue;
    if (reasons === undefined) reasons = [];
    reasons.push(`Insufficient ${name}`);
    if (want > allocatable) unresolvableShortage = true;
  }
  if (reasons === undefined) return undefined;
  return unresolvableShortage ? unresolvable(...reasons) : unschedulable(...reasons);
}

function leastAllocated(requested: number, capacity: number): number {
  if (capacity === 0 || requested > capacity) return 0;
  return Math.trunc(((capacity - requested) * MAX_NODE_SCORE) / capacity);
}

function sharesResource(pod: Pod, deleted: Pod): boolean {
  const freed = podRequests(deleted.spec ?? {});
  const wanted = podRequests(pod.spec ?? {});
  // Every pod frees one of the node's places.
  return Object.keys(wanted).length === 0 || Object.keys(wanted).some((name) => (freed[name] ?? 0) > 0);
}

function couldHold(pod: Pod, node: Node): boolean {
  const allocatable = resourceAmounts(node.status?.allocatable);
  return Object.entries(podRequests(pod.spec ?? {})).every(([name, want]) => want <= (allocatable[name] ?? 0));
}
