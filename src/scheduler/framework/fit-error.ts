/**
 * Why no node took a pod, in upstream's words: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`
 * Upstream: pkg/scheduler/framework/types.go FitError
 */
import type { Status } from './status.ts';

export interface Diagnosis {
  numAllNodes: number;
  /** By node name. */
  rejected: ReadonlyMap<string, Status>;
  /** Reason of a preFilter that rejected all nodes at once. */
  preFilterMessage: string;
  postFilterMessage: string;
  /** Plugins that rejected the pod: their events may unblock it. */
  unschedulablePlugins: ReadonlySet<string>;
}

export function fitErrorMessage(d: Diagnosis): string {
  let message = `0/${d.numAllNodes} nodes are available:`;
  if (d.preFilterMessage !== '') message += ` ${d.preFilterMessage}.`;
  else {
    const reasons = new Map<string, number>();
    for (const status of d.rejected.values()) for (const r of status.reasons) reasons.set(r, (reasons.get(r) ?? 0) + 1);
    const list = [...reasons].map(([reason, n]) => `${n} ${reason}`).sort();
    if (list.length > 0) message += ` ${list.join(', ')}.`;
  }
  return d.postFilterMessage === '' ? message : `${message} ${d.postFilterMessage}`;
}
