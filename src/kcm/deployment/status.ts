/** A Deployment's status and conditions, given its ReplicaSets. Pure. Upstream: pkg/controller/deployment/sync.go, progress.go */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/apps-v1.ts';
import { hasProgressDeadline, maxUnavailable, replicasOf, sumAvailable, sumReplicas } from './plan.ts';

export const TIMED_OUT = 'ProgressDeadlineExceeded';
export const NEW_RS_AVAILABLE = 'NewReplicaSetAvailable';

export function conditionOf(status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined {
  return status?.conditions?.find((c) => c.type === type);
}

export function newCondition(
  type: string,
  status: string,
  reason: string,
  message: string,
  now: string,
): DeploymentCondition {
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** Replaces the condition of that type; one with the same status and reason stays as it is. */
export function withCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  condition: DeploymentCondition,
): DeploymentCondition[] {
  const current = conditions?.find((c) => c.type === condition.type);
  if (current && current.status === condition.status && current.reason === condition.reason) return [...conditions!];
  const transition = current?.status === condition.status ? current.lastTransitionTime : condition.lastTransitionTime;
  return [
    ...withoutCondition(conditions, condition.type),
    { ...condition, ...(transition ? { lastTransitionTime: transition } : {}) },
  ];
}
export function withoutCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  type: string,
): DeploymentCondition[] {
  return (conditions ?? []).filter((c) => c.type !== type);
}

/** Undefined when a ReplicaSet does not tell. */
function terminatingReplicas(all: readonly ReplicaSet[]): number | undefined {
  let n = 0;
  for (const { status } of all) {
    if (status?.terminatingReplicas !== undefined) n += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return n;
}

export function calculateStatus(
  d: Deployment,
  all: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: string,
): DeploymentStatus {
  const available = sumAvailable(all);
  const unavailable = Math.max(0, sumReplicas(all) - available);
  const replicas = all.reduce((n, rs) => n + (rs.status?.replicas ?? 0), 0);
  const ready = all.reduce((n, rs) => n + (rs.status?.readyReplicas ?? 0), 0);
  const updated = current?.status?.replicas ?? 0;
  const terminating = terminatingReplicas(all);
  const enough = available >= replicasOf(d) - maxUnavailable(d);
  const availability = enough
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
    : newCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        now,
      );
  return {
    ...(d.metadata.generation ? { observedGeneration: d.metadata.generation } : {}),
    ...(replicas ? { replicas } : {}),
    ...(updated ? { updatedReplicas: updated } : {}),
    ...(ready ? { readyReplicas: ready } : {}),
    ...(available ? { availableReplicas: available } : {}),
    ...(unavailable ? { unavailableReplicas: unavailable } : {}),
    ...(terminating !== undefined ? { terminatingReplicas: terminating } : {}),
    ...(d.status?.collisionCount !== undefined ? { collisionCount: d.status.collisionCount } : {}),
    conditions: withCondition(d.status?.conditions, availability),
  };
}

export function isComplete(d: Deployment, status: DeploymentStatus | undefined): boolean {
  const desired = replicasOf(d);
  return (
    (status?.updatedReplicas ?? 0) === desired &&
    (status?.replicas ?? 0) === desired &&
    (status?.availableReplicas ?? 0) === desired &&
    (status?.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
  );
}

function isProgressing(d: Deployment, status: DeploymentStatus): boolean {
  const n = (
    s: DeploymentStatus | undefined,
    key: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas',
  ) => s?.[key] ?? 0;
  const old = (s: DeploymentStatus | undefined) => n(s, 'replicas') - n(s, 'updatedReplicas');
  return (
    n(status, 'updatedReplicas') > n(d.status, 'updatedReplicas') ||
    old(status) < old(d.status) ||
    n(status, 'readyReplicas') > n(d.status, 'readyReplicas') ||
    n(status, 'availableReplicas') > n(d.status, 'availableReplicas')
  );
}

function isTimedOut(d: Deployment, status: DeploymentStatus, now: number): boolean {
  const condition = conditionOf(status, 'Progressing');
  if (!condition || condition.reason === NEW_RS_AVAILABLE) return false;
  if (condition.reason === TIMED_OUT) return true;
  return Date.parse(condition.lastUpdateTime ?? '') + d.spec!.progressDeadlineSeconds! * 1000 < now;
}

/** Status with the Progressing and ReplicaFailure conditions of a rollout. */
export function rolloutStatus(
  d: Deployment,
  all: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
  now: number,
  timestamp: string,
): DeploymentStatus {
  const status = calculateStatus(d, all, current, timestamp);
  const before = conditionOf(d.status, 'Progressing');
  const finished = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && before?.reason === NEW_RS_AVAILABLE;
  if (!hasProgressDeadline(d)) status.conditions = withoutCondition(status.conditions, 'Progressing');
  else if (!finished) status.conditions = progress(d, status, current, before, now, timestamp);
  const failure = replicaFailure(all, current);
  status.conditions = failure
    ? withCondition(status.conditions, failure)
    : withoutCondition(status.conditions, 'ReplicaFailure');
  return status;
}

function progress(
  d: Deployment,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  before: DeploymentCondition | undefined,
  now: number,
  timestamp: string,
): DeploymentCondition[] {
  const what = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${d.metadata.name}"`;
  if (isComplete(d, status)) {
    return withCondition(
      status.conditions,
      newCondition('Progressing', 'True', NEW_RS_AVAILABLE, `${what} has successfully progressed.`, timestamp),
    );
  }
  if (isProgressing(d, status)) {
    const condition = newCondition('Progressing', 'True', 'ReplicaSetUpdated', `${what} is progressing.`, timestamp);
    if (before?.status === 'True' && before.lastTransitionTime)
      condition.lastTransitionTime = before.lastTransitionTime;
    // Taken out first: every progress moves lastUpdateTime, from which the deadline counts.
    return withCondition(before ? withoutCondition(status.conditions, 'Progressing') : status.conditions, condition);
  }
  if (isTimedOut(d, status, now)) {
    return withCondition(
      status.conditions,
      newCondition('Progressing', 'False', TIMED_OUT, `${what} has timed out progressing.`, timestamp),
    );
  }
  return status.conditions ?? [];
}

function replicaFailure(all: readonly ReplicaSet[], current: ReplicaSet | undefined): DeploymentCondition | undefined {
  for (const rs of current ? [current, ...all] : all) {
    const c = rs.status?.conditions?.find((x) => x.type === 'ReplicaFailure');
    if (!c) continue;
    return {
      type: 'ReplicaFailure',
      status: c.status,
      ...(c.lastTransitionTime
        ? { lastTransitionTime: c.lastTransitionTime, lastUpdateTime: c.lastTransitionTime }
        : {}),
      ...(c.reason ? { reason: c.reason } : {}),
      ...(c.message ? { message: c.message } : {}),
    };
  }
  return undefined;
}

/** When to look at a rollout that does not move: ms until just after its deadline, 0 for now, undefined for never. */
export function nextProgressCheck(d: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const condition = conditionOf(d.status, 'Progressing');
  if (!hasProgressDeadline(d) || !condition || isComplete(d, status) || condition.reason === TIMED_OUT)
    return undefined;
  const left = Date.parse(condition.lastUpdateTime ?? '') + d.spec!.progressDeadlineSeconds! * 1000 - now;
  return left < 1000 ? 0 : left + 1000;
}
