/** What a ReplicaSet's status is, given its pods. Pure. Upstream: pkg/controller/replicaset/replica_set_utils.go calculateStatus */
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { isPodAvailable, isPodReady } from '../pods.ts';
import { hasLabels } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';

/** At most so many pods are created or deleted in one sync. */
export const BURST_REPLICAS = 500;

export interface StatusInput {
  set: ReplicaSet;
  /** Claimed and neither terminal nor terminating. */
  active: readonly Pod[];
  /** Undefined where the kind has no such field (ReplicationController). */
  terminating: readonly Pod[] | undefined;
  /** Message of the failure to create or delete pods in this sync. */
  failure: string | undefined;
  now: number;
  timestamp: string;
}

/** How many pods to create (positive) or delete (negative) in this sync. */
export function replicaDifference(set: ReplicaSet, active: number): number {
  const diff = (set.spec?.replicas ?? 1) - active;
  return Math.max(-BURST_REPLICAS, Math.min(BURST_REPLICAS, diff));
}

export function calculateStatus({ set, active, terminating, failure, now, timestamp }: StatusInput): ReplicaSetStatus {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const template = set.spec?.template?.metadata?.labels;
  const fullyLabeled = active.filter((p) => hasLabels(template, p.metadata.labels)).length;
  const ready = active.filter(isPodReady).length;
  const available = active.filter((p) => isPodAvailable(p, minReadySeconds, now)).length;
  const conditions = failureConditions(set, active.length, failure, timestamp);
  return {
    replicas: active.length,
    ...(fullyLabeled ? { fullyLabeledReplicas: fullyLabeled } : {}),
    ...(ready ? { readyReplicas: ready } : {}),
    ...(available ? { availableReplicas: available } : {}),
    ...(terminating ? { terminatingReplicas: terminating.length } : {}),
    ...(set.metadata.generation ? { observedGeneration: set.metadata.generation } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function failureConditions(
  set: ReplicaSet,
  active: number,
  failure: string | undefined,
  timestamp: string,
): ReplicaSetCondition[] {
  const conditions = set.status?.conditions ?? [];
  const existing = conditions.find((c) => c.type === 'ReplicaFailure');
  if (failure === undefined) return conditions.filter((c) => c.type !== 'ReplicaFailure');
  if (existing) return conditions;
  const diff = active - (set.spec?.replicas ?? 1);
  return [
    ...conditions,
    {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: timestamp,
      ...(diff < 0 ? { reason: 'FailedCreate' } : diff > 0 ? { reason: 'FailedDelete' } : {}),
      message: failure,
    },
  ];
}

/** True when writing `next` would change nothing. */
export function isStatusCurrent(set: ReplicaSet, next: ReplicaSetStatus): boolean {
  return semanticEqual({ ...set.status, replicas: set.status?.replicas ?? 0 }, next);
}
