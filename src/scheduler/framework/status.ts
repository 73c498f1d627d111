/**
 * Outcomes of plugins as values. `undefined` stands for Success, so that the filters of a thousand nodes allocate nothing.
 * Upstream: kube-scheduler/framework/interface.go Code, Status
 */

/**
 * - `Error`: something broke; the pod is retried with back-off.
 * - `Unschedulable`: this node (or the cluster) cannot take the pod now; deleting other pods might help.
 * - `UnschedulableAndUnresolvable`: nor would deleting other pods.
 * - `Wait`: Permit wants more time.
 * - `Skip`: the plugin has nothing to do for this pod; its matching later calls are left out.
 * - `Pending`: the pod waits for something outside the scheduler, without back-off.
 */
export type Code = 'Error' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Wait' | 'Skip' | 'Pending';

export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** The plugin that said it; filled in by the framework. */
  readonly plugin?: string;
  readonly cause?: unknown;
}

export const SKIP: Status = { code: 'Skip', reasons: [] };

/** Not now. */
export function unschedulable(...reasons: string[]): Status {
  return { code: 'Unschedulable', reasons };
}

export function unresolvable(...reasons: string[]): Status {
  return { code: 'UnschedulableAndUnresolvable', reasons };
}

export function errorStatus(cause: unknown): Status {
  return { code: 'Error', reasons: [cause instanceof Error ? cause.message : String(cause)], cause };
}

/** True for the three codes that say "not schedulable" rather than "broken". */
export function isRejected(status: Status): boolean {
  return status.code === 'Unschedulable' || status.code === 'UnschedulableAndUnresolvable' || status.code === 'Pending';
}
