/** When a CronJob is due: tables over creation, last time, deadline and now. */
import assert from 'node:assert/strict';
import type { CronJob } from '../../api/batch-v1.ts';
import { parseSchedule } from '../../machinery/cron/schedule.ts';
import { jobFor, jobsToCleanUp, mostRecentScheduleTime, nextScheduleDelay } from './plan.ts';

const cron = (spec: object, status: object = {}): CronJob => ({
  metadata: { name: 'c', namespace: 'n', uid: 'u', creationTimestamp: '2026-01-01T09:59:30Z' },
  spec: { schedule: '0 * * * *', jobTemplate: {}, ...spec },
  status,
});

describe('CronJob plan', () => {
  const rows = [
    { name: 'not due yet', schedule: '0 * * * *', now: '09:59:59', want: [undefined, 'none'] },
    { name: 'due', schedule: '0 * * * *', now: '10:00:00', want: ['10:00:00', 'none'] },
    { name: 'one of several', schedule: '0 * * * *', now: '12:30:00', want: ['12:00:00', 'few'] },
    { name: 'many missed', schedule: '* * * * *', now: '23:59:59', want: ['23:59:00', 'many'] },
    { name: 'done already', schedule: '0 * * * *', last: '12:00:00', now: '12:30:00', want: [undefined, 'none'] },
    { name: 'beyond the deadline', schedule: '0 * * * *', deadline: 60, now: '12:30:00', want: [undefined, 'none'] },
    { name: 'within the deadline', schedule: '0 * * * *', deadline: 3000, now: '12:30:00', want: ['12:00:00', 'none'] },
    { name: 'at uneven intervals', schedule: '30 10-16/3 * * *', now: '15:00:00', want: ['13:30:00', 'few'] },
    { name: 'every so often', schedule: '@every 7m', now: '10:22:00', want: ['10:20:30', 'few'] },
  ];
  for (const { name, schedule, now, last, deadline, want } of rows) {
    it(name, () => {
      const object = cron(
        { schedule, ...(deadline ? { startingDeadlineSeconds: deadline } : {}) },
        last ? { lastScheduleTime: `2026-01-01T${last}Z` } : {},
      );
      const at = Date.parse(`2026-01-01T${now}Z`);
      const found = mostRecentScheduleTime(object, at, parseSchedule(schedule), { withDeadline: true });
      const time = found.time === undefined ? undefined : new Date(found.time).toISOString().slice(11, 19);
      assert.deepEqual([time, found.missed], want);
    });
  }

  it('a schedule that never comes is a problem, and is not waited for', () => {
    const never = parseSchedule('59 23 31 2 *');
    const now = Date.parse('2026-01-01T12:00:00Z');
    const { problem } = mostRecentScheduleTime(cron({}), now, never, { withDeadline: true });
    assert.equal(problem, 'time difference between two schedules is less than 1 second');
    assert.equal(nextScheduleDelay(cron({}), now, never), undefined);
  });

  it('is looked at again a little after the next time', () => {
    const now = Date.parse('2026-01-01T12:00:00Z');
    const last = cron({}, { lastScheduleTime: '2026-01-01T12:00:00Z' });
    assert.equal(nextScheduleDelay(last, now, parseSchedule('0 * * * *')), 3_600_100);
  });

  it('a Job is named after its minute and tells its time in the zone', () => {
    const job = jobFor(cron({ timeZone: 'Asia/Kolkata' }), Date.parse('2026-01-01T10:00:00Z'));
    assert.equal(job.metadata.name, 'c-29454360');
    assert.deepEqual(job.metadata.annotations, {
      'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T15:30:00+05:30',
    });
  });

  it('the oldest ended Jobs go', () => {
    const job = (name: string, type: string, startTime: string) => ({
      metadata: { name },
      status: { startTime, conditions: [{ type, status: 'True' }] },
    });
    const jobs = [
      job('a', 'Complete', '2026-01-01T03:00:00Z'),
      job('b', 'Complete', '2026-01-01T01:00:00Z'),
      job('c', 'Failed', '2026-01-01T01:00:00Z'),
      job('d', 'Complete', '2026-01-01T02:00:00Z'),
    ];
    const limits = { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 };
    assert.deepEqual(
      jobsToCleanUp(cron(limits), jobs).map((j) => j.metadata.name),
      ['b', 'd', 'c'],
    );
  });
});
