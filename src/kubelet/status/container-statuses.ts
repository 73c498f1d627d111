/** Container statuses from the runtime's records. Upstream: pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses */
import type { Container, ContainerState, ContainerStatus, Pod } from '../../api/core-v1.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { hasAnyMainRecord } from '../pod-actions.ts';
import { isSidecar, shouldRestart } from '../restart-policy.ts';
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
  /** Resources the container runs with, while they are not yet those of its spec. */
  actual?(containerId: string): Container['resources'] | undefined;
  probes: { ready(containerId: string): boolean; started(containerId: string): boolean };
}

const UNKNOWN = { reason: 'ContainerStatusUnknown', exitCode: 137 };

export function containerStatuses(input: StatusInput): ContainerStatus[] {
  const statuses = input.containers.map((c) => containerStatus(input, c));
  // Upstream sorts all but init containers, which stay in the order they run in.
  return input.kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function containerStatus(input: StatusInput, c: Container): ContainerStatus {
  const { pod, record, runtimeName } = input;
  const [now, before] = record?.containers.filter((r) => r.name === c.name) ?? [];
  const old = input.previous.find((s) => s.name === c.name);
  const failure =
    now?.state === 'exited' && now.exitCode === 0 && input.kind === 'init' && !isSidecar(c)
      ? undefined
      : shouldRestart(pod, c, now)
        ? input.failure(c.name)
        : undefined;
  if (now === undefined) return withoutRecord(input, c, old, failure);
  const id = `${runtimeName}://${now.id}`;
  let state = stateOf(now, runtimeName, old);
  let lastState: ContainerState =
    before !== undefined
      ? stateOf(before, runtimeName)
      : old?.containerID !== id && old?.state?.terminated
        ? { terminated: old.state.terminated }
        : (old?.lastState ?? {});
  if (failure !== undefined) {
    if (state.terminated) lastState = state;
    state = { waiting: compact(failure) };
  }
  // What the runtime says of an end it did not see is not counted by it either.
  const unseen = now.state === 'unknown' && old?.state?.running !== undefined;
  const resources = input.actual?.(now.id) ?? c.resources;
  return {
    name: c.name,
    state,
    lastState,
    ready: isReady(input, c, now),
    restartCount: unseen ? old.restartCount + 1 : Math.max(now.attempt, old?.restartCount ?? 0),
    image: now.image,
    imageID: now.imageId,
    containerID: id,
    ...startedOf(input, now),
    ...(resources === undefined ? {} : { resources }),
    ...(c.resources?.requests === undefined ? {} : { allocatedResources: c.resources.requests }),
    ...mounts(c),
  };
}

function startedOf(input: StatusInput, r: ContainerRecord): { started?: boolean } {
  if (input.kind === 'ephemeral') return {};
  return { started: r.state === 'running' && input.probes.started(r.id) };
}

function isReady(input: StatusInput, c: Container, r: ContainerRecord): boolean {
  if (input.kind === 'init' && !isSidecar(c)) return r.state === 'exited' && r.exitCode === 0;
  if (input.kind === 'ephemeral') return false;
  return r.state === 'running' && input.probes.started(r.id) && input.probes.ready(r.id);
}

/** Never created, or its records are gone with an old sandbox. */
function withoutRecord(
  input: StatusInput,
  c: Container,
  old: ContainerStatus | undefined,
  failure: StartFailure | undefined,
): ContainerStatus {
  const { pod, record } = input;
  const isInit = input.kind === 'init' && !isSidecar(c);
  const notStarted = input.kind === 'ephemeral' ? {} : { started: false };
  const ended = old?.state?.terminated;
  if (ended && failure === undefined) return { ...old, ready: isInit && ended.exitCode === 0, ...notStarted };
  const initializing = (pod.spec?.initContainers ?? []).length > 0;
  let state: ContainerState = { waiting: { reason: initializing ? 'PodInitializing' : 'ContainerCreating' } };
  if (isInit && hasAnyMainRecord(pod, record)) {
    const message =
      'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally';
    state = { terminated: { exitCode: 0, reason: 'Completed', message } };
  } else if (failure !== undefined) state = { waiting: compact(failure) };
  // It did run: without an end on record the pod would look as if it never had.
  const isLost = old?.state?.running !== undefined && !old.lastState?.terminated;
  const message = 'The container could not be located when the pod was deleted.  The container used to be Running';
  return {
    name: c.name,
    state,
    lastState: isLost
      ? { terminated: { ...UNKNOWN, message } }
      : ended
        ? { terminated: ended }
        : (old?.lastState ?? {}),
    ready: isInit && state.terminated?.exitCode === 0,
    restartCount: (old?.restartCount ?? 0) + (isLost && !pod.metadata.deletionTimestamp ? 1 : 0),
    image: c.image ?? '',
    imageID: '',
    ...notStarted,
    ...mounts(c),
  };
}

function stateOf(r: ContainerRecord, runtimeName: string, old?: ContainerStatus): ContainerState {
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
    case 'unknown': {
      const message = 'The container could not be located when the pod was terminated';
      return old?.state?.running ? { terminated: { ...UNKNOWN, message } } : { waiting: {} };
    }
    default:
      return { waiting: {} };
  }
}

/**
 * The last word on containers of a pod that is over: what has no end on record is taken to have failed.
 * Upstream: status_manager.go TerminatePod
 */
export function withEnds(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]) {
  const message = 'The container could not be located when the pod was terminated';
  const end = (s: ContainerStatus): ContainerStatus =>
    s.state?.terminated ? s : { ...s, state: { terminated: { ...UNKNOWN, message } } };
  const tried = init.findLastIndex((s) => !s.state?.waiting || s.lastState?.terminated);
  return {
    init: init.map((s, i) => (i <= Math.max(tried, 0) ? end(s) : s)),
    main: hasInitialized(pod, init, main) ? main.map(end) : [...main],
  };
}

function hasInitialized(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): boolean {
  const specs = pod.spec?.initContainers ?? [];
  if (specs.length === 0 || main.some((s) => s.lastState?.terminated || !s.state?.waiting)) return true;
  const [spec, status] = [specs.at(-1), init.at(-1)];
  if (spec === undefined || status === undefined) return false;
  if (isSidecar(spec)) return status.state?.running !== undefined && !!status.started;
  return (status.lastState?.terminated ?? status.state?.terminated)?.exitCode === 0;
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
