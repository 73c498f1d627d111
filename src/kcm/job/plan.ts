/** Decisions about a Job: which pods have finished, whether it is over, and which pods to remove. Pure. Upstream: pkg/controller/job/job_controller.go */
import type { Job, JobCondition } from '../../api/batch-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { isPodActive, podsToDelete } from '../pods.ts';
import { absoluteFailures, finishedTime } from './backoff.ts';
import { completionIndex, hasBackoffLimitPerIndex, Indexes, indexesOf, indexFailures, isIndexed } from './indexes.ts';
import { matchPodFailurePolicy, matchSuccessPolicy } from './policies.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
export const JOB_CONTROLLER = 'kubernetes.io/job-controller';

export const hasTrackingFinalizer = (pod: Pod): boolean =>
  pod.metadata.finalizers?.includes(TRACKING_FINALIZER) ?? false;
export const isSuspended = (job: Job): boolean => job.spec?.suspend === true;
export const onlyReplaceFailed = (job: Job): boolean =>
  job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
export const isExternallyManaged = (job: Job): boolean =>
  job.spec?.managedBy !== undefined && job.spec.managedBy !== JOB_CONTROLLER;

export function isJobFinished(job: Job): boolean {
  return (
    job.status?.conditions?.some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True') ?? false
  );
}

/** A terminating pod counts as failed at once, unless the Job waits for the real outcome. */
export function isPodFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !onlyReplaceFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

export function newCondition(
  type: string,
  reason: string,
  message: string,
  now: string,
  status = 'True',
): JobCondition {
  return { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
}

export function trueCondition(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
}

/** The list with the condition set; the same list when it says so already (or is not there and would be False). */
export function withConditionStatus(list: readonly JobCondition[], next: JobCondition): readonly JobCondition[] {
  const current = list.find((c) => c.type === next.type);
  if (!current) return next.status === 'False' ? list : [...list, next];
  const same = current.status === next.status && current.reason === next.reason && current.message === next.message;
  return same ? list : list.map((c) => (c === current ? next : c));
}

/** Everything a sync looks at. */
export interface JobView {
  job: Job;
  pods: readonly Pod[];
  active: readonly Pod[];
  /** Uids whose finalizer this process has removed, though the cache does not show it. */
  removed: ReadonlySet<string>;
}

/** Pods that still count and pass `filter`, except those in `uncounted`. */
export function validPods(
  { job, pods, removed }: JobView,
  uncounted: ReadonlySet<string>,
  filter: (p: Pod) => boolean,
): Pod[] {
  return pods.filter((p) => {
    if (!hasTrackingFinalizer(p) || uncounted.has(p.metadata.uid!) || removed.has(p.metadata.uid!)) return false;
    if (isIndexed(job)) {
      const i = completionIndex(p);
      if (i < 0 || i >= job.spec!.completions!) return false;
    }
    return filter(p);
  });
}

/** Why the Job is over by its limits; undefined when it is not. */
export function failureCondition(
  job: Job,
  pods: readonly Pod[],
  failed: number,
  now: number,
  timestamp: string,
): JobCondition | undefined {
  const target = trueCondition(job, 'FailureTarget');
  if (target) return newCondition('Failed', target.reason ?? '', target.message ?? '', timestamp);
  if (job.spec?.podFailurePolicy) {
    for (const p of pods) {
      const message = isPodFailed(p, job) ? matchPodFailurePolicy(job, p).message : undefined;
      if (message !== undefined) return newCondition('FailureTarget', 'PodFailurePolicy', message, timestamp);
    }
  }
  if (failed > (job.spec?.backoffLimit ?? 6) || pastBackoffLimitOnFailure(job, pods)) {
    return newCondition(
      'FailureTarget',
      'BackoffLimitExceeded',
      'Job has reached the specified backoff limit',
      timestamp,
    );
  }
  const left = deadlineLeft(job, now);
  if (left !== undefined && left <= 0) {
    return newCondition(
      'FailureTarget',
      'DeadlineExceeded',
      'Job was active longer than specified deadline',
      timestamp,
    );
  }
  return undefined;
}

/** Milliseconds until activeDeadlineSeconds has passed. */
export function deadlineLeft(job: Job, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || !job.status?.startTime || isSuspended(job)) return undefined;
  return Date.parse(job.status.startTime) + seconds * 1000 - now;
}

function pastBackoffLimitOnFailure(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const p of pods) {
    if (p.status?.phase !== 'Running' && p.status?.phase !== 'Pending') continue;
    for (const s of [...(p.status.initContainerStatuses ?? []), ...(p.status.containerStatuses ?? [])])
      restarts += s.restartCount;
  }
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

