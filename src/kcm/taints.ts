/** Taints and tolerations, and writing taints to nodes. Upstream: pkg/util/taints, component-helpers/scheduling/corev1 */
import type { Node, Taint, Toleration } from '../api/core-v1.ts';
import type { Client } from '../client/client.ts';
import { NODES } from '../client/resources.ts';
import { isConflict } from '../machinery/errors/status-error.ts';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
export const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
export const MEMORY_PRESSURE = 'node.kubernetes.io/memory-pressure';
export const DISK_PRESSURE = 'node.kubernetes.io/disk-pressure';
export const PID_PRESSURE = 'node.kubernetes.io/pid-pressure';
export const NETWORK_UNAVAILABLE = 'node.kubernetes.io/network-unavailable';
export const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Same key and effect: what makes two taints the same one. */
export function sameTaint(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}
export function hasTaint(node: Node, taint: Taint): boolean {
  return node.spec?.taints?.some((t) => sameTaint(t, taint)) ?? false;
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator) {
    case undefined:
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '') && !!toleration.key;
    case 'Exists':
      return true;
    default:
      return false;
  }
}

/** The tolerations that cover `taints`; undefined when one taint is not tolerated. */
export function matchingTolerations(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
): Toleration[] | undefined {
  const used: Toleration[] = [];
  for (const taint of taints) {
    const t = tolerations.find((x) => tolerates(x, taint));
    if (!t) return undefined;
    used.push(t);
  }
  return used;
}

const TRIES = 5;

/** Adds and removes taints (by key and effect) of a node; writes only when that changes something. */
export async function changeTaints(
  client: Client,
  name: string,
  change: { add?: readonly Taint[]; remove?: readonly Taint[] },
  signal: AbortSignal,
): Promise<void> {
  const { add = [], remove = [] } = change;
  for (let tries = 1; ; tries++) {
    const node = await client.get<Node>(NODES, name, { signal });
    const current = node.spec?.taints ?? [];
    const missing = add.filter((t) => !current.some((c) => sameTaint(c, t) && (c.value ?? '') === (t.value ?? '')));
    const kept = current.filter((c) => !remove.some((r) => sameTaint(r, c)) && !missing.some((m) => sameTaint(m, c)));
    if (missing.length === 0 && kept.length === current.length) return;
    try {
      // spec.taints is an atomic list: the resourceVersion in the patch keeps two writers from losing each other's taints.
      const patch = {
        metadata: { resourceVersion: node.metadata.resourceVersion },
        spec: { taints: [...kept, ...missing] },
      };
      await client.patch(NODES, name, 'strategic', patch, { signal });
      return;
    } catch (err) {
      if (!isConflict(err) || tries >= TRIES) throw err;
    }
  }
}
