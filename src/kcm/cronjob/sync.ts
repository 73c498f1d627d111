/** One sync of one CronJob: what became of its Jobs, and whether one is due. Status changes are gathered and written once. Upstream: cronjob_controllerv2.go syncCronJob */
import type { CronJob, CronJobStatus, Job } from '../../api/batch-v1.ts';
import type { ObjectReference } from '../../api/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { CRONJOBS, JOBS } from '../../client/resources.ts';
import { parseSchedule, type Schedule, ScheduleError } from '../../machinery/cron/schedule.ts';
import { timeZone } from '../../machinery/cron/time-zone.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { SyncResult } from '../controller.ts';
import { isControlledBy } from '../owners.ts';
import {
  finishedCondition,
  jobFor,
  jobName,
  jobsToCleanUp,
  mostRecentScheduleTime,
  nextScheduleDelay,
  scheduleText,
} from './plan.ts';

export interface CronSyncOptions {
  client: Client;
  recorder: EventRecorder;
  now: number;
  /** Called with the seconds between the scheduled time and the creation of a Job. */
  skew(seconds: number): void;
  signal: AbortSignal;
}

export class CronSync {
  readonly #o: CronSyncOptions;
  readonly #jobs: readonly Job[];
  #cron: CronJob;
  #status: CronJobStatus;
  #changed = false;

  constructor(cron: CronJob, jobs: readonly Job[], options: CronSyncOptions) {
    this.#cron = cron;
    this.#jobs = jobs;
    this.#o = options;
    this.#status = { ...cron.status };
  }

