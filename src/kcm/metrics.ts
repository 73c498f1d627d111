/** Metrics of the controller manager, under upstream's names. One registry a process; /metrics writes it out. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkQueueMetrics } from '../client/workqueue.ts';

const SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

export class ControllerMetrics {
  readonly registry: Registry;
  readonly #depth: Gauge;
  readonly #adds: Counter;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  readonly #retries: Counter;
  /** Seconds between the time a CronJob's Job was due and its creation. */
  readonly cronJobCreationSkew: Histogram;

  constructor(registry: Registry = new Registry()) {
    this.registry = registry;
    const of = { registers: [registry], labelNames: ['name'] };
    this.#depth = new Gauge({ ...of, name: 'workqueue_depth', help: 'Keys that wait in the queue.' });
    this.#adds = new Counter({
      ...of,
      name: 'workqueue_adds_total',
      help: 'Keys that were added to the queue.',
    });
    this.#waited = new Histogram({
      ...of,
      name: 'workqueue_queue_duration_seconds',
      buckets: SECONDS,
      help: 'Seconds a key waited in the queue.',
    });
    this.#worked = new Histogram({
      ...of,
      name: 'workqueue_work_duration_seconds',
      buckets: SECONDS,
      help: 'Seconds the work on a key took.',
    });
    this.#retries = new Counter({
      ...of,
      name: 'workqueue_retries_total',
      help: 'Keys that were added again after a failure.',
    });
    this.cronJobCreationSkew = new Histogram({
      registers: [registry],
      name: 'cronjob_controller_job_creation_skew_duration_seconds',
      help: 'Seconds from the time a CronJob is due until its Job is made.',
      buckets: Array.from({ length: 10 }, (_, i) => 2 ** i),
    });
  }

  queue(name: string): WorkQueueMetrics {
    const depth = this.#depth.labels(name);
    const adds = this.#adds.labels(name);
    const waited = this.#waited.labels(name);
    const worked = this.#worked.labels(name);
    const retries = this.#retries.labels(name);
    return {
      add(n) {
        adds.inc();
        depth.set(n);
      },
      get(n, seconds) {
        depth.set(n);
        waited.observe(seconds);
      },
      done: (seconds) => worked.observe(seconds),
      retry: () => retries.inc(),
    };
  }
}
