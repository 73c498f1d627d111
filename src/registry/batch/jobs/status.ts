/**
 * Rules of a job's status; most hold only for what an update changes, so that older controllers' writes keep passing.
 * Upstream: pkg/apis/batch/validation/validation.go ValidateJobStatusUpdate, pkg/registry/batch/job getStatusValidationOptions
 */
import type { Job, JobStatus } from '../../../api/batch-v1.ts';
import {
  duplicateField,
  invalidField,
  OMIT_VALUE,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { type Errors, nonNegative } from '../../validation/values.ts';
import { firstOverlap, parseIndexes } from './indexes.ts';

const STATUS = Path.root('status');
const CONDITIONS = STATUS.child('conditions');

const isTrue = (status: JobStatus, type: string): boolean =>
  status.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
const isFinished = (status: JobStatus): boolean => isTrue(status, 'Complete') || isTrue(status, 'Failed');

export function validateJobStatus(job: Job, old: Job): Errors {
  const out: Errors = [];
  const now = job.status ?? {};
  const before = old.status ?? {};
  const changed = (field: keyof JobStatus) => !semanticEqual(now[field], before[field]);
  const turned = (type: string) => isTrue(now, type) !== isTrue(before, type);
  const finishing = isFinished(now) !== isFinished(before);
  const conditions = (detail: string) => out.push(invalidField(CONDITIONS, OMIT_VALUE, detail));
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    nonNegative(now[field], STATUS.child(field), out);
  validateUncounted(now, out);
  const complete = isTrue(now, 'Complete');
  const failed = isTrue(now, 'Failed');
  if ((turned('Complete') || turned('Failed')) && complete && failed)
    conditions('cannot set Complete=True and Failed=true conditions');
  if ((turned('Complete') || turned('FailureTarget')) && complete && isTrue(now, 'FailureTarget')) {
    conditions('cannot set Complete=True and FailureTarget=true conditions');
  }
  validateTimes(now, { complete, completing: turned('Complete'), changed }, out);
  if ((turned('Failed') || changed('failedIndexes')) && failed && !isTrue(now, 'FailureTarget')) {
    conditions('cannot set Failed=True condition without the FailureTarget=true condition');
  }
  const met = isTrue(now, 'SuccessCriteriaMet');
  if ((turned('Complete') || turned('SuccessCriteriaMet')) && complete && !met) {
    conditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  }
  validateFinished(job, { finishing, changed }, out);
  validateIndexes(job, changed, out);
  if ((finishing || changed('terminating')) && (now.terminating ?? 0) > 0 && isFinished(now)) {
    out.push(invalidField(STATUS.child('terminating'), now.terminating, 'terminating>0 is invalid for finished job'));
  }
  if ((changed('ready') || changed('active')) && now.ready != null && now.ready > (now.active ?? 0)) {
    out.push(invalidField(STATUS.child('ready'), now.ready, 'cannot set more ready pods than active'));
  }
  if (met && failed) conditions('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && isTrue(now, 'FailureTarget'))
    conditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy && !met && complete) {
    conditions('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  }
  validateChanges(job, old, out);
  return out;
}

function validateUncounted(status: JobStatus, out: Errors): void {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    status.uncountedTerminatedPods?.[list]?.forEach((uid, i) => {
      const at = STATUS.child('uncountedTerminatedPods', list).index(i);
      if (uid === '') out.push(invalidField(at, uid, 'must not be empty'));
      else if (seen.has(uid)) out.push(duplicateField(at, uid));
      seen.add(uid);
    });
  }
}

type Changed = (field: keyof JobStatus) => boolean;

function validateTimes(
  now: JobStatus,
  is: { complete: boolean; completing: boolean; changed: Changed },
  out: Errors,
): void {
  const at = STATUS.child('completionTime');
  if (is.completing || is.changed('completionTime')) {
    if (now.completionTime && !is.complete) {
      const detail = 'cannot set completionTime when there is no Complete=True condition';
      out.push(invalidField(at, now.completionTime, detail));
    }
    if (!now.completionTime && is.complete) out.push(requiredField(at, 'completionTime is required for Complete jobs'));
  }
  if ((is.changed('startTime') || is.changed('completionTime')) && now.startTime && now.completionTime) {
    if (Date.parse(now.completionTime) < Date.parse(now.startTime)) {
      out.push(invalidField(at, now.completionTime, 'must be equal to or after `startTime`'));
    }
  }
}

function validateFinished(job: Job, is: { finishing: boolean; changed: Changed }, out: Errors): void {
  const now = job.status ?? {};
  if (!isFinished(now)) return;
  if ((is.finishing || is.changed('active')) && (now.active ?? 0) > 0) {
    out.push(invalidField(STATUS.child('active'), now.active, 'active>0 is invalid for finished job'));
  }
  const suspendedWithNothing = job.spec?.suspend === true && job.spec.completions === 0;
  if ((is.finishing || is.changed('startTime')) && !suspendedWithNothing && !now.startTime) {
    out.push(requiredField(STATUS.child('startTime'), 'startTime is required for finished job'));
  }
  const uncounted = now.uncountedTerminatedPods;
  const left = (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0);
  if ((is.finishing || is.changed('uncountedTerminatedPods')) && left > 0) {
    const shown = { Succeeded: uncounted?.succeeded ?? null, Failed: uncounted?.failed ?? null };
    out.push(invalidField(STATUS.child('uncountedTerminatedPods'), shown, 'must be empty for finished job'));
  }
}

function validateIndexes(job: Job, changed: Changed, out: Errors): void {
  const { completedIndexes = '', failedIndexes } = job.status ?? {};
  const { completions, backoffLimitPerIndex, completionMode } = job.spec!;
  const completed = STATUS.child('completedIndexes');
  const failed = STATUS.child('failedIndexes');
  if (changed('completedIndexes')) {
    const problem = completions == null ? [] : parseIndexes(completedIndexes, completions);
    if (typeof problem === 'string')
      out.push(invalidField(completed, completedIndexes, `error parsing completedIndexes: ${problem}`));
  }
  if (changed('failedIndexes') && failedIndexes != null && completions != null && backoffLimitPerIndex != null) {
    const problem = parseIndexes(failedIndexes, completions);
    if (typeof problem === 'string')
      out.push(invalidField(failed, failedIndexes, `error parsing failedIndexes: ${problem}`));
  }
  if (changed('completedIndexes') && completedIndexes !== '' && completionMode !== 'Indexed') {
    const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    out.push(invalidField(completed, completedIndexes, detail));
  }
  if (changed('failedIndexes') && failedIndexes != null && backoffLimitPerIndex == null) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    out.push(invalidField(failed, failedIndexes, detail));
  }
  if ((changed('failedIndexes') || changed('completedIndexes')) && completions != null && failedIndexes != null) {
    const overlap = firstOverlap(completedIndexes, failedIndexes, completions);
    if (overlap !== undefined) {
      out.push(invalidField(failed, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${overlap}`));
    }
  }
}

function validateChanges(job: Job, old: Job, out: Errors): void {
  const now = job.status ?? {};
  const before = old.status ?? {};
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(before, type) && !isTrue(now, type)) {
      out.push(invalidField(CONDITIONS, OMIT_VALUE, `cannot disable the terminal ${type}=True condition`));
    }
  }
  const elastic = job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism;
  if ((now.failed ?? 0) < (before.failed ?? 0)) {
    out.push(invalidField(STATUS.child('failed'), now.failed ?? 0, 'cannot decrease the failed counter'));
  }
  if (!elastic && (now.succeeded ?? 0) < (before.succeeded ?? 0)) {
    out.push(invalidField(STATUS.child('succeeded'), now.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  }
  if (now.completionTime && before.completionTime && now.completionTime !== before.completionTime) {
    out.push(invalidField(STATUS.child('completionTime'), now.completionTime, 'field is immutable'));
  }
  const resuming =
    isTrue(before, 'Suspended') && now.conditions?.some((c) => c.type === 'Suspended' && c.status === 'False');
  if (before.startTime && before.startTime !== now.startTime && !resuming && !job.spec?.suspend) {
    const detail = 'field is immutable for unsuspended job once set';
    out.push(invalidField(STATUS.child('startTime'), now.startTime ?? null, detail));
  }
  const met = isTrue(now, 'SuccessCriteriaMet');
  const wasMet = isTrue(before, 'SuccessCriteriaMet');
  if (wasMet && !met)
    out.push(invalidField(CONDITIONS, OMIT_VALUE, 'cannot disable the SuccessCriteriaMet=True condition'));
  if (isTrue(before, 'Complete') && !wasMet && met) {
    const detail = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
    out.push(invalidField(CONDITIONS, OMIT_VALUE, detail));
  }
}
