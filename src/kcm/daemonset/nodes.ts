/** Which nodes a DaemonSet's pods belong on, and what makes a pod of it belong to one node. Pure. Upstream: daemon_controller.go NodeShouldRunDaemonPod, daemon/util */
import type { DaemonSet } from '../../api/apps-v1.ts';
import type { Affinity, Node, Pod, PodSpec, Toleration } from '../../api/core-v1.ts';
import { DAEMONSETS } from '../../client/resources.ts';
import { matchesNode } from '../../machinery/pods/node-selector.ts';
import { CONTROLLER_REVISION_HASH } from '../history.ts';
import { podFromTemplate } from '../pod-control.ts';
import { semanticEqual } from '../semantic-equal.ts';
import {
  DISK_PRESSURE,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  tolerates,
  UNREACHABLE,
  UNSCHEDULABLE,
} from '../taints.ts';

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const TEMPLATE_GENERATION_LABEL = 'pod-template-generation';
const NAME_FIELD = 'metadata.name';

/** A daemon stays on its node whatever is wrong with it. */
function daemonTolerations(spec: PodSpec): Toleration[] {
  const always = (key: string, effect: string): Toleration => ({ key, operator: 'Exists', effect });
  return [
    always(NOT_READY, 'NoExecute'),
    always(UNREACHABLE, 'NoExecute'),
    ...[DISK_PRESSURE, MEMORY_PRESSURE, PID_PRESSURE, UNSCHEDULABLE].map((key) => always(key, 'NoSchedule')),
    ...(spec.hostNetwork ? [always(NETWORK_UNAVAILABLE, 'NoSchedule')] : []),
  ];
}

export function withDaemonTolerations(spec: PodSpec): PodSpec {
  let tolerations = spec.tolerations ?? [];
  for (const t of daemonTolerations(spec)) {
    const same = (x: Toleration) => semanticEqual({ ...x, tolerationSeconds: undefined }, t);
    // One of the same kind gives way: it may be limited in time.
    if (tolerations.some(same)) tolerations = tolerations.map((x) => (same(x) ? t : x));
    else tolerations = [...tolerations, t];
  }
  return { ...spec, tolerations };
}

export interface Placement {
  /** A pod is to be created when there is none. */
  shouldRun: boolean;
  /** A pod that is there may stay. */
  shouldContinueRunning: boolean;
}

const NOWHERE: Placement = { shouldRun: false, shouldContinueRunning: false };

export function placementOn(node: Node, set: DaemonSet): Placement {
  const spec = set.spec!.template.spec!;
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return NOWHERE;
  if (!matchesNode({ spec }, node)) return NOWHERE;
  const { tolerations = [] } = withDaemonTolerations(spec);
  const untolerated = (node.spec?.taints ?? []).filter((taint) => !tolerations.some((t) => tolerates(t, taint)));
  return {
    shouldRun: !untolerated.some((t) => t.effect === 'NoExecute' || t.effect === 'NoSchedule'),
    shouldContinueRunning: !untolerated.some((t) => t.effect === 'NoExecute'),
  };
}

/** The node a pod of a DaemonSet is on, or is meant for; undefined when it does not tell. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const term of required?.nodeSelectorTerms ?? []) {
    const field = term.matchFields?.find((f) => f.key === NAME_FIELD && f.operator === 'In');
    if (field) return field.values?.length === 1 ? field.values[0] : undefined;
  }
  return undefined;
}

/** Requires exactly this node; what else the affinity required of nodes has been looked at already. */
function withNode(affinity: Affinity | undefined, node: string): Affinity {
  const term = { matchFields: [{ key: NAME_FIELD, operator: 'In', values: [node] }] };
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
    },
  };
}

function templateGeneration(set: DaemonSet): string | undefined {
  const text = set.metadata.annotations?.[TEMPLATE_GENERATION];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? String(BigInt(text)) : undefined;
}

/** The pod for a node. */
export function daemonPod(set: DaemonSet, node: string, hash: string): Pod {
  const template = set.spec!.template;
  const generation = templateGeneration(set);
  const labels = {
    ...template.metadata?.labels,
    ...(generation === undefined ? {} : { [TEMPLATE_GENERATION_LABEL]: generation }),
    [CONTROLLER_REVISION_HASH]: hash,
  };
  const spec = withDaemonTolerations(template.spec!);
  return podFromTemplate(
    { metadata: { ...template.metadata, labels }, spec: { ...spec, affinity: withNode(spec.affinity, node) } },
    set,
    DAEMONSETS,
  );
}

/** Made of the current template. */
export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels } = pod.metadata;
  const generation = templateGeneration(set);
  return (
    labels?.[CONTROLLER_REVISION_HASH] === hash ||
    (generation !== undefined && labels?.[TEMPLATE_GENERATION_LABEL] === generation)
  );
}
