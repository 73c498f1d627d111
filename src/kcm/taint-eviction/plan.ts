/** When a pod must leave a tainted node. Pure. Upstream: pkg/controller/tainteviction */
import type { Node, Taint, Toleration } from '../../api/core-v1.ts';
import { matchingTolerations } from '../taints.ts';

export function noExecuteTaints(node: Node | undefined): Taint[] {
  return (node?.spec?.taints ?? []).filter((t) => t.effect === 'NoExecute');
}

/** Milliseconds the pod may stay, counted from when it first had to leave; `never` when it may stay for good. */
export function toleratedFor(taints: readonly Taint[], tolerations: readonly Toleration[]): number | 'never' {
  if (taints.length === 0) return 'never';
  const used = matchingTolerations(taints, tolerations);
  if (!used) return 0;
  const seconds = used.map((t) => t.tolerationSeconds).filter((s) => s !== undefined);
  if (seconds.length === 0) return 'never';
  return Math.max(0, Math.min(...seconds)) * 1000;
}
