/** Container statuses from the runtime's records. Upstream: pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses */
import type { Container, ContainerState, ContainerStatus, Pod } from '../../api/core-v1.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { hasAnyMainRecord, shouldRestart } from '../pod-actions.ts';
import type { ContainerRecord, PodRecord } from '../runtime/container-runtime.ts';

/** Why a container could not be started the last time: shown as its waiting reason. */
export interface StartFailure {
  reason: string;
  message: string;
}

export interface StatusInput {
  pod: Pod;
  record: PodRecord | undefined;
  /** As last reported. */
  previous: readonly ContainerStatus[];
  containers: readonly Container[];
  kind: 'init' | 'main' | 'ephemeral';
  runtimeName: string;
  failure(container: string): StartFailure | undefined;
  probes: { ready(containerId: string): boolean; started(containerId: string): boolean };
}

export function containerStatuses(input: StatusInput): ContainerStatus[] {
  const statuses = input.containers.map((c) => containerStatus(input, c));
  // Upstream sorts all but init containers, which stay in the order they run in.
  return input.kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function containerStatus(input: StatusInput, c: Container): ContainerStatus {
  const { pod, record, runtimeName } = input;
  const [now, before] = record?.containers.filter((r) => r.name === c.name) ?? [];
  const old = input.previous.find((s) => s.name === c.name);
  if (now === undefined) return withoutRecord(input, c, old);
  const isRunning = now.state === 'running';
  let state = stateOf(now, runtimeName);
  let lastState: ContainerState =
    before === undefined ? (now.attempt > 0 ? (old?.lastState ?? {}) : {}) : stateOf(before, runtimeName);
  const failure = input.failure(c.name);
  if (failure !== undefined && !isRunning && shouldRestart(pod, c, now) && !(input.kind === 'init' && succeeded(now))) {
    if (state.terminated) lastState = state;
    state = { waiting: compact(failure) };
  }
  const started = isRunning && input.probes.started(now.id);
  return {
    name: c.name,
    state,
    lastState,
    ready: isReady(input, c, now),
    restartCount: now.attempt,
    image: now.image,
    imageID: now.imageId,
    containerID: `${runtimeName}://${now.id}`,
    started,
    ...(c.resources === undefined ? {} : { resources: c.resources }),
    ...(c.resources?.requests === undefined ? {} : { allocatedResources: c.resources.requests }),
    ...mounts(c),
  };
}

function isReady(input: StatusInput, c: Container, r: ContainerRecord): boolean {
  if (input.kind === 'init' && c.restartPolicy !== 'Always') return succeeded(r);
  if (input.kind === 'ephemeral') return false;
  return r.state === 'running' && input.probes.started(r.id) && input.probes.ready(r.id);
}

function succeeded(r: ContainerRecord): boolean {
  return r.state === 'exited' && r.exitCode === 0;
}

/** Never created, or its records are gone with an old sandbox. */
function withoutRecord(input: StatusInput, c: Container, old: ContainerStatus | undefined): ContainerStatus {
  const { pod, record } = input;
  if (old?.state?.terminated) return { ...old, ready: false, started: false };
  const failure = input.failure(c.name);
  const initializing = (pod.spec?.initContainers ?? []).length > 0;
  let state: ContainerState = {
    waiting:
      failure === undefined ? { reason: initializing ? 'PodInitializing' : 'ContainerCreating' } : compact(failure),
  };
  if (input.kind === 'init' && c.restartPolicy !== 'Always' && hasAnyMainRecord(pod, record)) {
    state = {
      terminated: {
        exitCode: 0,
        reason: 'Completed',
        message:
          'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally',
      },
    };
  }
  const wasRunning = old?.state?.running !== undefined;
  const lost = {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was deleted.  The container used to be Running',
    },
  };
  return {
    name: c.name,
    state,
    lastState: wasRunning ? lost : (old?.lastState ?? {}),
    ready: input.kind === 'init' && state.terminated?.exitCode === 0,
    restartCount: (old?.restartCount ?? 0) + (wasRunning && !pod.metadata.deletionTimestamp ? 1 : 0),
    image: c.image ?? '',
    imageID: '',
    started: false,
    ...mounts(c),
  };
}

function stateOf(r: ContainerRecord, runtimeName: string): ContainerState {
  switch (r.state) {
    case 'running':
      return { running: { startedAt: formatTime(r.startedAt) } };
    case 'exited':
      return {
        terminated: {
          exitCode: r.exitCode,
          ...(r.signal === 0 ? {} : { signal: r.signal }),
          ...(r.reason === '' ? {} : { reason: r.reason }),
          ...(r.message === '' ? {} : { message: r.message }),
          startedAt: formatTime(r.startedAt),
          finishedAt: formatTime(r.finishedAt),
          containerID: `${runtimeName}://${r.id}`,
        },
      };
    default:
      return { waiting: {} };
  }
}

function compact({ reason, message }: StartFailure): { reason: string; message?: string } {
  return message === '' ? { reason } : { reason, message };
}

function mounts(c: Container): Pick<ContainerStatus, 'volumeMounts'> {
  const list = (c.volumeMounts ?? []).map((m) => ({
    name: m.name,
    mountPath: m.mountPath,
    ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  }));
  return list.length === 0 ? {} : { volumeMounts: list };
}
