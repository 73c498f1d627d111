/**
 * When a node counts as silent, which taints its conditions mean, and how disrupted a zone is. Pure.
 * Upstream: pkg/controller/nodelifecycle/node_lifecycle_controller.go
 */
import type { Lease } from '../../api/coordination-v1.ts';
import type { Node, NodeCondition, Taint } from '../../api/core-v1.ts';
import {
  DISK_PRESSURE,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  sameTaint,
  UNREACHABLE,
  UNSCHEDULABLE,
} from '../taints.ts';

/** What was last seen of a node, in this process' time. */
export interface NodeHealth {
  /** When a sign of life last came. */
  probe: number;
  ready: NodeCondition | undefined;
  leaseRenewTime: string | undefined;
}

export interface GracePeriods {
  monitor: number;
  startup: number;
}

export interface Observation {
  health: NodeHealth;
  /** Ready as the node said. */
  observed: string;
  /** Ready as it is to be taken now; undefined: the node never said and is given time. */
  current: string | undefined;
  /** Conditions to write, because the node is silent. */
  conditions?: NodeCondition[];
}

const WATCHED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export function readyOf(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find((c) => c.type === 'Ready');
}

export function observeNode(
  previous: NodeHealth | undefined,
  node: Node,
  lease: Lease | undefined,
  now: number,
  grace: GracePeriods,
  timestamp: string,
): Observation {
  const ready = readyOf(node);
  const created = Date.parse(node.metadata.creationTimestamp ?? '') || now;
  let health: NodeHealth;
  if (!ready && !previous?.ready) health = previous ?? { probe: created, ready: undefined, leaseRenewTime: undefined };
  else if (previous?.ready && ready && previous.ready.lastHeartbeatTime === ready.lastHeartbeatTime) health = previous;
  else health = { probe: now, ready, leaseRenewTime: undefined };

  const renewed = lease?.spec?.renewTime;
  if (renewed && (health.leaseRenewTime === undefined || health.leaseRenewTime < renewed))
    health = { ...health, leaseRenewTime: renewed, probe: now };

  const observed = ready?.status ?? 'Unknown';
  const silent = now > health.probe + (ready ? grace.monitor : grace.startup);
  if (!silent) return { health, observed, current: ready?.status };
  const conditions = silentConditions(node, timestamp);
  const changed = ready === undefined || ready.status !== 'Unknown';
  const next = { ...health, ready: conditions.find((c) => c.type === 'Ready') };
  return { health: changed ? next : health, observed, current: 'Unknown', ...(changed ? { conditions } : {}) };
}

function silentConditions(node: Node, timestamp: string): NodeCondition[] {
  const conditions = (node.status?.conditions ?? []).map((c): NodeCondition => {
    if (!WATCHED.includes(c.type) || c.status === 'Unknown') return c;
    return {
      ...c,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: timestamp,
    };
  });
  for (const type of WATCHED) {
    if (conditions.some((c) => c.type === type)) continue;
    conditions.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      ...(node.metadata.creationTimestamp ? { lastHeartbeatTime: node.metadata.creationTimestamp } : {}),
      lastTransitionTime: timestamp,
    });
  }
  return conditions;
}

/** condition -> status -> key of the NoSchedule taint it means. */
const CONDITION_TAINTS: Record<string, Record<string, string>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: MEMORY_PRESSURE },
  DiskPressure: { True: DISK_PRESSURE },
  NetworkUnavailable: { True: NETWORK_UNAVAILABLE },
  PIDPressure: { True: PID_PRESSURE },
};
const OWN_KEYS = new Set([UNSCHEDULABLE, ...Object.values(CONDITION_TAINTS).flatMap((m) => Object.values(m))]);

/** The NoSchedule taints to add and remove so that they say what conditions and `unschedulable` say. */
export function noScheduleTaints(node: Node): { add: Taint[]; remove: Taint[] } {
  const wanted: Taint[] = [];
  for (const c of node.status?.conditions ?? []) {
    const key = CONDITION_TAINTS[c.type]?.[c.status];
    if (key) wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  const present = (node.spec?.taints ?? []).filter((t) => t.effect === 'NoSchedule' && OWN_KEYS.has(t.key));
  return {
    add: wanted.filter((t) => !present.some((p) => sameTaint(p, t))),
    remove: present.filter((p) => !wanted.some((t) => sameTaint(p, t))),
  };
}

/** The NoExecute taint a Ready status means, and the one it excludes. */
export function noExecuteTaint(ready: string | undefined): { add: Taint; remove: Taint } | undefined {
  const notReady: Taint = { key: NOT_READY, effect: 'NoExecute' };
  const unreachable: Taint = { key: UNREACHABLE, effect: 'NoExecute' };
  if (ready === 'False') return { add: notReady, remove: unreachable };
  if (ready === 'Unknown') return { add: unreachable, remove: notReady };
  return undefined;
}

export type ZoneState = 'Initial' | 'Normal' | 'PartialDisruption' | 'FullDisruption';

export function zoneState(ready: readonly (string | undefined)[], unhealthyThreshold: number): ZoneState {
  const bad = ready.filter((s) => s !== 'True').length;
  if (bad === ready.length && bad > 0) return 'FullDisruption';
  if (bad > 2 && bad / ready.length >= unhealthyThreshold) return 'PartialDisruption';
  return 'Normal';
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}

/** Deprecated labels that must repeat the stable ones. */
export function labelsToReconcile(node: Node): Record<string, string> {
  const labels = node.metadata.labels ?? {};
  const out: Record<string, string> = {};
  for (const [from, to] of [
    ['kubernetes.io/os', 'beta.kubernetes.io/os'],
    ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
  ] as const) {
    const value = labels[from];
    if (value !== undefined && labels[to] !== value) out[to] = value;
  }
  return out;
}
