/**
 * What one sync of a StatefulSet does: which pods are its replicas and which are too many, what each of them needs next,
 * which are to be replaced by an update, and the status. Pure. Upstream: stateful_set_control.go updateStatefulSet
 */
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/meta/int-or-string.ts';
import { equalRevisions } from '../history.ts';
import { isPodAvailable, isPodReady } from '../pods.ts';
import {
  isInOrdinalRange,
  newVersionedPod,
  ordinalOf,
  type RevisedSet,
  replicasOf,
  revisionOf,
  startOrdinal,
} from './identity.ts';

/** A pod that the server has; those made for a plan have no phase yet. */
export function isCreated(pod: Pod): boolean {
  return (pod.status?.phase ?? '') !== '';
}
function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}
function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}
function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod);
}
function isAvailable(set: StatefulSet, pod: Pod, now: number): boolean {
  return isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
}
export function isUnavailable(set: StatefulSet, pod: Pod, now: number): boolean {
  return !isAvailable(set, pod, now) || isTerminating(pod);
}

/** One pod after the other; otherwise all at once (podManagementPolicy Parallel). */
export function isMonotonic(set: StatefulSet): boolean {
  return set.spec?.podManagementPolicy !== 'Parallel';
}

export interface Members {
  /** One for each ordinal of the set, existing or to be created. */
  replicas: Pod[];
  /** Beyond the ordinals of the set, the highest first. */
  condemned: Pod[];
  firstUnavailable: Pod | undefined;
}

export function membersOf(current: RevisedSet, update: RevisedSet, pods: readonly Pod[], now: number): Members {
  const { set } = current;
  const start = startOrdinal(set);
  const byOrdinal = new Map<number, Pod>();
  const condemned: Pod[] = [];
  for (const pod of pods) {
    if (isInOrdinalRange(pod, set)) byOrdinal.set(ordinalOf(pod), pod);
    else if (ordinalOf(pod) >= 0) condemned.push(pod);
  }
  const replicas = Array.from(
    { length: replicasOf(set) },
    (_, i) => byOrdinal.get(start + i) ?? newVersionedPod(current, update, start + i),
  );
  condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const firstUnavailable = [...replicas, ...condemned.toReversed()].find((p) => isUnavailable(set, p, now));
  return { replicas, condemned, firstUnavailable };
}

/** What a replica needs: `delete` and `create` change it, `wait` holds the pods after it back, `keep` goes on. */
export type ReplicaStep = 'delete' | 'create' | 'wait' | 'keep';

export function replicaStep(set: StatefulSet, pod: Pod, now: number): ReplicaStep {
  // Even a pod that succeeded is to run again; its successor comes when it is gone.
  if (isFinished(pod)) return isTerminating(pod) ? 'wait' : 'delete';
  if (!isCreated(pod)) return 'create';
  if (!isMonotonic(set)) return 'keep';
  return isTerminating(pod) || !isRunningAndReady(pod) || !isAvailable(set, pod, now) ? 'wait' : 'keep';
}

/** Claims of a pod that cannot start are created again: they may be what it lacks. */
export function needsClaims(pod: Pod): boolean {
  return pod.status?.phase === 'Pending';
}

/** What is done with a pod that is too many. */
export function condemnedStep(
  set: StatefulSet,
  pod: Pod,
  firstUnavailable: Pod | undefined,
  now: number,
): 'delete' | 'wait' | 'keep' {
  const monotonic = isMonotonic(set);
  if (isTerminating(pod)) return monotonic ? 'wait' : 'keep';
  if (!monotonic || pod === firstUnavailable) return 'delete';
  return isRunningAndReady(pod) && isAvailable(set, pod, now) ? 'delete' : 'wait';
}

