/** What controllers ask of pods: alive, ready, available, and which of several to delete first. Pure. */
import type { Pod, PodCondition } from '../api/core-v1.ts';

export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}
export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((c) => c.type === type);
}
export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return false;
  if (minReadySeconds === 0) return true;
  return !!ready.lastTransitionTime && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= now;
}

/** Milliseconds until the first of the ready pods that are not available yet becomes so. */
export function nextAvailabilityCheck(pods: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  let next: number | undefined;
  for (const pod of pods) {
    const ready = podCondition(pod, 'Ready');
    if (ready?.status !== 'True' || !ready.lastTransitionTime) continue;
    const left = Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 - now;
    if (left > 0 && (next === undefined || left < next)) next = left;
  }
  return next;
}

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_ORDER: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST];
  // A leading plus or zeros are no valid cost: such an annotation counts as none.
  return text !== undefined && /^(0|-?[1-9]\d{0,9})$/.test(text) ? Number(text) : 0;
}

/** Readiness times and ages are compared by order of magnitude, so that no pod survives only for being oldest. */
function logarithmicAge(time: string, now: number): number {
  const age = (now - Date.parse(time)) * 1e6;
  return age > 0 ? Math.trunc(Math.log2(age)) : -1;
}

function restarts(pod: Pod): [number, number] {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const regular = Math.max(0, ...(pod.status?.containerStatuses ?? []).map((s) => s.restartCount));
  const sidecar = Math.max(
    0,
    ...(pod.status?.initContainerStatuses ?? []).filter((s) => sidecars.has(s.name)).map((s) => s.restartCount),
  );
  return [regular, sidecar];
}

/**
 * `count` of `pods`, those whose loss matters least: unassigned, earlier phases, not ready, cheap, crowded on their
 * node, recently ready, often restarted, young. Upstream: ActivePodsWithRanks
 */
export function podsToDelete(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const p of related)
    if (isPodActive(p)) perNode.set(p.spec?.nodeName ?? '', (perNode.get(p.spec?.nodeName ?? '') ?? 0) + 1);
  const rank = (p: Pod) => perNode.get(p.spec?.nodeName ?? '') ?? 0;
  return [...pods].sort((a, b) => comparePods(a, b, rank, now)).slice(0, count);
}

function comparePods(a: Pod, b: Pod, rank: (p: Pod) => number, now: number): number {
  const assigned = Number(!!a.spec?.nodeName) - Number(!!b.spec?.nodeName);
  if (assigned !== 0) return assigned;
  const phase = (PHASE_ORDER[a.status?.phase ?? ''] ?? 0) - (PHASE_ORDER[b.status?.phase ?? ''] ?? 0);
  if (phase !== 0) return phase;
  const ready = Number(isPodReady(a)) - Number(isPodReady(b));
  if (ready !== 0) return ready;
  const cost = deletionCost(a) - deletionCost(b);
  if (cost !== 0) return cost;
  const crowded = rank(b) - rank(a);
  if (crowded !== 0) return crowded;
  if (isPodReady(a)) {
    const byReadiness = compareTimes(
      podCondition(a, 'Ready')?.lastTransitionTime,
      podCondition(b, 'Ready')?.lastTransitionTime,
      a,
      b,
      now,
    );
    if (byReadiness !== 0) return byReadiness;
  }
  const [ra, sa] = restarts(a);
  const [rb, sb] = restarts(b);
  if (ra !== rb) return rb - ra;
  if (sa !== sb) return sb - sa;
  return compareTimes(a.metadata.creationTimestamp ?? undefined, b.metadata.creationTimestamp ?? undefined, a, b, now);
}

/** Younger first. */
function compareTimes(a: string | undefined, b: string | undefined, pa: Pod, pb: Pod, now: number): number {
  if (a === b) return 0;
  if (!a) return -1;
  if (!b) return 1;
  const diff = logarithmicAge(a, now) - logarithmicAge(b, now);
  if (diff !== 0) return diff;
  return (pa.metadata.uid ?? '') < (pb.metadata.uid ?? '') ? -1 : 1;
}

/** Index of pods by the node they are bound to. */
export const BY_NODE = 'spec.nodeName';
export function nodeIndex(pod: Pod): string[] {
  return pod.spec?.nodeName ? [pod.spec.nodeName] : [];
}
