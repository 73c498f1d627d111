/** Cron jobs. Upstream: pkg/registry/batch/cronjob/strategy.go, pkg/apis/batch/validation ValidateCronJobCreate */
import type { CronJob, CronJobSpec, JobSpec } from '../../../api/batch-v1.ts';
import { scheduleProblem } from '../../../machinery/cron/schedule.ts';
import { timeZone } from '../../../machinery/cron/time-zone.ts';
import { invalidField, notSupported, Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { shownSelector, templateOptions } from '../../apps/workload.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { byteLength, type Errors, nonNegative, oneOf } from '../../validation/values.ts';
import { defaultJobTemplate } from '../jobs/strategy.ts';
import { validateJobTemplateSpec } from '../jobs/validation.ts';

const SPEC = Path.root('spec');
const TEMPLATE = SPEC.child('jobTemplate', 'spec', 'template');

function defaultCronJob(job: CronJob): void {
  job.spec ??= {} as CronJobSpec;
  const { spec } = job;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= {};
  spec.jobTemplate.metadata ??= {};
  spec.jobTemplate.spec ??= {} as JobSpec;
  defaultJobTemplate(spec.jobTemplate.spec);
}

function validateTimeZone(zone: string, out: Errors): void {
  const at = SPEC.child('timeZone');
  if (zone === '') {
    out.push(invalidField(at, zone, 'timeZone must be nil or non-empty string'));
    return;
  }
  const odd = zone
    .split('/')
    .some((p) => p === '.' || p === '..' || p.startsWith('-') || !/^[A-Za-z._0-9+-]{1,14}$/.test(p));
  if (zone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    out.push(invalidField(at, zone, detail));
  } else if (odd || timeZone(zone) === undefined) out.push(invalidField(at, zone, `unknown time zone ${zone}`));
}

function validateSpec(spec: CronJobSpec, old: CronJobSpec | undefined): Errors {
  const out: Errors = [];
  const at = SPEC.child('schedule');
  if (!spec.schedule) out.push(requiredField(at));
  else {
    const problem = scheduleProblem(spec.schedule);
    if (problem !== undefined) out.push(invalidField(at, spec.schedule, problem));
    if (spec.schedule.includes('TZ')) {
      if (!old?.schedule.includes('TZ')) {
        out.push(invalidField(at, spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
      } else if (spec.timeZone != null) {
        out.push(invalidField(at, spec.schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
      }
    }
  }
  nonNegative(spec.startingDeadlineSeconds, SPEC.child('startingDeadlineSeconds'), out);
  if (spec.timeZone != null && spec.timeZone !== old?.timeZone) validateTimeZone(spec.timeZone, out);
  oneOf(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], SPEC.child('concurrencyPolicy'), out);
  const job = spec.jobTemplate.spec!;
  const path = SPEC.child('jobTemplate', 'spec');
  validateJobTemplateSpec(job, path, templateOptions(old?.jobTemplate.spec?.template), out);
  if (job.selector)
    out.push(invalidField(path.child('selector'), shownSelector(job.selector), '`selector` will be auto-generated'));
  if (job.manualSelector) out.push(notSupported(path.child('manualSelector'), true, ['nil', 'false']));
  for (const field of ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const)
    nonNegative(spec[field], SPEC.child(field), out);
  return out;
}

export const cronJobStrategy: Strategy<CronJob> = specStatusStrategy<CronJob>({
  sharesUnchanged: true,
  generation: ['spec'],
  default: defaultCronJob,
  warn(job, old, context) {
    if (old && job.spec!.schedule?.includes('TZ')) {
      context.warn(
        'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
      );
    }
    if (old && job.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(job, job.spec!.jobTemplate.spec!.template, TEMPLATE, context, !old);
  },
  validate(job) {
    const out = validateSpec(job.spec!, undefined);
    if (byteLength(job.metadata.name ?? '') > 52) {
      out.push(invalidField(Path.root('metadata', 'name'), job.metadata.name, 'must be no more than 52 characters'));
    }
    return out;
  },
  validateUpdate(job, old) {
    return validateSpec(job.spec!, old.spec);
  },
  status: {},
});
