/** The pod conditions the kubelet owns. Upstream: pkg/kubelet/status/generate.go */
import type { ContainerStatus, Pod, PodCondition } from '../../api/core-v1.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { isSidecar } from '../restart-policy.ts';
import type { Phase } from './phase.ts';

/** Conditions nobody else writes. */
export const OWNED: readonly string[] = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'PodResizeInProgress',
];

type Verdict = { status: 'True' | 'False'; reason?: string; message?: string };
const TRUE: Verdict = { status: 'True' };

export interface ConditionsInput {
  pod: Pod;
  /** The conditions as last reported; their times stay while nothing changes. */
  previous: readonly PodCondition[];
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  phase: Phase;
  hasSandbox: boolean;
  /** Containers run with other resources than the spec asks for. */
  resizing?: boolean | undefined;
  /** Unix ms. */
  now: number;
}

/** All conditions of the pod: foreign ones as they are, then the kubelet's own in upstream's order. */
export function podConditions(input: ConditionsInput): PodCondition[] {
  const { pod, previous } = input;
  const foreign = (pod.status?.conditions ?? []).filter((c) => !OWNED.includes(c.type));
  const disruption = previous.find((c) => c.type === 'DisruptionTarget');
  if (disruption !== undefined && !foreign.some((c) => c.type === 'DisruptionTarget')) foreign.push(disruption);
  if (input.resizing) foreign.push(condition('PodResizeInProgress', TRUE, input));
  const containersReady = containersReadyVerdict(input);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', input.hasSandbox ? TRUE : { status: 'False' }],
    ['Initialized', initializedVerdict(input)],
    ['Ready', containersReady.status === 'True' ? gatesVerdict(pod, foreign) : containersReady],
    ['ContainersReady', containersReady],
    ['PodScheduled', TRUE],
  ];
  return [...foreign, ...verdicts.map(([type, v]) => condition(type, v, input))];
}

function condition(type: string, verdict: Verdict, { pod, previous, now }: ConditionsInput): PodCondition {
  const old = previous.find((c) => c.type === type) ?? pod.status?.conditions?.find((c) => c.type === type);
  const generation = pod.metadata.generation;
  return {
    type,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...verdict,
    lastTransitionTime: old?.status === verdict.status ? (old.lastTransitionTime ?? formatTime(now)) : formatTime(now),
  };
}

function listed(names: readonly string[]): string {
  return `[${names.join(' ')}]`;
}

function containersReadyVerdict({ pod, initStatuses, statuses, phase }: ConditionsInput): Verdict {
  const all = [...initStatuses, ...statuses];
  if (all.length === 0) return { status: 'False', reason: 'UnknownContainerStatuses' };
  const names = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])].map(
    (c) => c.name,
  );
  const unknown = names.filter((n) => !all.some((s) => s.name === n));
  const unready = names.filter((n) => all.some((s) => s.name === n && !s.ready));
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  return notReady('ContainersNotReady', unknown, unready, 'unready');
}

function notReady(reason: string, unknown: readonly string[], others: readonly string[], word: string): Verdict {
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${listed(unknown)}`] : []),
    ...(others.length > 0 ? [`containers with ${word} status: ${listed(others)}`] : []),
  ];
  return messages.length === 0 ? TRUE : { status: 'False', reason, message: messages.join(', ') };
}

function initializedVerdict({ pod, previous, initStatuses, statuses, phase }: ConditionsInput): Verdict {
  const specs = pod.spec?.initContainers ?? [];
  if (specs.length > 0 && initStatuses.length + statuses.length === 0)
    return { status: 'False', reason: 'UnknownContainerStatuses' };
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const c of specs) {
    const s = initStatuses.find((x) => x.name === c.name);
    if (s === undefined) unknown.push(c.name);
    else if (isSidecar(c) ? !s.started : !s.ready) incomplete.push(c.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  if (statuses.some((s) => s.state?.running || s.state?.terminated)) return TRUE;
  const verdict = notReady('ContainersNotInitialized', unknown, incomplete, 'incomplete');
  // Once initialized, always initialized.
  return previous.some((c) => c.type === 'Initialized' && c.status === 'True') ? TRUE : verdict;
}

function gatesVerdict(pod: Pod, conditions: readonly PodCondition[]): Verdict {
  const messages = (pod.spec?.readinessGates ?? []).flatMap((gate) => {
    const c = conditions.find((x) => x.type === gate.conditionType);
    if (c === undefined)
      return [`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`];
    return c.status === 'True'
      ? []
      : [`the status of pod readiness gate "${gate.conditionType}" is not "True", but ${c.status}`];
  });
  return messages.length === 0
    ? TRUE
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}
