/** Effective security context and resources of a container. Upstream: kuberuntime/security_context.go, qos/policy.go */
import type { SeccompProfile as ApiSeccompProfile, Container, Pod } from '../api/core-v1.ts';
import { qosClass, resourceAmount } from '../machinery/pods/pod-resources.ts';
import { ContainerConfigError } from './env.ts';
import type { ContainerConfig, ContainerSecurity, Image, SeccompProfile } from './runtime/container-runtime.ts';

export function containerSecurity(pod: Pod, c: Container, image: Image | undefined): ContainerSecurity {
  const own = c.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  const seccomp = seccompOf(own.seccompProfile ?? shared.seccompProfile);
  if (own.runAsNonRoot ?? shared.runAsNonRoot) checkNonRoot(pod, c, user, image);
  return {
    privileged: own.privileged ?? false,
    ...(user === undefined ? {} : { runAsUser: user }),
    ...(group === undefined ? {} : { runAsGroup: group }),
    supplementalGroups: [
      ...(shared.fsGroup === undefined ? [] : [shared.fsGroup]),
      ...(shared.supplementalGroups ?? []),
    ],
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    allowPrivilegeEscalation: own.allowPrivilegeEscalation ?? true,
    capabilities: { add: own.capabilities?.add ?? [], drop: own.capabilities?.drop ?? [] },
    ...(seccomp === undefined ? {} : { seccompProfile: seccomp }),
  };
}

/** Upstream: verifyRunAsNonRoot */
function checkNonRoot(pod: Pod, c: Container, user: number | undefined, image: Image | undefined): void {
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${c.name})`;
  if (user === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (user !== undefined) return;
  if (image?.uid === 0 || (image?.uid === undefined && !image?.username)) {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (image?.uid === undefined) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image?.username}), cannot verify user is non-root ${where}`,
    );
  }
}

export function seccompOf(profile: ApiSeccompProfile | undefined): SeccompProfile | undefined {
  if (profile === undefined) return undefined;
  return {
    type: profile.type as SeccompProfile['type'],
    ...(profile.localhostProfile === undefined ? {} : { localhostProfile: profile.localhostProfile }),
  };
}

/** `nodeMemory`: bytes the node has. */
export function containerResources(pod: Pod, c: Container, nodeMemory: number): ContainerConfig['resources'] {
  const { requests = {}, limits = {} } = c.resources ?? {};
  const cpu = requests.cpu ?? limits.cpu;
  const memory = requests.memory ?? limits.memory;
  return {
    ...(cpu === undefined ? {} : { cpuMillis: resourceAmount('cpu', cpu) }),
    ...(limits.cpu === undefined ? {} : { cpuLimitMillis: resourceAmount('cpu', limits.cpu) }),
    ...(limits.memory === undefined ? {} : { memoryLimit: resourceAmount('memory', limits.memory) }),
    oomScoreAdj: oomScore(pod, memory === undefined ? 0 : resourceAmount('memory', memory), nodeMemory),
  };
}

/** How willing the kernel is to kill it: guaranteed pods last, best-effort pods first. */
function oomScore(pod: Pod, memoryRequest: number, nodeMemory: number): number {
  switch (qosClass(pod.spec ?? {})) {
    case 'Guaranteed':
      return -997;
    case 'BestEffort':
      return 1000;
    default:
      return Math.min(Math.max(1000 - Math.trunc((1000 * memoryRequest) / Math.max(nodeMemory, 1)), 3), 999);
  }
}