  async run(): Promise<SyncResult> {
    let result: SyncResult;
    let failure: unknown;
    for (const job of jobsToCleanUp(this.#cron, this.#jobs)) await this.#delete(job);
    try {
      result = await this.#sync();
    } catch (err) {
      failure = err;
    }
    if (this.#changed) {
      const { client, signal } = this.#o;
      const { active = [], ...status } = this.#status;
      const next = { ...this.#cron, status: { ...status, ...(active.length > 0 ? { active } : {}) } };
      await client.update<CronJob>(CRONJOBS, next, { subresource: 'status', signal });
    }
    if (failure !== undefined) throw failure;
    return result;
  }

  async #sync(): Promise<SyncResult> {
    await this.#observeJobs();
    await this.#dropMissing();
    const cron = this.#cron;
    if (cron.metadata.deletionTimestamp !== undefined) return;
    const zone = cron.spec.timeZone;
    if (zone !== undefined && timeZone(zone) === undefined) {
      this.#event('Warning', 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(zone)}: unknown time zone ${zone}`);
      return;
    }
    if (cron.spec.suspend) return;
    const schedule = this.#schedule();
    return schedule && this.#startWhenDue(schedule);
  }

  /** Ended Jobs leave the active list; unfinished ones that are not in it are wondered about. */
  async #observeJobs(): Promise<void> {
    for (const job of this.#jobs) {
      const { name, uid } = job.metadata;
      const listed = this.#isActive(uid!);
      const condition = finishedCondition(job);
      if (!condition) {
        if (listed || (await this.#isActiveOnServer(uid!))) continue;
        this.#event('Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`);
        continue;
      }
      if (listed) {
        this.#deactivate(uid!);
        this.#event('Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${condition}`);
      }
      const ended = job.status?.completionTime;
      if (condition !== 'Complete' || ended === undefined) continue;
      const last = this.#status.lastSuccessfulTime;
      if (last === undefined || Date.parse(ended) > Date.parse(last)) {
        this.#status.lastSuccessfulTime = ended;
        this.#changed = true;
      }
    }
  }

  /** The cache may be old; when the server lists it, its version is worked with from here on. */
  async #isActiveOnServer(uid: string): Promise<boolean> {
    const { name, namespace } = this.#cron.metadata;
    const { client, signal } = this.#o;
    const fresh = await client.get<CronJob>(CRONJOBS, name!, { namespace: namespace!, signal });
    if (!fresh.status?.active?.some((a) => a.uid === uid)) return false;
    this.#cron = fresh;
    this.#status = { ...fresh.status };
    return true;
  }

  async #dropMissing(): Promise<void> {
    const known = new Set(this.#jobs.map((j) => j.metadata.uid));
    for (const ref of this.#status.active ?? []) {
      if (known.has(ref.uid)) continue;
      try {
        await this.#getJob(ref);
      } catch (err) {
        if (!isNotFound(err)) throw err;
        this.#event('Normal', 'MissingJob', `Active job went missing: ${ref.name}`);
        this.#deactivate(ref.uid!);
      }
    }
  }

  #schedule(): Schedule | undefined {
    const { schedule } = this.#cron.spec;
    if (schedule.includes('TZ')) {
      const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`;
      this.#event('Warning', 'UnsupportedSchedule', message);
    }
    try {
      return parseSchedule(scheduleText(this.#cron));
    } catch (err) {
      if (!(err instanceof ScheduleError)) throw err;
      const message = `unparseable schedule: ${JSON.stringify(schedule)} : ${err.message}`;
      this.#event('Warning', 'UnparseableSchedule', message);
      return undefined;
    }
  }

  async #startWhenDue(schedule: Schedule): Promise<SyncResult> {
    const cron = this.#cron;
    const { now } = this.#o;
    const { time, missed, problem } = mostRecentScheduleTime(cron, now, schedule, { withDeadline: true });
    if (problem !== undefined) {
      this.#event('Warning', 'InvalidSchedule', `invalid schedule: ${cron.spec.schedule} : ${problem}`);
      return;
    }
    if (time === undefined) return this.#later(schedule);
    if (missed === 'many') {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.#event('Warning', 'TooManyMissedTimes', message);
    }
    const { startingDeadlineSeconds, concurrencyPolicy } = cron.spec;
    if (startingDeadlineSeconds !== undefined && time + startingDeadlineSeconds * 1000 < now) {
      const when = new Date(time).toUTCString().replace('GMT', '+0000');
      this.#event('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${when}`);
      return this.#later(schedule);
    }
    const active = this.#status.active ?? [];
    const last = this.#status.lastScheduleTime;
    const isListed = active.some((a) => a.name === jobName(cron, time) && a.namespace === cron.metadata.namespace);
    if (isListed || (last !== undefined && Date.parse(last) === time)) return this.#later(schedule);
    if (concurrencyPolicy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.#event('Normal', 'JobAlreadyActive', message);
      return this.#later(schedule);
    }
    if (concurrencyPolicy === 'Replace') await this.#replaceActive(active);
    return (await this.#start(time)) ? this.#later(schedule) : undefined;
  }

  async #replaceActive(active: readonly ObjectReference[]): Promise<void> {
    for (const ref of active) {
      let job: Job;
      try {
        job = await this.#getJob(ref);
      } catch (err) {
        this.#event('Warning', 'FailedGet', `Get job: ${(err as Error).message}`);
        throw err;
      }
      if (!(await this.#delete(job))) throw new Error(`could not replace job ${ref.namespace}/${ref.name}`);
    }
  }

  /** False when the Job is there already and nothing is to be told of it. */
  async #start(time: number): Promise<boolean> {
    const { client, signal, now, skew } = this.#o;
    const cron = this.#cron;
    const wanted = jobFor(cron, time);
    let job: Job;
    try {
      job = await client.create<Job>(JOBS, wanted, { signal });
      skew((Date.parse(job.metadata.creationTimestamp ?? '') || now) / 1000 - time / 1000);
      this.#event('Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    } catch (err) {
      if (!isAlreadyExists(err)) {
        if (!isNamespaceTerminating(err))
          this.#event('Warning', 'FailedCreate', `Error creating job: ${(err as Error).message}`);
        throw err;
      }
      // Ours when a sync before this one created it and could not write the status.
      const { name, namespace } = wanted.metadata;
      job = await client.get<Job>(JOBS, name!, { namespace: namespace!, signal });
      if (!isControlledBy(job, cron) || this.#isActive(job.metadata.uid!)) return false;
    }
    const { name, namespace, uid, resourceVersion } = job.metadata;
    const ref = { kind: 'Job', namespace: namespace!, name: name!, uid: uid!, apiVersion: 'batch/v1' };
    this.#status.active = [...(this.#status.active ?? []), { ...ref, ...(resourceVersion ? { resourceVersion } : {}) }];
    this.#status.lastScheduleTime = `${new Date(time).toISOString().slice(0, 19)}Z`;
    this.#changed = true;
    return true;
  }

  #later(schedule: Schedule): SyncResult {
    const requeueAfter = nextScheduleDelay({ ...this.#cron, status: this.#status }, this.#o.now, schedule);
    return requeueAfter === undefined ? undefined : { requeueAfter };
  }

  async #delete(job: Job): Promise<boolean> {
    const { client, signal } = this.#o;
    const { name, namespace, uid } = job.metadata;
    try {
      await client.delete(JOBS, name!, { namespace: namespace!, propagationPolicy: 'Background', signal });
    } catch (err) {
      this.#event('Warning', 'FailedDelete', `Deleted job: ${(err as Error).message}`);
      return false;
    }
    this.#deactivate(uid!);
    this.#event('Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    return true;
  }

  #getJob(ref: ObjectReference): Promise<Job> {
    const { client, signal } = this.#o;
    return client.get<Job>(JOBS, ref.name!, { namespace: ref.namespace!, signal });
  }
  #isActive(uid: string): boolean {
    return this.#status.active?.some((a) => a.uid === uid) ?? false;
  }
  #deactivate(uid: string): void {
    this.#status.active = (this.#status.active ?? []).filter((a) => a.uid !== uid);
    this.#changed = true;
  }
  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#o.recorder.event(this.#cron, type, reason, message);
  }
}
