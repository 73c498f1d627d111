/** Printers of the batch group. */
import type { CronJob, Job } from '../../api/batch-v1.ts';
import { humanDuration, parseTime } from '../../machinery/meta/time.ts';
import { age, columns, containerCells, formatLabelSelector } from '../generic/cells.ts';
import type { Printer, PrintOptions } from '../generic/printer.ts';

export const jobPrinter: Printer<Job> = {
  columns: columns('Name, Status, Completions, Duration, Age, Containers!, Images!, Selector!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    jobStatus(o),
    completions(o),
    duration(o, options),
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
    formatLabelSelector(o.spec?.selector),
  ],
};

function jobStatus(job: Job): string {
  const has = (type: string) => job.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  if (has('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function completions(job: Job): string {
  const succeeded = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration(job: Job, { now }: PrintOptions): string {
  if (!job.status?.startTime) return '';
  const end = job.status.completionTime ? parseTime(job.status.completionTime) : now;
  return humanDuration(end - parseTime(job.status.startTime));
}

export const cronJobPrinter: Printer<CronJob> = {
  columns: columns(
    'Name, Schedule, Timezone, Suspend:boolean, Active:integer, Last Schedule, Age, Containers!, Images!, Selector!',
  ),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.schedule ?? '',
    o.spec?.timeZone ?? '<none>',
    // Upstream prints the words, although the column is declared boolean.
    o.spec?.suspend === undefined ? '<unset>' : o.spec.suspend ? 'True' : 'False',
    (o.status?.active ?? []).length,
    o.status?.lastScheduleTime ? age(o.status.lastScheduleTime, options) : '<none>',
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.jobTemplate?.spec?.template?.spec?.containers),
    formatLabelSelector(o.spec?.jobTemplate?.spec?.selector),
  ],
};
