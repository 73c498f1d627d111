/**
 * What has to happen next for a pod, from its spec and what the runtime has: pure, level-triggered, called after every change.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions, kuberuntime_container.go computeInitContainerActions
 */
import type { Container, Pod } from '../api/core-v1.ts';
import { isSidecar, restartPolicyOf, restartsAfter, shouldRestart } from './restart-policy.ts';
import type { ContainerRecord, PodRecord } from './runtime/container-runtime.ts';

export interface ProbeVerdicts {
  /** A liveness or startup probe says the container must be killed. */
  failed(containerId: string): 'liveness' | 'startup' | undefined;
  /** The startup probe has passed, or there is none. */
  started(containerId: string): boolean;
}

export interface KillAction {
  record: ContainerRecord;
  container: Container;
  message: string;
  reason: 'liveness' | 'startup' | 'changed' | 'unknown' | 'resize';
}

export interface PodActions {
  /** Everything of the pod is to be stopped (its sandbox is gone or changed, or nothing is left to run). */
  killPod: boolean;
  createSandbox: boolean;
  sandboxAttempt: number;
  /** The sandbox to start containers in, when none is to be created. */
  sandboxId: string | undefined;
  /** Init containers and sidecars to start, in the pod's order. */
  init: Container[];
  containers: Container[];
  ephemeral: Container[];
  kill: KillAction[];
  /** Running containers whose resources change while they run. */
  resize: { record: ContainerRecord; container: Container }[];
}

export interface ActionsInput {
  pod: Pod;
  record: PodRecord | undefined;
  probes: ProbeVerdicts;
  hashOf(c: Container): string;
  /** What a change of a running container's resources asks for; undefined: they are as they should be. */
  resized?(c: Container, r: ContainerRecord): 'update' | 'restart' | undefined;
}

/** Whether the pod has no sandbox it could run containers in. Upstream: kuberuntime/util PodSandboxChanged */
export function needsSandbox(pod: Pod, record: PodRecord | undefined): boolean {
  const [newest, ...older] = record?.sandboxes ?? [];
  if (newest === undefined || !newest.ready || older.some((s) => s.ready)) return true;
  return newest.hostNetwork !== !!pod.spec?.hostNetwork || (!newest.hostNetwork && newest.ips.length === 0);
}

export function podActions(input: ActionsInput): PodActions {
  const { pod, record } = input;
  const newest = record?.sandboxes[0];
  const lost = needsSandbox(pod, record);
  const actions: PodActions = {
    killPod: lost,
    createSandbox: lost,
    sandboxId: newest?.id,
    sandboxAttempt: newest === undefined ? 0 : newest.attempt + (lost ? 1 : 0),
    init: [],
    containers: [],
    ephemeral: [],
    kill: [],
    resize: [],
  };
  if (lost) return withNewSandbox(pod, record, actions);
  // Ephemeral containers run once, whatever has become of the others.
  for (const c of (pod.spec?.ephemeralContainers ?? []) as Container[])
    if (latest(record, c.name) === undefined) actions.ephemeral.push(c);
  const initialized = initActions(input, actions);
  if (initialized && !actions.killPod) mainActions(input, actions);
  return actions;
}

/** Without a usable sandbox: what to start once there is one, if anything is left to do at all. */
function withNewSandbox(pod: Pod, record: PodRecord | undefined, actions: PodActions): PodActions {
  const hasRun = (record?.containers ?? []).length > 0;
  if (pod.spec?.restartPolicy === 'Never' && actions.sandboxAttempt !== 0 && hasRun) {
    actions.createSandbox = false;
    return actions;
  }
  const toStart = (pod.spec?.containers ?? []).filter(
    (c) => restartPolicyOf(pod, c) !== 'OnFailure' || !succeeded(latest(record, c.name)),
  );
  if (toStart.length === 0 && hasAnyMainRecord(pod, record)) {
    actions.createSandbox = false;
    return actions;
  }
  const first = pod.spec?.initContainers?.[0];
  if (first === undefined) actions.containers = toStart;
  else actions.init = [first];
  return actions;
}

function mainActions({ pod, record, probes, hashOf, resized }: ActionsInput, actions: PodActions): void {
  let kept = 0;
  for (const c of pod.spec?.containers ?? []) {
    const r = latest(record, c.name);
    if (r === undefined || r.state !== 'running') {
      if (!shouldRestart(pod, c, r)) continue;
      actions.containers.push(c);
      // It may be running after all; two of it must not.
      if (r?.state === 'unknown') actions.kill.push(killUnknown(c, r, 'Container'));
      continue;
    }
    const failed = r.hash !== hashOf(c) ? 'changed' : probes.failed(r.id);
    if (failed !== undefined) {
      let message = failed === 'changed' ? 'definition changed' : `failed ${failed} probe`;
      if (failed === 'changed' || restartPolicyOf(pod, c) !== 'Never') {
        message += ', will be restarted';
        actions.containers.push(c);
      }
      actions.kill.push({ record: r, container: c, message: `Container ${c.name} ${message}`, reason: failed });
      continue;
    }
    if (resize(c, r, resized, actions)) actions.containers.push(c);
    else kept++;
  }
  if (kept === 0 && actions.containers.length === 0) {
    actions.killPod = true;
    // Sidecars alone do not keep a pod alive.
    actions.init = [];
  }
}

