/** Jobs. Upstream: pkg/registry/batch/job/strategy.go, pkg/apis/batch/v1/defaults.go SetDefaults_Job */
import type { Job, JobSpec } from '../../../api/batch-v1.ts';
import { Path } from '../../../machinery/validation/field-error.ts';
import { defaultPodTemplate } from '../../core/pods/defaults.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { validateJobStatus } from './status.ts';
import {
  CONTROLLER_UID,
  JOB_NAME,
  LEGACY_CONTROLLER_UID,
  LEGACY_JOB_NAME,
  validateJob,
  validateJobUpdate,
} from './validation.ts';

// Upstream: pkg/registry/batch/job/storage/storage.go
const DELETE_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';
const TEMPLATE = Path.root('spec', 'template');

/** What a job and the jobs of a cron job both get; only a job of its own gets the rest. */
export function defaultJobTemplate(spec: JobSpec): void {
  spec.template ??= {};
  defaultPodTemplate(spec.template);
  for (const rule of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
}

function defaultJob(job: Job): void {
  job.spec ??= {} as JobSpec;
  const { spec } = job;
  defaultJobTemplate(spec);
  if (spec.completions == null && spec.parallelism == null) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex != null ? 2147483647 : 6;
  const labels = spec.template.metadata?.labels;
  // The same map, not a copy: the labels that tie pods to the job go to both, as upstream.
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
}

function generateSelector(job: Job): void {
  const spec = job.spec!;
  if (spec.manualSelector) return;
  const { name = '', uid = '' } = job.metadata;
  spec.template.metadata ??= {};
  spec.template.metadata.labels ??= {};
  const { labels } = spec.template.metadata;
  for (const key of [LEGACY_JOB_NAME, JOB_NAME]) labels[key] ??= name;
  for (const key of [LEGACY_CONTROLLER_UID, CONTROLLER_UID]) labels[key] ??= uid;
  spec.selector ??= {};
  spec.selector.matchLabels ??= {};
  spec.selector.matchLabels[CONTROLLER_UID] ??= uid;
  if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels;
}

export const jobStrategy: Strategy<Job> = specStatusStrategy<Job>({
  sharesUnchanged: true,
  generation: ['spec'],
  defaultPropagation: 'Orphan',
  warnOfDelete: ({ propagationPolicy, orphanDependents }) =>
    propagationPolicy === undefined && orphanDependents === undefined ? DELETE_WARNING : undefined,
  default: defaultJob,
  prepareForCreate: generateSelector,
  warn(job, old, context) {
    if (old && job.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(job, job.spec!.template, TEMPLATE, context, !old);
    const { completionMode, completions = 0, parallelism = 0 } = job.spec!;
    if (completionMode === 'Indexed' && completions > 100000 && parallelism > 10000) {
      context.warn(
        'spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
      );
    }
  },
  validate(job) {
    return validateJob(job, undefined);
  },
  validateUpdate(job, old) {
    return validateJobUpdate(job, old);
  },
  fields: (job) => ({ 'status.successful': String(job.status?.succeeded ?? 0) }),
  status: { validate: validateJobStatus },
});
