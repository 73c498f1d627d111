/** How long to wait before failed pods are replaced: 10 s doubling to 10 min. Pure. Upstream: pkg/controller/job/backoff_utils.go */
import type { ContainerStatus, Pod } from '../../api/core-v1.ts';
import { podCondition } from '../pods.ts';
import { indexFailures, indexIgnoredFailures } from './indexes.ts';

const DEFAULT_MS = 10_000;
const MAX_MS = 600_000;

export interface BackoffRecord {
  /** Failures since the last success. */
  failures: number;
  lastFailure: number | undefined;
}

export const NO_FAILURES: BackoffRecord = { failures: 0, lastFailure: undefined };

/** The record after pods that have finished since. */
export function nextBackoffRecord(
  old: BackoffRecord,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): BackoffRecord {
  const failedTimes = failed.map(finishedTime).sort((a, b) => a - b);
  if (succeeded.length === 0) {
    if (failed.length === 0) return old;
    return { failures: old.failures + failed.length, lastFailure: failedTimes.at(-1) };
  }
  const lastSuccess = succeeded.reduce((last, pod) => Math.max(last, finishedTime(pod)), Number.NEGATIVE_INFINITY);
  const after = failedTimes.filter((t) => t > lastSuccess);
  return { failures: after.length, lastFailure: after.at(-1) };
}

export function remainingTime(record: BackoffRecord, now: number): number {
  if (record.failures === 0 || record.lastFailure === undefined) return 0;
  const wait = Math.min(DEFAULT_MS * 2 ** (record.failures - 1), MAX_MS);
  return Math.max(0, wait - (now - record.lastFailure));
}

/** For one index: its last failed pod carries the count. */
export function remainingTimeOfIndex(lastFailed: Pod | undefined, now: number): number {
  if (!lastFailed) return 0;
  return remainingTime({ failures: absoluteFailures(lastFailed) + 1, lastFailure: finishedTime(lastFailed) }, now);
}

export function absoluteFailures(pod: Pod): number {
  return indexFailures(pod) + indexIgnoredFailures(pod);
}

/** When the pod finished, as well as can be told. */
export function finishedTime(pod: Pod): number {
  return fromContainers(pod) ?? fromReady(pod) ?? fromDeletion(pod) ?? Date.parse(pod.metadata.creationTimestamp ?? '');
}

function fromContainers(pod: Pod): number | undefined {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const last = (statuses: readonly ContainerStatus[], before: number | undefined): number | undefined => {
    let latest = before;
    for (const s of statuses) {
      const time = Date.parse(s.state?.terminated?.finishedAt ?? '');
      if (Number.isNaN(time)) return undefined;
      if (latest === undefined || time > latest) latest = time;
    }
    return latest;
  };
  const containers = last(pod.status?.containerStatuses ?? [], undefined);
  return last(
    (pod.status?.initContainerStatuses ?? []).filter((s) => sidecars.has(s.name)),
    containers,
  );
}
function fromReady(pod: Pod): number | undefined {
  const ready = podCondition(pod, 'Ready');
  return ready?.status === 'False' && ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : undefined;
}
function fromDeletion(pod: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  return deletionTimestamp === undefined
    ? undefined
    : Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
}
