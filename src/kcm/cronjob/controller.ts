/** Starts the Jobs of CronJobs when they are due, and keeps account of them. Upstream: pkg/controller/cronjob */
import type { CronJob, Job } from '../../api/batch-v1.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { CRONJOBS, JOBS } from '../../client/resources.ts';
import { parseSchedule, ScheduleError } from '../../machinery/cron/schedule.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { nextScheduleDelay, scheduleText } from './plan.ts';
import { CronSync } from './sync.ts';

/** Index of Jobs by the key of what controls them, whatever its kind and uid. */
const BY_CONTROLLER_NAME = 'controllerName';

export function startCronJobController(context: ControllerContext): Controller {
  return new CronJobController(context).loop;
}

class CronJobController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #crons: Informer<CronJob>;
  readonly #jobs: Informer<Job>;
  readonly #recorder;

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('cronjob-controller');
    this.loop = new ControllerLoop(context, {
      name: 'cronjob',
      workers: context.flags.concurrentCronJobSyncs,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#crons = context.informers.informer<CronJob>(CRONJOBS);
    this.#jobs = context.informers.informer<Job>(JOBS);
    this.#jobs.addIndex(BY_CONTROLLER_NAME, (job) => {
      const ref = controllerOf(job);
      return ref ? [`${job.metadata.namespace}/${ref.name}`] : [];
    });
    this.#crons.addHandler({
      added: (cron) => this.loop.enqueue(cron),
      updated: (old, cron) => this.#updated(old, cron),
      deleted: (cron) => this.loop.enqueue(cron),
    });
    this.#jobs.addHandler({
      added: (job) => this.#jobChanged(job),
      updated: (old, job) => {
        if (!semanticEqual(controllerOf(old), controllerOf(job))) this.#jobChanged(old);
        this.#jobChanged(job);
      },
      deleted: (job) => this.#jobChanged(job),
    });
  }

  #jobChanged(job: Job): void {
    const ref = controllerOf(job);
    if (ref?.kind !== 'CronJob') return;
    const cron = this.#crons.lister.get(job.metadata.namespace, ref.name);
    if (cron?.metadata.uid === ref.uid) this.loop.enqueue(cron);
  }

  /** A new schedule is waited for; what else has changed is looked at now. */
  #updated(old: CronJob, cron: CronJob): void {
    if (old.spec.schedule === cron.spec.schedule && old.spec.timeZone === cron.spec.timeZone)
      return this.loop.enqueue(cron);
    try {
      const delay = nextScheduleDelay(cron, this.#c.clock.now(), parseSchedule(scheduleText(cron)));
      if (delay !== undefined) this.loop.enqueueAfter(cron, delay);
    } catch (err) {
      if (!(err instanceof ScheduleError)) throw err;
      const message = `unparseable schedule for cronjob: ${cron.spec.schedule}`;
      this.#recorder.event(withKind(cron, CRONJOBS), 'Warning', 'UnParseableCronJobSchedule', message);
    }
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const { namespace, name } = splitKey(key);
    const cached = this.#crons.lister.get(namespace, name);
    if (!cached) return;
    const jobs = this.#jobs.lister.byIndex(BY_CONTROLLER_NAME, keyOf(cached));
    const sync = new CronSync(withKind(cached, CRONJOBS), jobs, {
      client: this.#c.client,
      recorder: this.#recorder,
      now: this.#c.clock.now(),
      skew: (seconds) => this.#c.metrics.cronJobCreationSkew.observe(seconds),
      signal,
    });
    return sync.run();
  }
}
