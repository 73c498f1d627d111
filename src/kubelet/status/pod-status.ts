/** The whole status of a pod as the kubelet reports it. Pure. Upstream: pkg/kubelet/kubelet_pods.go generateAPIPodStatus */
import type { Container, Pod, PodStatus } from '../../api/core-v1.ts';
import { qosClass } from '../../machinery/pods/pod-resources.ts';
import { needsSandbox } from '../pod-actions.ts';
import type { PodRecord } from '../runtime/container-runtime.ts';
import { podConditions } from './conditions.ts';
import { containerStatuses, type StartFailure, withEnds } from './container-statuses.ts';
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
  /** See StatusInput. */
  actual?(containerId: string): Container['resources'] | undefined;
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
      ...(input.actual === undefined ? {} : { actual: input.actual }),
      probes: input.probes,
    });
  const initStatuses = of('init', pod.spec?.initContainers ?? [], previous.initContainerStatuses);
  const statuses = of('main', pod.spec?.containers ?? [], previous.containerStatuses);
  const ephemeral = of(
    'ephemeral',
    (pod.spec?.ephemeralContainers ?? []) as Container[],
    previous.ephemeralContainerStatuses,
  );
  const computed = podPhase({
    pod,
    initStatuses,
    statuses,
    isTerminal: input.isTerminal,
    hasInitialized: hasStarted(pod, record),
  });
  // An end that was told is never taken back.
  const phase =
    ended(pod.status?.phase) ?? (verdict ? 'Failed' : (ended(computed) ?? ended(previous.phase) ?? computed));
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
      hasSandbox: !needsSandbox(pod, record),
      resizing: record?.containers.some((r) => r.state === 'running' && input.actual?.(r.id) !== undefined),
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

function ended(phase: string | undefined): 'Failed' | 'Succeeded' | undefined {
  return phase === 'Failed' || phase === 'Succeeded' ? phase : undefined;
}

/** A main container has run in the sandbox of now. */
function hasStarted(pod: Pod, record: PodRecord | undefined): boolean {
  const sandbox = record?.sandboxes[0]?.id;
  return (pod.spec?.containers ?? []).some((c) =>
    record?.containers.some((r) => r.name === c.name && r.sandboxId === sandbox && r.state !== 'created'),
  );
}

/** The status of a pod that is over for good: its phase is an end, and so are the states of its containers. */
export function endedStatus(pod: Pod, status: PodStatus): PodStatus {
  const { init, main } = withEnds(pod, status.initContainerStatuses ?? [], status.containerStatuses ?? []);
  return {
    ...status,
    phase: ended(status.phase) ?? 'Failed',
    ...(status.initContainerStatuses === undefined ? {} : { initContainerStatuses: init }),
    ...(status.containerStatuses === undefined ? {} : { containerStatuses: main }),
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
