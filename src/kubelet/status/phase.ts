/** The phase of a pod from the states of its containers. Upstream: pkg/kubelet/kubelet_pods.go getPhase */
import type { ContainerStatus, Pod } from '../../api/core-v1.ts';
import { isSidecar, restartsAfter } from '../restart-policy.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  pod: Pod;
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  /** No container will be started again, whatever the restart policy says. */
  isTerminal: boolean;
  /** A main container has run in this sandbox: restarting sidecars do not make the pod pending again. */
  hasInitialized: boolean;
}

export function podPhase(input: PhaseInput): Phase {
  const init = countInit(input);
  const main = countMain(input);
  if (init.failedForGood > 0) return 'Failed';
  if (init.pending > 0 || (init.pendingSidecars > 0 && !input.hasInitialized) || main.waiting + init.waiting > 0)
    return 'Pending';
  if (main.unknown + init.unknown > 0) return 'Pending';
  if (main.running + init.running > 0) return 'Running';
  if (main.stopped === 0) return 'Pending';
  if (!input.isTerminal && main.stopped !== main.stoppedForGood) return 'Running';
  return main.stopped === main.succeeded ? 'Succeeded' : 'Failed';
}

function countInit({ pod, initStatuses }: PhaseInput) {
  const n = { pending: 0, pendingSidecars: 0, failedForGood: 0, running: 0, waiting: 0, unknown: 0 };
  for (const c of pod.spec?.initContainers ?? []) {
    const s = initStatuses.find((x) => x.name === c.name);
    const ended = s?.state?.terminated ?? (s?.state?.waiting ? s.lastState?.terminated : undefined);
    if (isSidecar(c)) {
      if (s === undefined) n.unknown++;
      else if (s.state?.running) {
        n.running++;
        if (!s.started) n.pendingSidecars++;
      } else if (ended === undefined) {
        n.pendingSidecars++;
        if (s.state?.waiting) n.waiting++;
        else n.unknown++;
      }
    } else if (ended === undefined) n.pending++;
    else if (ended.exitCode !== 0 && !restartsAfter(pod, c, ended.exitCode)) n.failedForGood++;
  }
  return n;
}

function countMain({ pod, statuses }: PhaseInput) {
  const n = { running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0, unknown: 0 };
  for (const c of pod.spec?.containers ?? []) {
    const s = statuses.find((x) => x.name === c.name);
    const ended = s?.state?.terminated ?? (s?.state?.waiting ? s.lastState?.terminated : undefined);
    if (s?.state?.running) n.running++;
    else if (ended !== undefined) {
      n.stopped++;
      if (!restartsAfter(pod, c, ended.exitCode)) n.stoppedForGood++;
      if (s?.state?.terminated?.exitCode === 0) n.succeeded++;
    } else if (s?.state?.waiting) n.waiting++;
    else n.unknown++;
  }
  return n;
}
