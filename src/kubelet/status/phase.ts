/** The phase of a pod from the states of its containers. Upstream: pkg/kubelet/kubelet_pods.go getPhase */
import type { Container, ContainerStatus, Pod } from '../../api/core-v1.ts';
import { restartPolicyOf } from '../pod-actions.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  pod: Pod;
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  /** No container will be started again, whatever the restart policy says. */
  isTerminal: boolean;
  /** A main container has run before: restarting sidecars do not make the pod pending again. */
  hasInitialized: boolean;
}

export function podPhase(input: PhaseInput): Phase {
  const { pod } = input;
  const init = countInit(input);
  const main = countMain(input);
  if (init.failedForGood > 0) return 'Failed';
  if (init.pending > 0 || (init.pendingSidecars > 0 && !input.hasInitialized) || main.waiting + init.waiting > 0)
    return 'Pending';
  const running = main.running + init.running;
  const unknown = main.unknown + init.unknown;
  if (running > 0 && unknown === 0) return 'Running';
  if (running > 0 || main.stopped === 0 || unknown > 0) return 'Pending';
  if (input.isTerminal || main.stopped === main.stoppedForGood)
    return main.stopped === main.succeeded ? 'Succeeded' : 'Failed';
  return pod.spec === undefined ? 'Pending' : 'Running';
}

function mayRestart(pod: Pod, c: Container, exitCode: number): boolean {
  const policy = restartPolicyOf(pod, c);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function countInit({ pod, initStatuses }: PhaseInput) {
  const n = { pending: 0, pendingSidecars: 0, failedForGood: 0, running: 0, waiting: 0, unknown: 0 };
  for (const c of pod.spec?.initContainers ?? []) {
    const s = initStatuses.find((x) => x.name === c.name);
    const ended = s?.state?.terminated ?? s?.lastState?.terminated;
    if (c.restartPolicy === 'Always') {
      if (s === undefined) n.unknown++;
      else if (s.state?.running) {
        n.running++;
        if (!s.started) n.pendingSidecars++;
      } else if (ended === undefined) {
        n.pendingSidecars++;
        n.waiting++;
      }
    } else if (s === undefined || s.state?.running || ended === undefined) n.pending++;
    else if (ended.exitCode !== 0 && !initMayRestart(pod)) n.failedForGood++;
    else if (ended.exitCode !== 0) n.pending++;
  }
  return n;
}

/** Ordinary init containers run again under every policy but Never. */
function initMayRestart(pod: Pod): boolean {
  return pod.spec?.restartPolicy !== 'Never';
}

function countMain({ pod, statuses }: PhaseInput) {
  const n = { running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0, unknown: 0 };
  for (const c of pod.spec?.containers ?? []) {
    const s = statuses.find((x) => x.name === c.name);
    const ended = s?.state?.terminated ?? (s?.state?.waiting ? s.lastState?.terminated : undefined);
    if (s === undefined) n.unknown++;
    else if (s.state?.running) n.running++;
    else if (ended !== undefined) {
      n.stopped++;
      if (!mayRestart(pod, c, ended.exitCode)) n.stoppedForGood++;
      if (s.state?.terminated?.exitCode === 0) n.succeeded++;
    } else if (s.state?.waiting) n.waiting++;
    else n.unknown++;
  }
  return n;
}
