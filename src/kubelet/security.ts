/** Effective security context and resources of a container. Upstream: kuberuntime/security_context.go, qos/policy.go */
import type { SeccompProfile as ApiSeccompProfile, Container, Pod } from '../api/core-v1.ts';
import { qosClass, resourceAmount } from '../machinery/pods/pod-resources.ts';
import { ContainerConfigError } from './env.ts';
import { isSidecar } from './restart-policy.ts';
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
  return {
    ...(cpu === undefined ? {} : { cpuMillis: resourceAmount('cpu', cpu) }),
    ...(limits.cpu === undefined ? {} : { cpuLimitMillis: resourceAmount('cpu', limits.cpu) }),
    ...(limits.memory === undefined ? {} : { memoryLimit: resourceAmount('memory', limits.memory) }),
    oomScoreAdj: oomScore(pod, c, nodeMemory),
  };
}

/** How willing the kernel is to kill it: guaranteed pods last, best-effort pods first. Upstream: qos/policy.go */
function oomScore(pod: Pod, c: Container, nodeMemory: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return -997;
  const qos = qosClass(pod.spec ?? {});
  if (qos !== 'Burstable') return qos === 'Guaranteed' ? -997 : 1000;
  const containers = pod.spec?.containers ?? [];
  const all = [...containers, ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  const ofPod = pod.spec?.resources?.requests?.memory;
  // What the pod asks for beyond its containers is shared out among them.
  const shared =
    ofPod === undefined ? 0 : Math.trunc((memoryOf(ofPod) - sum(all.map(memoryRequest))) / Math.max(all.length, 1));
  const score = (request: number) =>
    1000 - Math.trunc((1000 * (request + Math.max(shared, 0))) / Math.max(nodeMemory, 1));
  const own = score(memoryRequest(c));
  // A sidecar is not to go before the containers it serves.
  const found = isSidecar(c) ? Math.min(own, score(Math.min(...containers.map(memoryRequest)))) : own;
  return Math.min(Math.max(found, 3), 999);
}

function memoryRequest(c: Container): number {
  return memoryOf(c.resources?.requests?.memory ?? '0');
}

function memoryOf(quantity: string): number {
  return resourceAmount('memory', quantity);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
