/**
 * What has to happen next for a pod, from its spec and what the runtime has: pure, level-triggered, called after every change.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions, computeInitContainerActions
 */
import type { Container, Pod } from '../api/core-v1.ts';
import type { ContainerRecord, PodRecord } from './runtime/container-runtime.ts';

export interface ProbeVerdicts {
  /** A liveness or startup probe says the container must be killed. */
  failed(containerId: string): 'liveness' | 'startup' | undefined;
  /** The startup probe has passed, or there is none. */
  started(containerId: string): boolean;
}

export interface KillAction {
  record: ContainerRecord;
  container: Container | undefined;
  message: string;
  reason: 'liveness' | 'startup' | 'changed' | 'unknown';
}

export interface PodActions {
  /** Everything of the pod is to be stopped (its sandbox is gone or changed, or nothing is left to run). */
  killPod: boolean;
  createSandbox: boolean;
  sandboxAttempt: number;
  /** The sandbox to start containers in, when none is to be created. */
  sandboxId: string | undefined;
  init: Container | undefined;
  /** Sidecars whose turn has come or that ended. */
  sidecars: Container[];
  containers: Container[];
  ephemeral: Container[];
  kill: KillAction[];
}

export function podActions(
  pod: Pod,
  record: PodRecord | undefined,
  probes: ProbeVerdicts,
  hashOf: (c: Container) => string,
): PodActions {
  const sandboxes = record?.sandboxes ?? [];
  const current = sandboxes[0];
  const ready = sandboxes.filter((s) => s.ready);
  const lost =
    current === undefined ||
    ready.length !== 1 ||
    !current.ready ||
    current.hostNetwork !== !!pod.spec?.hostNetwork ||
    (!current.hostNetwork && current.ips.length === 0);
  const actions: PodActions = {
    killPod: lost,
    createSandbox: lost,
    sandboxId: current?.id,
    sandboxAttempt: lost && current ? current.attempt + 1 : (current?.attempt ?? 0),
    init: undefined,
    sidecars: [],
    containers: [],
    ephemeral: [],
    kill: [],
  };
  if (lost) return withNewSandbox(pod, record, actions);

  for (const c of (pod.spec?.ephemeralContainers ?? []) as Container[]) {
    if (latest(record, c.name) === undefined) actions.ephemeral.push(c);
  }
  if (!initActions(pod, record, probes, hashOf, actions)) return actions;
  let kept = 0;
  for (const c of pod.spec?.containers ?? []) {
    const r = latest(record, c.name);
    if (r === undefined || r.state !== 'running') {
      if (shouldRestart(pod, c, r)) {
        actions.containers.push(c);
        if (r?.state === 'unknown')
          actions.kill.push({
            record: r,
            container: c,
            message: 'Container is in "unknown" state, try killing it before restart',
            reason: 'unknown',
          });
      }
      continue;
    }
    const kill = killReason(c, r, probes, hashOf);
    if (kill === undefined) {
      kept++;
      continue;
    }
    const restart = kill.reason === 'changed' || restartPolicyOf(pod, c) !== 'Never';
    if (restart) {
      kill.message += ', will be restarted';
      actions.containers.push(c);
    }
    actions.kill.push(kill);
  }
  if (kept === 0 && actions.containers.length === 0) {
    actions.killPod = true;
    actions.sidecars = [];
  }
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
  else if (first.restartPolicy === 'Always') actions.sidecars = [first];
  else actions.init = first;
  return actions;
}

/** Fills in init and sidecar actions; true when the main containers' turn has come. */
function initActions(
  pod: Pod,
  record: PodRecord | undefined,
  probes: ProbeVerdicts,
  hashOf: (c: Container) => string,
  actions: PodActions,
): boolean {
  const initialized = hasAnyMainRecord(pod, record);
  for (const c of pod.spec?.initContainers ?? []) {
    const r = latest(record, c.name);
    if (c.restartPolicy === 'Always') {
      if (r === undefined || r.state === 'exited' || r.state === 'created') {
        actions.sidecars.push(c);
        if (!initialized) return false;
        continue;
      }
      const kill = killReason(c, r, probes, hashOf);
      if (kill !== undefined) {
        kill.message += ', will be restarted';
        actions.kill.push(kill);
        actions.sidecars.push(c);
      }
      if (!initialized && !probes.started(r.id)) return false;
      continue;
    }
    if (initialized || (r?.state === 'exited' && r.exitCode === 0)) continue;
    if (r?.state === 'running') return false;
    if (r?.state === 'exited' && pod.spec?.restartPolicy === 'Never') {
      // A failed init container that may not run again ends the pod.
      actions.killPod = true;
      return false;
    }
    actions.init = c;
    return false;
  }
  return true;
}

function killReason(
  c: Container,
  r: ContainerRecord,
  probes: ProbeVerdicts,
  hashOf: (c: Container) => string,
): KillAction | undefined {
  if (r.hash !== hashOf(c))
    return { record: r, container: c, message: `Container ${c.name} definition changed`, reason: 'changed' };
  const failed = probes.failed(r.id);
  return failed === undefined
    ? undefined
    : { record: r, container: c, message: `Container ${c.name} failed ${failed} probe`, reason: failed };
}

export function restartPolicyOf(pod: Pod, c: Container): 'Always' | 'OnFailure' | 'Never' {
  return (c.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') as 'Always' | 'OnFailure' | 'Never';
}

/** Whether a container that is not running is to be started (again). Upstream: container/helpers.go ShouldContainerBeRestarted */
export function shouldRestart(pod: Pod, c: Container, r: ContainerRecord | undefined): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  if (r === undefined || r.state === 'created' || r.state === 'unknown') return true;
  if (r.state === 'running') return false;
  const policy = restartPolicyOf(pod, c);
  return policy === 'Always' || (policy === 'OnFailure' && r.exitCode !== 0);
}

/** The newest record of a container. */
export function latest(record: PodRecord | undefined, name: string): ContainerRecord | undefined {
  return record?.containers.find((r) => r.name === name);
}

function succeeded(r: ContainerRecord | undefined): boolean {
  return r?.state === 'exited' && r.exitCode === 0;
}

export function hasAnyMainRecord(pod: Pod, record: PodRecord | undefined): boolean {
  return (pod.spec?.containers ?? []).some((c) => latest(record, c.name) !== undefined);
}