/** True when the container has to be started anew. */
function resize(c: Container, r: ContainerRecord, resized: ActionsInput['resized'], actions: PodActions): boolean {
  const change = resized?.(c, r);
  if (change === 'update') actions.resize.push({ record: r, container: c });
  if (change !== 'restart') return false;
  const message = `Container ${c.name} resize requires restart`;
  actions.kill.push({ record: r, container: c, message, reason: 'resize' });
  return true;
}

/**
 * Init containers run one after the other; a sidecar gives way to the next once it has started. Walks backwards from the last one the
 * runtime knows, since records of those before it may be gone. True when the main containers' turn has come.
 */
function initActions(input: ActionsInput, actions: PodActions): boolean {
  const { pod, record } = input;
  const specs = pod.spec?.initContainers ?? [];
  if (specs.length === 0) return true;
  // Records that ended may be of an old sandbox and tell nothing about this one.
  let initialized = (pod.spec?.containers ?? []).some((c) => {
    const state = latest(record, c.name)?.state;
    return state === 'created' || state === 'running';
  });
  let laterSeen = initialized;
  for (let i = specs.length - 1; i >= 0; i--) {
    const c = specs[i]!;
    const r = latest(record, c.name);
    if (r === undefined) {
      if (laterSeen && isSidecar(c)) actions.init.push(c);
      continue;
    }
    if (laterSeen && !isSidecar(c)) continue;
    const outcome = initAction(input, c, r, actions);
    if (outcome === 'failed') {
      Object.assign(actions, { killPod: true, init: [] });
      return false;
    }
    if (outcome === 'done') {
      const next = specs[i + 1];
      if (next === undefined) initialized = true;
      else if (!laterSeen) actions.init.push(next);
      // A sidecar that is up may still have to be replaced.
      if (r.state === 'running') replaceSidecar(input, c, r, actions);
    }
    laterSeen = true;
  }
  if (!laterSeen) actions.init.push(specs[0]!);
  actions.init.reverse();
  return initialized;
}

/** `done`: the next one may start; `failed`: the pod has. */
function initAction(
  { pod, probes }: ActionsInput,
  c: Container,
  r: ContainerRecord,
  actions: PodActions,
): 'wait' | 'done' | 'failed' {
  switch (r.state) {
    case 'created':
      // Creating and starting are one step: the runtime did not start it.
      actions.init.push(c);
      return 'wait';
    case 'running':
      if (!isSidecar(c)) return 'wait';
      if (probes.failed(r.id) === 'startup') {
        const message = `Init container ${c.name} failed startup probe`;
        actions.kill.push({ record: r, container: c, message, reason: 'startup' });
        actions.init.push(c);
        return 'wait';
      }
      return probes.started(r.id) ? 'done' : 'wait';
    case 'exited':
      if (!isSidecar(c) && r.exitCode === 0) return 'done';
      if (!isSidecar(c) && !initRestarts(pod, c, r)) return 'failed';
      actions.init.push(c);
      return 'wait';
    default:
      if (!isSidecar(c) && restartPolicyOf(pod, c) === 'Never') return 'failed';
      actions.kill.push(killUnknown(c, r, 'Init container'));
      actions.init.push(c);
      return 'wait';
  }
}

function replaceSidecar(
  { probes, hashOf, resized }: ActionsInput,
  c: Container,
  r: ContainerRecord,
  actions: PodActions,
): void {
  const changed = r.hash !== hashOf(c);
  if (changed || probes.failed(r.id) === 'liveness') {
    const message = `Init container ${c.name} ${changed ? 'definition changed' : 'failed liveness probe'}`;
    actions.kill.push({ record: r, container: c, message, reason: changed ? 'changed' : 'liveness' });
    actions.init.push(c);
  } else if (resize(c, r, resized, actions)) actions.init.push(c);
}

/** Also of a pod that is being deleted: a failed init container ends it only for good reason. */
function initRestarts(pod: Pod, c: Container, r: ContainerRecord): boolean {
  return !pod.metadata.deletionTimestamp && restartsAfter(pod, c, r.exitCode);
}

function killUnknown(c: Container, r: ContainerRecord, word: string): KillAction {
  const message = `${word} is in "unknown" state, try killing it before restart`;
  return { record: r, container: c, message, reason: 'unknown' };
}

/** The newest record of a container. */
export function latest(record: PodRecord | undefined, name: string): ContainerRecord | undefined {
  return record?.containers.find((r) => r.name === name);
}

function succeeded(r: ContainerRecord | undefined): boolean {
  return r?.state === 'exited' && r.exitCode === 0;
}

export function hasAnyMainRecord(pod: Pod, record: PodRecord | undefined): boolean {
  return (pod.spec?.containers ?? []).some((c) => {
    const r = latest(record, c.name);
    return r !== undefined && r.state !== 'unknown';
  });
}
