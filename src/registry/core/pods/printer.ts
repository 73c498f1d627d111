/** `kubectl get pods`: the status column tells why a pod is not running. Upstream: printers.go printPod */
import type { ContainerStatus, Pod } from '../../../api/core-v1.ts';
import { parseTime } from '../../../machinery/meta/time.ts';
import { age, columns } from '../../generic/cells.ts';
import type { Printer } from '../../generic/printer.ts';

interface Summary {
  ready: number;
  reason: string;
  restarts: number;
  /** Unix ms of the newest restart; 0 when none. */
  lastRestart: number;
}

export const podPrinter: Printer<Pod> = {
  columns: columns('Name, Ready, Status, Restarts, Age, IP!, Node!, Nominated Node!, Readiness Gates!'),
  cells(pod, options) {
    const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').length;
    const { ready, reason, restarts, lastRestart } = summarize(pod);
    const restartCell =
      restarts !== 0 && lastRestart !== 0
        ? `${restarts} (${age(new Date(lastRestart).toISOString(), options)} ago)`
        : `${restarts}`;
    return [
      pod.metadata.name ?? '',
      `${ready}/${(pod.spec?.containers ?? []).length + sidecars}`,
      reason,
      restartCell,
      age(pod.metadata.creationTimestamp, options),
      pod.status?.podIPs?.[0]?.ip || '<none>',
      pod.spec?.nodeName || '<none>',
      pod.status?.nominatedNodeName || '<none>',
      readinessGates(pod),
    ];
  },
  conditions(pod) {
    const phase = pod.status?.phase;
    if (phase === 'Succeeded')
      return [
        { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
      ];
    if (phase === 'Failed')
      return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
    return [];
  },
};

function summarize(pod: Pod): Summary {
  const status = pod.status ?? {};
  let reason = status.reason || status.phase || '';
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated'))
    reason = 'SchedulingGated';

  const init = summarizeInit(pod, reason);
  let summary: Summary = init;
  const initialized = status.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True') ?? false;
  if (!init.initializing || initialized) summary = summarizeMain(pod, init);

  if (pod.metadata.deletionTimestamp && status.reason === 'NodeLost') return { ...summary, reason: 'Unknown' };
  const terminal = status.phase === 'Succeeded' || status.phase === 'Failed';
  if (pod.metadata.deletionTimestamp && !terminal) return { ...summary, reason: 'Terminating' };
  return summary;
}

/** Counts of the init containers up to the first that holds the pod back; sidecars are counted apart. */
function summarizeInit(
  pod: Pod,
  phaseReason: string,
): Summary & { initializing: boolean; sidecarRestarts: number; lastSidecarRestart: number } {
  const specs = pod.spec?.initContainers ?? [];
  const sidecars = new Set(specs.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const out = {
    ready: 0,
    reason: phaseReason,
    restarts: 0,
    lastRestart: 0,
    initializing: false,
    sidecarRestarts: 0,
    lastSidecarRestart: 0,
  };
  for (const [i, c] of (pod.status?.initContainerStatuses ?? []).entries()) {
    out.restarts += c.restartCount;
    out.lastRestart = Math.max(out.lastRestart, finishedAt(c));
    if (sidecars.has(c.name)) {
      out.sidecarRestarts += c.restartCount;
      out.lastSidecarRestart = Math.max(out.lastSidecarRestart, finishedAt(c));
    }
    if (c.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(c.name) && c.started) {
      if (c.ready) out.ready++;
      continue;
    }
    const waiting = c.state?.waiting?.reason;
    if (c.state?.terminated) out.reason = `Init:${terminatedReason(c)}`;
    else if (waiting && waiting !== 'PodInitializing') out.reason = `Init:${waiting}`;
    else out.reason = `Init:${i}/${specs.length}`;
    out.initializing = true;
    break;
  }
  return out;
}

function summarizeMain(pod: Pod, init: ReturnType<typeof summarizeInit>): Summary {
  const out: Summary = {
    ready: init.ready,
    reason: init.reason,
    restarts: init.sidecarRestarts,
    lastRestart: init.lastSidecarRestart,
  };
  let hasRunning = false;
  let errorReason = '';
  // From the last to the first: the first container's trouble is what is shown.
  for (const c of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    out.restarts += c.restartCount;
    out.lastRestart = Math.max(out.lastRestart, finishedAt(c));
    if (c.state?.waiting?.reason) out.reason = c.state.waiting.reason;
    else if (c.state?.terminated) {
      out.reason = terminatedReason(c);
      if (c.state.terminated.exitCode !== 0) errorReason = out.reason;
    } else if (c.ready && c.state?.running) {
      hasRunning = true;
      out.ready++;
    }
  }
  if (out.reason === 'Completed') {
    const podReady = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
    if (hasRunning && podReady) out.reason = 'Running';
    else if (errorReason !== '') out.reason = errorReason;
    else if (hasRunning) out.reason = 'NotReady';
  }
  return out;
}

function terminatedReason(c: ContainerStatus): string {
  const t = c.state?.terminated;
  if (t?.reason) return t.reason;
  return t?.signal ? `Signal:${t.signal}` : `ExitCode:${t?.exitCode ?? 0}`;
}

function finishedAt(c: ContainerStatus): number {
  const time = c.lastState?.terminated?.finishedAt;
  return time ? parseTime(time) : 0;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter((g) => pod.status?.conditions?.find((c) => c.type === g.conditionType)?.status === 'True');
  return `${met.length}/${gates.length}`;
}
