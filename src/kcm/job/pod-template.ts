/** Pods of a Job: tracking finalizer, and index in name, label, annotation, hostname and environment. Pure. */
import type { Job } from '../../api/batch-v1.ts';
import type { Container, Pod } from '../../api/core-v1.ts';
import { JOBS } from '../../client/resources.ts';
import { podFromTemplate } from '../pod-control.ts';
import {
  COMPLETION_INDEX,
  hasBackoffLimitPerIndex,
  INDEX_FAILURES,
  INDEX_IGNORED_FAILURES,
  indexFailures,
  indexIgnoredFailures,
} from './indexes.ts';
import { TRACKING_FINALIZER } from './plan.ts';
import { matchPodFailurePolicy } from './policies.ts';

const INDEX_ENV = 'JOB_COMPLETION_INDEX';
const MAX_GENERATED_NAME = 58;

/** `replaced`: the failed pod of the same index whose failure counts the new one goes on with. */
export function podOfJob(job: Job, index: number | undefined, replaced: Pod | undefined): Pod {
  const template = job.spec!.template;
  const finalizers = [...new Set([...(template.metadata?.finalizers ?? []), TRACKING_FINALIZER])];
  if (index === undefined) return podFromTemplate(template, job, JOBS, { finalizers });
  const pod = podFromTemplate(template, job, JOBS, {
    finalizers,
    generateName: generateName(job.metadata.name!, index),
    labels: { ...template.metadata?.labels, [COMPLETION_INDEX]: String(index) },
    annotations: {
      ...template.metadata?.annotations,
      [COMPLETION_INDEX]: String(index),
      ...failureCounts(job, replaced),
    },
  });
  const spec = pod.spec!;
  return {
    ...pod,
    spec: {
      ...spec,
      hostname: `${job.metadata.name}-${index}`,
      containers: spec.containers.map(withIndexEnv),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndexEnv) } : {}),
    },
  };
}

function generateName(name: string, index: number): string {
  const suffix = `-${index}-`;
  return name.slice(0, MAX_GENERATED_NAME - suffix.length) + suffix;
}

function withIndexEnv(container: Container): Container {
  if (container.env?.some((e) => e.name === INDEX_ENV)) return container;
  const env = { name: INDEX_ENV, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } };
  return { ...container, env: [...(container.env ?? []), env] };
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!hasBackoffLimitPerIndex(job)) return {};
  let failures = 0;
  let ignored = 0;
  if (replaced) {
    const { counts } = matchPodFailurePolicy(job, replaced);
    failures = indexFailures(replaced) + (counts ? 1 : 0);
    ignored = indexIgnoredFailures(replaced) + (counts ? 0 : 1);
  }
  return { [INDEX_FAILURES]: String(failures), ...(ignored > 0 ? { [INDEX_IGNORED_FAILURES]: String(ignored) } : {}) };
}
