/**
 * What is counted and timed of admission, under upstream's names; the chain and the webhooks keep what they observe into.
 * Upstream: apiserver/pkg/admission/metrics/metrics.go
 */
import type { Registry } from 'prom-client';
import { Counter, type Distribution, Histogram } from '../base/metric-families.ts';
import type { Operation } from './admission.ts';

const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const WEBHOOK_SECONDS = [...SECONDS, 10, 25];
/** Greater ones are counted as this: who answers may answer anything. */
const MAX_CODE = 600;

export type WebhookType = 'admit' | 'validating';
export type WebhookError = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error';

/** How long something took, by how it ended. */
export class Outcome {
  readonly #series: (rejected: boolean) => Distribution;
  #accepted: Distribution | undefined;

  constructor(series: (rejected: boolean) => Distribution) {
    this.#series = series;
  }
  accepted(seconds: number): void {
    this.#accepted ??= this.#series(false);
    this.#accepted.observe(seconds);
  }
  rejected(seconds: number): void {
    this.#series(true).observe(seconds);
  }
}

export interface WebhookCall {
  name: string;
  type: WebhookType;
  operation: Operation;
  seconds: number;
  /** Of the answer; 0 when the fault is our own. */
  code: number;
  /** Absent: the request may go on. */
  rejected?: WebhookError;
}

export class AdmissionMetrics {
  readonly #steps = new Histogram(
    'apiserver_admission_step_admission_duration_seconds',
    'Seconds a half of admission took, all its plugins together.',
    ['type', 'operation', 'rejected'],
    SECONDS,
  );
  readonly #plugins = new Histogram(
    'apiserver_admission_controller_admission_duration_seconds',
    'Seconds an admission plugin took.',
    ['name', 'type', 'operation', 'rejected'],
    SECONDS,
  );
  readonly #webhooks = new Histogram(
    'apiserver_admission_webhook_admission_duration_seconds',
    'Seconds a call of an admission webhook took.',
    ['name', 'type', 'operation', 'rejected'],
    WEBHOOK_SECONDS,
  );
  readonly #rejections = new Counter(
    'apiserver_admission_webhook_rejection_count',
    'Requests that webhooks rejected, by the kind of error and the code the webhook answered with.',
    ['name', 'type', 'operation', 'error_type', 'rejection_code'],
  );
  readonly #failedOpen = new Counter(
    'apiserver_admission_webhook_fail_open_count',
    'Requests that went on although a webhook could not be asked.',
    ['name', 'type'],
  );
  readonly #calls = new Counter(
    'apiserver_admission_webhook_request_total',
    'Calls of webhooks, by the code of the answer and whether the request was rejected.',
    ['name', 'type', 'operation', 'code', 'rejected'],
  );

  register(registry: Registry): void {
    for (const family of [this.#steps, this.#plugins, this.#webhooks, this.#rejections, this.#failedOpen, this.#calls])
      family.register(registry);
  }

  step(type: 'admit' | 'validate', operation: Operation): Outcome {
    return new Outcome((rejected) => this.#steps.series(`${type}\0${operation}\0${rejected}`));
  }
  plugin(name: string, type: 'admit' | 'validate', operation: Operation): Outcome {
    return new Outcome((rejected) => this.#plugins.series(`${name}\0${type}\0${operation}\0${rejected}`));
  }

  called({ name, type, operation, seconds, code, rejected }: WebhookCall): void {
    const labels = `${name}\0${type}\0${operation}`;
    const said = Math.min(code, MAX_CODE);
    if (rejected !== undefined) this.#rejections.inc(`${labels}\0${rejected}\0${said}`);
    this.#calls.inc(`${labels}\0${said}\0${rejected !== undefined}`);
    this.#webhooks.observe(`${labels}\0${rejected !== undefined}`, seconds);
  }
  failedOpen(name: string, type: WebhookType): void {
    this.#failedOpen.inc(`${name}\0${type}`);
  }
}