export interface IndexState {
  /** As the status says. */
  before: Indexes;
  succeeded: Indexes;
  /** Only with backoffLimitPerIndex. */
  failed: Indexes | undefined;
  /** The last failed pod of an index that is to be tried again: its finalizer stays until its replacement is there. */
  delayed: Map<number, Pod>;
}

export function indexState(view: JobView): IndexState {
  const { job, pods } = view;
  const completions = job.spec!.completions!;
  const valid = pods.filter(
    (p) => completionIndex(p) >= 0 && completionIndex(p) < completions && hasTrackingFinalizer(p),
  );
  const before = Indexes.parse(job.status?.completedIndexes, completions);
  const succeeded = before.union(indexesOf(valid.filter((p) => p.status?.phase === 'Succeeded')));
  const state: IndexState = { before, succeeded, failed: undefined, delayed: new Map() };
  if (!hasBackoffLimitPerIndex(job)) return state;
  state.failed = Indexes.parse(job.status?.failedIndexes, completions).union(
    indexesOf(valid.filter((p) => isIndexFailed(job, p))),
  );
  const active = indexesOf(view.active);
  for (const p of validPods(view, new Set(), (x) => isPodFailed(x, job))) {
    const i = completionIndex(p);
    if (succeeded.has(i) || state.failed.has(i) || active.has(i)) continue;
    const last = state.delayed.get(i);
    if (!last || (absoluteFailures(last) <= absoluteFailures(p) && finishedTime(p) >= finishedTime(last)))
      state.delayed.set(i, p);
  }
  return state;
}

function isIndexFailed(job: Job, pod: Pod): boolean {
  if (!isPodFailed(pod, job)) return false;
  const { counts, action } = matchPodFailurePolicy(job, pod);
  return action === 'FailIndex' || (counts && indexFailures(pod) >= job.spec!.backoffLimitPerIndex!);
}

/** Why an indexed Job is over by its indexes. */
export function indexCondition(job: Job, state: IndexState, timestamp: string): JobCondition | undefined {
  const failed = state.failed?.total ?? 0;
  if (job.spec?.maxFailedIndexes !== undefined && failed > job.spec.maxFailedIndexes) {
    return newCondition(
      'FailureTarget',
      'MaxFailedIndexesExceeded',
      'Job has exceeded the specified maximal number of failed indexes',
      timestamp,
    );
  }
  if (failed > 0 && failed + state.succeeded.total >= job.spec!.completions!) {
    return newCondition('FailureTarget', 'FailedIndexes', 'Job has failed indexes', timestamp);
  }
  const met = matchSuccessPolicy(job, state.succeeded);
  return met === undefined ? undefined : newCondition('SuccessCriteriaMet', 'SuccessPolicy', met, timestamp);
}

/** How many pods should be active now. */
export function wantedActive(job: Job, active: number, succeeded: number): number {
  const parallelism = job.spec?.parallelism ?? 1;
  if (job.spec?.completions === undefined) return succeeded > 0 ? active : parallelism;
  return Math.max(0, Math.min(job.spec.completions - succeeded, parallelism));
}

/** `atLeast` active pods to remove; all duplicates of an index and those beyond the completions go in any case. */
export function podsToRemove(job: Job, active: readonly Pod[], atLeast: number, now: number): Pod[] {
  let rest = [...active];
  const doomed: Pod[] = [];
  if (isIndexed(job)) {
    const byIndex = Map.groupBy(active, completionIndex);
    rest = [];
    for (const [index, pods] of byIndex) {
      if (index < 0 || index >= job.spec!.completions!) {
        doomed.push(...pods);
        continue;
      }
      const extra = podsToDelete(pods, [], pods.length - 1, now);
      doomed.push(...extra);
      rest.push(...pods.filter((p) => !extra.includes(p)));
    }
  }
  if (doomed.length < atLeast) doomed.push(...podsToDelete(rest, [], atLeast - doomed.length, now));
  return doomed;
}

/** Indexes that want a pod. */
export function pendingIndexes(view: JobView, state: IndexState, count: number): number[] {
  let busy = state.succeeded.union(indexesOf(view.active));
  if (onlyReplaceFailed(view.job)) {
    busy = busy.union(
      indexesOf(
        view.pods.filter(
          (p) =>
            !isPodActive(p) &&
            p.metadata.deletionTimestamp !== undefined &&
            p.status?.phase !== 'Succeeded' &&
            p.status?.phase !== 'Failed',
        ),
      ),
    );
  }
  if (state.failed) busy = busy.union(state.failed);
  return busy.firstMissing(count, view.job.spec!.completions!);
}
