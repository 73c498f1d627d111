/** When a CronJob is due, the Job it makes, and which old Jobs go. Pure. Upstream: pkg/controller/cronjob/utils.go */
import type { CronJob, Job } from '../../api/batch-v1.ts';
import { CRONJOBS } from '../../client/resources.ts';
import { nextTime, type Schedule } from '../../machinery/cron/schedule.ts';
import { formatLocal, timeZone, UTC } from '../../machinery/cron/time-zone.ts';
import { controllerRefTo } from '../owners.ts';

const SCHEDULED_TIMESTAMP = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Clocks of machines differ a little: a Job is looked for somewhat after its time. */
const DELTA_MS = 100;
const MANY = 100;

type Missed = 'none' | 'few' | 'many';

export interface MostRecent {
  /** From where was looked: the last time, the creation, or the starting deadline. */
  earliest: number;
  /** The last time that is not after now. */
  time: number | undefined;
  missed: Missed;
  /** The schedule is one that never comes. */
  problem?: string;
}

const NEVER = 'time difference between two schedules is less than 1 second';

export function mostRecentScheduleTime(
  cron: CronJob,
  now: number,
  schedule: Schedule,
  options: { withDeadline: boolean },
): MostRecent {
  const { startingDeadlineSeconds } = cron.spec;
  let earliest = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '');
  if (options.withDeadline && startingDeadlineSeconds !== undefined)
    earliest = Math.max(earliest, now - startingDeadlineSeconds * 1000);
  const first = nextTime(schedule, earliest);
  if (first !== undefined && now < first) return { earliest, time: undefined, missed: 'none' };
  const second = first === undefined ? undefined : nextTime(schedule, first);
  if (first === undefined || second === undefined) return { earliest, time: undefined, missed: 'none', problem: NEVER };
  if (now < second) return { earliest, time: first, missed: 'none' };

  // Times are counted by the first interval, so that years of missed ones are not listed; the last is then found exactly.
  const interval = Math.round((second - first) / 1000) * 1000;
  const count = Math.trunc((now - first) / interval) + 1;
  let time: number | undefined;
  let t = nextTime(schedule, first + (count - 2) * interval);
  for (; t !== undefined && t <= now; t = nextTime(schedule, t)) time = t;
  return { earliest, time, missed: count > MANY ? 'many' : 'few' };
}

/** Ms until the CronJob is to be looked at again; undefined when it never comes. */
export function nextScheduleDelay(cron: CronJob, now: number, schedule: Schedule): number | undefined {
  const { earliest, time, missed, problem } = mostRecentScheduleTime(cron, now, schedule, { withDeadline: false });
  const from = problem !== undefined ? now : (time ?? (missed === 'none' ? earliest : now));
  const next = nextTime(schedule, from);
  return next === undefined ? undefined : next + DELTA_MS - now;
}

/** The schedule to parse: with the zone of the spec, unless it brings its own. */
export function scheduleText(cron: CronJob): string {
  const { schedule, timeZone: zone } = cron.spec;
  if (schedule.includes('TZ') || zone === undefined || timeZone(zone) === undefined) return schedule;
  return `TZ=${zone} ${schedule}`;
}

/** One name for each time: two that start the same Job get in each other's way. */
export function jobName(cron: CronJob, scheduled: number): string {
  return `${cron.metadata.name}-${Math.floor(scheduled / 60_000)}`;
}

export function jobFor(cron: CronJob, scheduled: number): Job {
  const { metadata, spec } = cron.spec.jobTemplate;
  const zone = timeZone(cron.spec.timeZone ?? '') ?? UTC;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cron, scheduled),
      namespace: cron.metadata.namespace!,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [SCHEDULED_TIMESTAMP]: formatLocal(scheduled, zone) },
      ownerReferences: [controllerRefTo(cron, CRONJOBS)],
    },
    ...(spec ? { spec } : {}),
  };
}

/** `Complete` or `Failed` when the Job has ended. */
export function finishedCondition(job: Job): 'Complete' | 'Failed' | undefined {
  const type = job.status?.conditions?.find(
    (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  )?.type;
  return type as 'Complete' | 'Failed' | undefined;
}

/** Ended Jobs beyond the history limits, the oldest first. */
export function jobsToCleanUp(cron: CronJob, jobs: readonly Job[]): Job[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cron.spec;
  const beyond = (condition: string, limit: number | undefined) => {
    if (limit === undefined) return [];
    const ended = jobs.filter((j) => finishedCondition(j) === condition).sort(byStartTime);
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', successfulJobsHistoryLimit), ...beyond('Failed', failedJobsHistoryLimit)];
}

/** Those that never started come last. */
function byStartTime(a: Job, b: Job): number {
  const [x, y] = [a.status?.startTime, b.status?.startTime];
  if (x === y) return a.metadata.name! < b.metadata.name! ? -1 : 1;
  if (x === undefined) return 1;
  if (y === undefined) return -1;
  return Date.parse(x) - Date.parse(y);
}
