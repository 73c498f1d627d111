/** How many pods of a budget may be disrupted now. Pure. Upstream: pkg/controller/disruption */
import type { Pod } from '../../api/core-v1.ts';
import type { Condition } from '../../api/meta-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/policy-v1.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/meta/int-or-string.ts';
import { isPodReady } from '../pods.ts';
import { semanticEqual } from '../semantic-equal.ts';

/** An evicted pod that is not gone after this long has not been evicted. */
export const DELETION_TIMEOUT_MS = 120_000;

/** True when the budget counts from its pods' controllers' sizes. */
export function needsScale(pdb: PodDisruptionBudget): boolean {
  return pdb.spec?.maxUnavailable !== undefined || typeof pdb.spec?.minAvailable === 'string';
}

export function expectedPods(
  pdb: PodDisruptionBudget,
  pods: number,
  scale: number,
): { expected: number; desired: number } {
  const { maxUnavailable, minAvailable } = pdb.spec ?? {};
  if (maxUnavailable !== undefined) {
    return {
      expected: scale,
      desired: Math.max(0, scale - scaledValueFromIntOrPercent(maxUnavailable, scale, { roundUp: true })),
    };
  }
  if (typeof minAvailable === 'number') return { expected: pods, desired: minAvailable };
  if (typeof minAvailable === 'string')
    return { expected: scale, desired: scaledValueFromIntOrPercent(minAvailable, scale, { roundUp: true }) };
  return { expected: 0, desired: 0 };
}

/** Evictions under way, those that should have happened by now, and when to look again (ms). */
export function pendingDisruptions(pdb: PodDisruptionBudget, pods: readonly Pod[], now: number) {
  const pending: Record<string, string> = {};
  const overdue: Pod[] = [];
  let recheck: number | undefined;
  for (const pod of pods) {
    const time = pdb.status?.disruptedPods?.[pod.metadata.name!];
    if (time === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const left = Date.parse(time) + DELETION_TIMEOUT_MS - now;
    if (left < 0) {
      overdue.push(pod);
      continue;
    }
    pending[pod.metadata.name!] = time;
    if (recheck === undefined || left < recheck) recheck = left;
  }
  return { pending, overdue, recheck };
}

export function healthyPods(pods: readonly Pod[], pending: Readonly<Record<string, string>>, now: number): number {
  return pods.filter((p) => {
    if (p.metadata.deletionTimestamp !== undefined) return false;
    const time = pending[p.metadata.name!];
    return !(time !== undefined && Date.parse(time) + DELETION_TIMEOUT_MS > now) && isPodReady(p);
  }).length;
}

export interface BudgetCount {
  healthy: number;
  desired: number;
  expected: number;
  pending: Record<string, string>;
}

/** The status to write; undefined when the budget has it. */
export function budgetStatus(
  pdb: PodDisruptionBudget,
  count: BudgetCount,
  timestamp: string,
): PodDisruptionBudgetStatus | undefined {
  const { healthy, desired, expected, pending } = count;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const observedGeneration = pdb.metadata.generation ?? 0;
  const [status, reason] = allowed > 0 ? ['True', 'SufficientPods'] : ['False', 'InsufficientPods'];
  const next: PodDisruptionBudgetStatus = {
    observedGeneration,
    ...(Object.keys(pending).length > 0 ? { disruptedPods: pending } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: withAllowed(pdb, {
      type: 'DisruptionAllowed',
      status: status!,
      reason: reason!,
      message: '',
      observedGeneration,
      lastTransitionTime: timestamp,
    }),
  };
  return semanticEqual(next, pdb.status) ? undefined : next;
}

/** Nothing may be disrupted while it cannot be told how much may. */
export function failSafeStatus(
  pdb: PodDisruptionBudget,
  message: string,
  timestamp: string,
): PodDisruptionBudgetStatus {
  const observedGeneration = pdb.status?.observedGeneration ?? 0;
  const failed = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message,
    observedGeneration,
    lastTransitionTime: timestamp,
  };
  return {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...pdb.status,
    disruptionsAllowed: 0,
    conditions: withAllowed(pdb, failed),
  };
}

function withAllowed(pdb: PodDisruptionBudget, next: Condition): Condition[] {
  const conditions = pdb.status?.conditions ?? [];
  const current = conditions.find((c) => c.type === next.type);
  if (!current) return [...conditions, next];
  const kept = current.status === next.status ? { ...next, lastTransitionTime: current.lastTransitionTime } : next;
  return conditions.map((c) => (c === current ? kept : c));
}