/** Replicas to delete now, so that they come back at the update revision; in the order of their deletion. */
export function podsToUpdate(set: StatefulSet, replicas: readonly Pod[], updateRevision: string, now: number): Pod[] {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return [];
  const targets = replicas.slice(rollingUpdate?.partition ?? 0).toReversed();
  const isOld = (pod: Pod) => revisionOf(pod) !== updateRevision && !isTerminating(pod);
  const limit = rollingUpdate?.maxUnavailable;
  if (limit === undefined) {
    // The highest that is old, unless one above it is not available.
    const next = targets.find((pod) => isOld(pod) || isUnavailable(set, pod, now));
    return next && isOld(next) ? [next] : [];
  }
  const most = Math.max(1, scaledValueFromIntOrPercent(limit, replicas.length, { roundUp: false }));
  const unavailable = replicas.filter((pod) => isUnavailable(set, pod, now)).length;
  return targets.filter(isOld).slice(0, Math.max(0, most - unavailable));
}

export interface RevisionsOfSet {
  current: ControllerRevision;
  update: ControllerRevision;
  collisionCount: number;
}

export function statusOf(set: StatefulSet, revisions: RevisionsOfSet, pods: readonly Pod[], now: number) {
  const current = revisions.current.metadata.name!;
  const update = revisions.update.metadata.name!;
  const created = pods.filter(isCreated);
  const staying = created.filter((p) => !isTerminating(p));
  const ready = pods.filter(isRunningAndReady);
  return {
    ...(set.metadata.generation ? { observedGeneration: set.metadata.generation } : {}),
    replicas: created.length,
    readyReplicas: ready.length,
    currentReplicas: staying.filter((p) => revisionOf(p) === current).length,
    updatedReplicas: staying.filter((p) => revisionOf(p) === update).length,
    currentRevision: current,
    updateRevision: update,
    collisionCount: revisions.collisionCount,
    availableReplicas: ready.filter((p) => isAvailable(set, p, now)).length,
  } satisfies StatefulSetStatus;
}

/** When every replica is updated and ready, the update revision is the current one. */
export function withCompletedUpdate(set: StatefulSet, status: StatefulSetStatus): StatefulSetStatus {
  const n = replicasOf(set);
  const complete =
    set.spec?.updateStrategy?.type === 'RollingUpdate' &&
    status.updatedReplicas === n &&
    status.readyReplicas === n &&
    status.replicas === n;
  if (!complete) return status;
  return {
    ...status,
    currentReplicas: status.updatedReplicas!,
    ...(status.updateRevision === undefined ? {} : { currentRevision: status.updateRevision }),
  };
}

/** True when writing `next` would change nothing of interest. */
export function isStatusCurrent(set: StatefulSet, next: StatefulSetStatus): boolean {
  const old = set.status;
  return (
    (next.observedGeneration ?? 0) <= (old?.observedGeneration ?? 0) &&
    (next.replicas ?? 0) === (old?.replicas ?? 0) &&
    (next.currentReplicas ?? 0) === (old?.currentReplicas ?? 0) &&
    (next.readyReplicas ?? 0) === (old?.readyReplicas ?? 0) &&
    (next.updatedReplicas ?? 0) === (old?.updatedReplicas ?? 0) &&
    (next.availableReplicas ?? 0) === (old?.availableReplicas ?? 0) &&
    next.currentRevision === old?.currentRevision &&
    next.updateRevision === old?.updateRevision
  );
}

/** How the update revision comes about: the latest is right already, an older one becomes the latest, or a new one is made. */
export type RevisionStep =
  | { kind: 'latest'; revision: ControllerRevision }
  | { kind: 'renumber'; revision: ControllerRevision }
  | { kind: 'create' };

/** `sorted`: all revisions of the set. */
export function revisionStep(sorted: readonly ControllerRevision[], wanted: ControllerRevision): RevisionStep {
  const equal = sorted.findLast((r) => equalRevisions(r, wanted));
  if (!equal) return { kind: 'create' };
  const latest = sorted.at(-1)!;
  return equalRevisions(latest, equal) ? { kind: 'latest', revision: latest } : { kind: 'renumber', revision: equal };
}

/** Revisions beyond the limit that no pod and no status refers to, the oldest first. `sorted` by number. */
export function revisionsToDelete(
  set: StatefulSet,
  sorted: readonly ControllerRevision[],
  live: ReadonlySet<string>,
): ControllerRevision[] {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  const unused = sorted.filter((r) => !live.has(r.metadata.name!));
  return limit < 0 ? [] : unused.slice(0, Math.max(0, unused.length - limit));
}
