/** Which pods the pod garbage collector removes. Pure. Upstream: pkg/controller/podgc */
import type { Node, Pod } from '../../api/core-v1.ts';
import { isPodTerminal } from '../pods.ts';
import { OUT_OF_SERVICE } from '../taints.ts';

/** Terminated pods beyond `threshold`: evicted ones first, then the oldest. */
export function terminatedBeyond(pods: readonly Pod[], threshold: number): Pod[] {
  const phases = new Set(['Pending', 'Running', 'Unknown']);
  const terminated = pods.filter((p) => !phases.has(p.status?.phase ?? 'Pending'));
  const excess = terminated.length - threshold;
  if (threshold <= 0 || excess <= 0) return [];
  return terminated.sort(evictedThenOldest).slice(0, excess);
}

/** Terminating pods on nodes that are not ready and marked out of service. */
export function terminatingOutOfService(pods: readonly Pod[], nodes: ReadonlyMap<string, Node>): Pod[] {
  return pods
    .filter((p) => {
      if (p.metadata.deletionTimestamp === undefined) return false;
      const node = nodes.get(p.spec?.nodeName ?? '');
      if (!node) return false;
      const ready = node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
      return !ready && (node.spec?.taints ?? []).some((t) => t.key === OUT_OF_SERVICE);
    })
    .sort(evictedThenOldest);
}

export function unscheduledTerminating(pods: readonly Pod[]): Pod[] {
  return pods.filter((p) => p.metadata.deletionTimestamp !== undefined && !p.spec?.nodeName);
}

/** Nodes that pods name and that do not exist, as far as the cache knows. */
export function missingNodes(pods: readonly Pod[], nodes: ReadonlyMap<string, Node>): Set<string> {
  const missing = new Set<string>();
  for (const p of pods) if (p.spec?.nodeName && !nodes.has(p.spec.nodeName)) missing.add(p.spec.nodeName);
  return missing;
}

export const needsFailedPhase = (pod: Pod): boolean => !isPodTerminal(pod);

function evictedThenOldest(a: Pod, b: Pod): number {
  const evicted = (p: Pod) => Number(p.status?.phase === 'Failed' && p.status.reason === 'Evicted');
  if (evicted(a) !== evicted(b)) return evicted(b) - evicted(a);
  const time = (p: Pod) => Date.parse(p.metadata.creationTimestamp ?? '') || 0;
  return time(a) - time(b) || (a.metadata.name! < b.metadata.name! ? -1 : 1);
}
