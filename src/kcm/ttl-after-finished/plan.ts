/** When a finished Job is due. Pure. */
import type { Job } from '../../api/batch-v1.ts';

/** Milliseconds until `job` is to be deleted (not positive: now); undefined when it is not to be. */
export function timeLeft(job: Job, now: number): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  const finished = job.status?.conditions?.find(
    (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  );
  if (!finished) return undefined;
  if (!finished.lastTransitionTime)
    throw new Error(`unable to find the time when the Job ${job.metadata.namespace}/${job.metadata.name} finished`);
  return Date.parse(finished.lastTransitionTime) + ttl * 1000 - now;
}
