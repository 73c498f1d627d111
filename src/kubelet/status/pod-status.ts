/** The whole status of a pod as the kubelet reports it. Pure. Upstream: pkg/kubelet/kubelet_pods.go generateAPIPodStatus */
import type { Container, Pod, PodStatus } from '../../api/core-v1.ts';
import { qosClass } from '../../machinery/pods/pod-resources.ts';
import type { PodRecord } from '../runtime/container-runtime.ts';
import { podConditions } from './conditions.ts';
import { containerStatuses, type StartFailure } from './container-statuses.ts';
import { podPhase } from './phase.ts';

export interface PodStatusInput {
  pod: Pod;
  record: PodRecord | undefined;
  /** As last reported by this kubelet, or what the API server has. */
  previous: PodStatus;
  /** Nothing will be started again. */
  isTerminal: boolean;
  /** Ends the pod with this phase's reason, whatever its containers do (deadline, eviction, refusal). */
  verdict?: { reason: string; message: string } | undefined;
  runtimeName: string;
  hostIPs: readonly string[];
  failure(container: string): StartFailure | undefined;
  probes: { ready(containerId: string): boolean; started(containerId: string): boolean };
  /** RFC 3339: when the kubelet first saw the pod. */
  startTime: string;
  /** Unix ms. */
  now: number;
}

export function podStatus(input: PodStatusInput): PodStatus {
  const { pod, record, previous, verdict } = input;
  const of = (
    kind: 'init' | 'main' | 'ephemeral',
    containers: readonly Container[],
    old: PodStatus['containerStatuses'],
  ) =>
    containerStatuses({
      pod,
      record,
      kind,
      containers,
      previous: old ?? [],
      runtimeName: input.runtimeName,
      failure: input.failure,
      probes: input.probes,
    });
  const initStatuses = of('init', pod.spec?.initContainers ?? [], previous.initContainerStatuses);
  const statuses = of('main', pod.spec?.containers ?? [], previous.containerStatuses);
  const ephemeral = of(
    'ephemeral',
    (pod.spec?.ephemeralContainers ?? []) as Container[],
    previous.ephemeralContainerStatuses,
  );
  const terminalBefore = [previous.phase, pod.status?.phase].find((p) => p === 'Failed' || p === 'Succeeded') as
    | 'Failed'
    | 'Succeeded'
    | undefined;
  const computed = podPhase({
    pod,
    initStatuses,
    statuses,
    isTerminal: input.isTerminal,
    hasInitialized: statuses.some((s) => s.state?.running || s.state?.terminated),
  });
  const phase = verdict !== undefined ? 'Failed' : (terminalBefore ?? computed);
  const reason = verdict?.reason ?? (phase === previous.phase ? previous.reason || pod.status?.reason : undefined);
  const message = verdict?.message ?? (phase === previous.phase ? previous.message || pod.status?.message : undefined);
  const sandbox = record?.sandboxes.find((s) => s.ready);
  const generation = pod.metadata.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: podConditions({
      pod,
      previous: previous.conditions ?? [],
      initStatuses,
      statuses,
      phase,
      hasSandbox: sandbox !== undefined,
      now: input.now,
    }),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...addresses(input, sandbox?.ips),
    startTime: previous.startTime ?? input.startTime,
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec ?? {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

/** A pod keeps the last address it had until it is gone. */
function addresses({ pod, hostIPs, previous }: PodStatusInput, ips: readonly string[] | undefined): Partial<PodStatus> {
  const own = pod.spec?.hostNetwork
    ? hostIPs
    : ips?.length
      ? ips
      : (previous.podIPs ?? pod.status?.podIPs ?? []).map((p) => p.ip);
  return {
    ...(hostIPs[0] === undefined ? {} : { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(own[0] === undefined ? {} : { podIP: own[0], podIPs: own.map((ip) => ({ ip })) }),
  };
}
