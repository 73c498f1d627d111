/**
 * Whether a container that ended is started again: its own rules by exit code, then its own policy, then the pod's.
 * Upstream: pkg/api/v1/pod/util.go ContainerShouldRestart, pkg/kubelet/container/helpers.go ShouldContainerBeRestarted. KEP-5307
 */
import type { Container, ContainerRestartRule, Pod } from '../api/core-v1.ts';
import type { ContainerRecord } from './runtime/container-runtime.ts';

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

export function restartPolicyOf(pod: Pod, c: Container): RestartPolicy {
  return (c.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') as RestartPolicy;
}

/** True for init containers that stay beside the main ones. */
export function isSidecar(c: Container): boolean {
  return c.restartPolicy === 'Always';
}

export function matchingRule(c: Container, exitCode: number): ContainerRestartRule | undefined {
  return c.restartPolicyRules?.find(({ exitCodes }) => {
    const has = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes?.operator === 'In' ? has : exitCodes?.operator === 'NotIn' && !has;
  });
}

/** What exit code alone says. */
export function restartsAfter(pod: Pod, c: Container, exitCode: number): boolean {
  if (c.restartPolicy !== undefined && matchingRule(c, exitCode) !== undefined) return true;
  const policy = restartPolicyOf(pod, c);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether a container that is not running is to be started (again). */
export function shouldRestart(pod: Pod, c: Container, r: ContainerRecord | undefined): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  if (r === undefined || r.state === 'created' || r.state === 'unknown') return true;
  return r.state !== 'running' && restartsAfter(pod, c, r.exitCode);
}
