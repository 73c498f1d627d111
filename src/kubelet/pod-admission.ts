/**
 * Whether a node takes a pod that was bound to it, judged by itself and not by the scheduler: operating system, selector and affinity,
 * free resources, free host ports, taints that evict. Pure. A pod that is not taken fails at once.
 * Upstream: pkg/kubelet/lifecycle/predicate.go, pkg/scheduler/eventhandlers.go AdmissionCheck
 */

import type { Node, Pod, PodStatus } from '../api/core-v1.ts';
import { matchesNode } from '../machinery/pods/node-selector.ts';
import { podRequests, qosClass, resourceAmount } from '../machinery/pods/pod-resources.ts';

export interface Rejection {
  reason: string;
  message: string;
}

export interface AdmissionInput {
  pod: Pod;
  /** The node's other pods that have not ended. */
  others: readonly Pod[];
  node: Node;
}

const OUT_OF: Readonly<Record<string, string>> = {
  cpu: 'OutOfcpu',
  memory: 'OutOfmemory',
  'ephemeral-storage': 'OutOfephemeral-storage',
  pods: 'OutOfpods',
};

/** Why the node does not take the pod; undefined: it does. */
export function admit(input: AdmissionInput): Rejection | undefined {
  return operatingSystem(input) ?? resources(input) ?? nodeMatch(input) ?? hostPorts(input) ?? taints(input);
}

export function rejectedStatus(pod: Pod, { reason, message }: Rejection, startTime: string): PodStatus {
  const generation = pod.metadata.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase: 'Failed',
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: pod.status?.startTime ?? startTime,
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec ?? {}),
  };
}

function operatingSystem({ pod, node }: AdmissionInput): Rejection | undefined {
  const label = 'kubernetes.io/os';
  const wanted = pod.spec?.nodeSelector?.[label];
  if (wanted !== undefined && wanted !== (node.metadata.labels?.[label] ?? 'linux'))
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (pod.spec?.os?.name !== undefined && pod.spec.os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  return undefined;
}

function resources({ pod, others, node }: AdmissionInput): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const capacity = (name: string) => (allocatable[name] === undefined ? 0 : resourceAmount(name, allocatable[name]));
  const refuse = (name: string, requested: number, used: number): Rejection => ({
    reason: OUT_OF[name] ?? `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity(name)}`,
  });
  if (others.length + 1 > capacity('pods')) return refuse('pods', 1, others.length);
  const used: Record<string, number> = {};
  for (const other of others)
    for (const [name, n] of Object.entries(podRequests(other.spec ?? {}))) used[name] = (used[name] ?? 0) + n;
  for (const [name, n] of Object.entries(podRequests(pod.spec ?? {})).sort(byImportance)) {
    // What the node knows nothing of is the cluster's to count.
    if (n === 0 || (allocatable[name] === undefined && OUT_OF[name] === undefined)) continue;
    if (n > capacity(name) - (used[name] ?? 0)) return refuse(name, n, used[name] ?? 0);
  }
  return undefined;
}

function byImportance([a]: [string, number], [b]: [string, number]): number {
  const order = ['cpu', 'memory', 'ephemeral-storage'];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return rank(a) - rank(b);
}

function nodeMatch({ pod, node }: AdmissionInput): Rejection | undefined {
  if (!matchesNode(pod, node)) {
    return {
      reason: 'NodeAffinity',
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  }
  if (pod.spec?.nodeName && pod.spec.nodeName !== node.metadata.name)
    return { reason: 'NodeName', message: "Predicate NodeName failed: node(s) didn't match the requested node name" };
  return undefined;
}

function hostPorts({ pod, others }: AdmissionInput): Rejection | undefined {
  const taken = others.flatMap(portsOf);
  const clash = portsOf(pod).some((p) =>
    taken.some(
      (t) => t.port === p.port && t.protocol === p.protocol && (t.ip === p.ip || t.ip === ANY || p.ip === ANY),
    ),
  );
  if (!clash) return undefined;
  const message = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message };
}

const ANY = '0.0.0.0';

function portsOf(pod: Pod): { ip: string; port: number; protocol: string }[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((c) =>
    (c.ports ?? []).flatMap((p) =>
      p.hostPort ? [{ ip: p.hostIP || ANY, port: p.hostPort, protocol: p.protocol ?? 'TCP' }] : [],
    ),
  );
}

function taints({ pod, node }: AdmissionInput): Rejection | undefined {
  const untolerated = (node.spec?.taints ?? []).some(
    (t) =>
      t.effect === 'NoExecute' &&
      !(pod.spec?.tolerations ?? []).some(
        (x) =>
          (!x.effect || x.effect === t.effect) &&
          (!x.key ? x.operator === 'Exists' : x.key === t.key) &&
          (x.operator === 'Exists' || (x.value ?? '') === (t.value ?? '')),
      ),
  );
  if (!untolerated) return undefined;
  const message = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
  return { reason: 'TaintToleration', message };
}
