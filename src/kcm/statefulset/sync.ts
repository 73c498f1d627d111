/**
 * One sync of one StatefulSet: revisions, then replicas in order, then what is too many, then the update; the status is
 * written whatever happened. Upstream: stateful_set_control.go
 */
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { keyOf } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { STATEFULSETS } from '../../client/resources.ts';
import { isConflict } from '../../machinery/errors/status-error.ts';
import type { Consistency } from '../consistency.ts';
import { type History, newRevision, nextRevision, templateOf } from '../history.ts';
import { slowStart } from '../pod-control.ts';
import { identityMatches, type RevisedSet, revisionOf, storageMatches } from './identity.ts';
import {
  condemnedStep,
  isMonotonic,
  isStatusCurrent,
  type Members,
  membersOf,
  needsClaims,
  podsToUpdate,
  type RevisionsOfSet,
  replicaStep,
  revisionStep,
  revisionsToDelete,
  statusOf,
  withCompletedUpdate,
} from './plan.ts';
import type { StatefulPodControl } from './pod-control.ts';

const STATUS_TRIES = 5;

export interface SyncOptions {
  client: Client;
  history: History;
  control: StatefulPodControl;
  sets: Informer<StatefulSet>;
  consistency: Consistency;
  now: number;
  signal: AbortSignal;
}

export async function syncStatefulSet(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: readonly ControllerRevision[],
  options: SyncOptions,
): Promise<StatefulSetStatus> {
  const live = await revisionsOf(set, revisions, options);
  try {
    return await update(set, pods, live, options);
  } finally {
    const names = new Set([live.current.metadata.name!, live.update.metadata.name!, ...pods.map(revisionOf)]);
    for (const r of revisionsToDelete(set, revisions, names)) await options.history.delete(r, options.signal);
  }
}

async function revisionsOf(
  set: StatefulSet,
  sorted: readonly ControllerRevision[],
  { history, signal }: SyncOptions,
): Promise<RevisionsOfSet> {
  let collisionCount = set.status?.collisionCount ?? 0;
  const wanted = newRevision(set, STATEFULSETS, nextRevision(sorted), collisionCount);
  const step = revisionStep(sorted, wanted);
  let update: ControllerRevision;
  if (step.kind === 'latest') update = step.revision;
  else if (step.kind === 'renumber') update = await history.renumber(step.revision, wanted.revision, signal);
  else ({ revision: update, collisionCount } = await history.create(set, wanted, collisionCount, signal));
  const current = sorted.find((r) => r.metadata.name === set.status?.currentRevision) ?? update;
  return { current, update, collisionCount };
}

function atRevision(set: StatefulSet, revision: ControllerRevision): RevisedSet {
  return { set: { ...set, spec: { ...set.spec!, template: templateOf(revision) } }, revision: revision.metadata.name! };
}

async function update(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: RevisionsOfSet,
  options: SyncOptions,
): Promise<StatefulSetStatus> {
  const { now } = options;
  const updateSet = atRevision(set, revisions.update);
  const members = membersOf(atRevision(set, revisions.current), updateSet, pods, now);
  if (set.metadata.deletionTimestamp !== undefined)
    return writeStatus(set, statusOf(set, revisions, pods, now), options);

  let status: StatefulSetStatus = statusOf(set, revisions, [...members.replicas, ...members.condemned], now);
  let failure: unknown;
  try {
    if (await settleMembers(set, updateSet.set, members, options)) {
      for (const pod of podsToUpdate(set, members.replicas, updateSet.revision, now)) {
        await options.control.delete(set, pod, options.signal);
        status = { ...status, currentReplicas: (status.currentReplicas ?? 0) - 1 };
      }
    }
  } catch (err) {
    failure = err;
  }
  status = await writeStatus(set, status, options);
  if (failure !== undefined) throw failure;
  return status;
}

/** True when replicas and those too many are as they should be and an update may go on. */
async function settleMembers(
  set: StatefulSet,
  updateSet: StatefulSet,
  { replicas, condemned, firstUnavailable }: Members,
  options: SyncOptions,
): Promise<boolean> {
  const { control, now, signal } = options;
  const monotonic = isMonotonic(set);
  if (!(await forAll(replicas, (pod) => settleReplica(set, updateSet, pod, options), monotonic))) return false;
  const fixClaims = async (pod: Pod) => {
    if (!control.claimsMatch(updateSet, pod)) await control.retainClaims(updateSet, pod, signal);
    return true;
  };
  if (!(await forAll(condemned, fixClaims, monotonic))) return false;
  const remove = async (pod: Pod) => {
    const step = condemnedStep(set, pod, firstUnavailable, now);
    if (step === 'delete') await control.delete(set, pod, signal);
    return step === 'keep';
  };
  return forAll(condemned, remove, monotonic);
}

/** True when the next replica may be looked at. */
async function settleReplica(
  set: StatefulSet,
  updateSet: StatefulSet,
  pod: Pod,
  { control, now, signal }: SyncOptions,
): Promise<boolean> {
  const step = replicaStep(set, pod, now);
  if (step === 'delete') {
    await control.delete(set, pod, signal);
    return false;
  }
  if (step === 'create') {
    if (control.hasStaleClaim(set, pod)) return false;
    await control.create(set, pod, signal);
    return !isMonotonic(set);
  }
  if (needsClaims(pod)) await control.createMissingClaims(set, pod, signal);
  if (step === 'wait') return false;
  if (!identityMatches(set, pod) || !storageMatches(set, pod) || !control.claimsMatch(updateSet, pod))
    await control.mend(updateSet, pod, signal);
  return true;
}

/** One after the other, until one says stop; or all, however they answer. */
async function forAll(
  pods: readonly Pod[],
  work: (pod: Pod) => Promise<boolean>,
  monotonic: boolean,
): Promise<boolean> {
  if (monotonic) {
    for (const pod of pods) if (!(await work(pod))) return false;
    return true;
  }
  const { error } = await slowStart(pods.length, async (i) => {
    await work(pods[i]!);
  });
  if (error !== undefined) throw error;
  return true;
}

async function writeStatus(
  cached: StatefulSet,
  computed: StatefulSetStatus,
  { client, sets, consistency, signal }: SyncOptions,
): Promise<StatefulSetStatus> {
  const status = withCompletedUpdate(cached, computed);
  if (isStatusCurrent(cached, status)) return status;
  let set = cached;
  for (let tries = 1; ; tries++) {
    try {
      const written = await client.update<StatefulSet>(
        STATEFULSETS,
        { ...set, status },
        { subresource: 'status', signal },
      );
      consistency.wrote(keyOf(cached), sets, written);
      return status;
    } catch (err) {
      if (!isConflict(err) || tries >= STATUS_TRIES) throw err;
      const { name, namespace } = cached.metadata;
      set = await client.get<StatefulSet>(STATEFULSETS, name!, { namespace: namespace!, signal });
    }
  }
}
