/** What podFailurePolicy and successPolicy make of pods. Pure. Upstream: pkg/controller/job/pod_failure_policy.go, success_policy.go */
import type { Job, PodFailurePolicyOnExitCodesRequirement } from '../../api/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../api/core-v1.ts';
import { Indexes } from './indexes.ts';

export interface FailureMatch {
  /** The failure counts towards the back-off limit. */
  counts: boolean;
  action?: string;
  /** Why the whole Job fails. */
  message?: string;
}

export function matchPodFailurePolicy(job: Job, pod: Pod): FailureMatch {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const { action } = rule;
    let why: string | undefined;
    if (rule.onExitCodes) {
      const c = failedContainer(pod, rule.onExitCodes);
      if (!c) continue;
      why = `Container ${c.name} for pod ${pod.metadata.namespace}/${pod.metadata.name} failed with exit code ${c.state!.terminated!.exitCode} matching ${action} rule at index ${index}`;
    } else {
      const condition = pod.status?.conditions?.find((c) =>
        rule.onPodConditions?.some((p) => p.type === c.type && p.status === c.status),
      );
      if (!condition) continue;
      why = `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${condition.type} matching ${action} rule at index ${index}`;
    }
    switch (action) {
      case 'Ignore':
        return { counts: false, action };
      case 'FailJob':
        return { counts: true, action, message: why };
      case 'Count':
      case 'FailIndex':
        return { counts: true, action };
      default:
    }
  }
  return { counts: true };
}

function failedContainer(pod: Pod, requirement: PodFailurePolicyOnExitCodesRequirement): ContainerStatus | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.find((s) => {
    const code = s.state?.terminated?.exitCode;
    if (!code || (requirement.containerName !== undefined && requirement.containerName !== s.name)) return false;
    const listed = requirement.values.includes(code);
    return requirement.operator === 'In' ? listed : requirement.operator === 'NotIn' ? !listed : false;
  });
}

/** Text of the rule that is met; undefined when none is. */
export function matchSuccessPolicy(job: Job, succeeded: Indexes): string | undefined {
  if (succeeded.total === 0) return undefined;
  for (const [index, rule] of (job.spec?.successPolicy?.rules ?? []).entries()) {
    const met = `Matched rules at index ${index}`;
    if (rule.succeededIndexes !== undefined) {
      const required = Indexes.parse(rule.succeededIndexes, job.spec!.completions!);
      if (required.total === 0) continue;
      const have = required.overlap(succeeded);
      if (have === required.total || (rule.succeededCount !== undefined && have >= rule.succeededCount)) return met;
    } else if (rule.succeededCount !== undefined && succeeded.total >= rule.succeededCount) return met;
  }
  return undefined;
}
