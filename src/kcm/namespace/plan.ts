/** Conditions of a namespace that is being deleted. Pure. Upstream: pkg/controller/namespace/deletion/status_condition_utils.go */
import type { NamespaceCondition } from '../../api/core-v1.ts';

/** What is left in one resource after deleting its contents. */
export interface Remaining {
  /** `pods.`, `deployments.apps`: plural, dot, group. */
  resource: string;
  count: number;
  /** How many of them wait for each finalizer. */
  finalizers: ReadonlyMap<string, number>;
}

export interface DeletionOutcome {
  /** Why discovery failed; undefined when it did not. */
  discoveryFailure?: string;
  contentFailures: readonly string[];
  /** Undefined: nothing but pods was looked at yet. */
  remaining: readonly Remaining[] | undefined;
}

const OK: Record<string, { reason: string; message: string }> = {
  NamespaceDeletionDiscoveryFailure: {
    reason: 'ResourcesDiscovered',
    message: 'All resources successfully discovered',
  },
  NamespaceDeletionGroupVersionParsingFailure: {
    reason: 'ParsedGroupVersions',
    message: 'All legacy kube types successfully parsed',
  },
  NamespaceDeletionContentFailure: {
    reason: 'ContentDeleted',
    message: 'All content successfully deleted, may be waiting on finalization',
  },
  NamespaceContentRemaining: { reason: 'ContentRemoved', message: 'All content successfully removed' },
  NamespaceFinalizersRemaining: {
    reason: 'ContentHasNoFinalizers',
    message: 'All content-preserving finalizers finished',
  },
};

/** The new conditions; undefined when they are what they were. */
export function deletionConditions(
  old: readonly NamespaceCondition[],
  outcome: DeletionOutcome,
  now: string,
): NamespaceCondition[] | undefined {
  const problems = problemsOf(outcome);
  let changed = false;
  const next = [...old];
  for (const [type, ok] of Object.entries(OK)) {
    const problem = problems.get(type);
    const wanted: NamespaceCondition = {
      type,
      status: problem ? 'True' : 'False',
      lastTransitionTime: now,
      ...(problem ?? ok),
    };
    const i = next.findIndex((c) => c.type === type);
    const current = next[i];
    if (!current) {
      next.push(wanted);
      changed = true;
    } else if (
      current.status !== wanted.status ||
      current.reason !== wanted.reason ||
      current.message !== wanted.message
    ) {
      const kept =
        current.status === wanted.status && current.lastTransitionTime
          ? { lastTransitionTime: current.lastTransitionTime }
          : {};
      next[i] = { ...wanted, ...kept };
      changed = true;
    }
  }
  return changed ? next : undefined;
}

function problemsOf({
  discoveryFailure,
  contentFailures,
  remaining,
}: DeletionOutcome): Map<string, { reason: string; message: string }> {
  const problems = new Map<string, { reason: string; message: string }>();
  if (discoveryFailure !== undefined)
    problems.set('NamespaceDeletionDiscoveryFailure', { reason: 'DiscoveryFailed', message: discoveryFailure });
  if (contentFailures.length > 0) {
    const message = `Failed to delete all resource types, ${contentFailures.length} remaining: ${[...contentFailures].sort().join(', ')}`;
    problems.set('NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message });
  }
  const left = (remaining ?? []).filter((r) => r.count > 0);
  if (left.length > 0) {
    const parts = left.map((r) => `${r.resource} has ${r.count} resource instances`).sort();
    problems.set('NamespaceContentRemaining', {
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${parts.join(', ')}`,
    });
  }
  const byFinalizer = new Map<string, number>();
  for (const r of left) for (const [f, n] of r.finalizers) byFinalizer.set(f, (byFinalizer.get(f) ?? 0) + n);
  if (byFinalizer.size > 0) {
    const parts = [...byFinalizer].map(([f, n]) => `${f} in ${n} resource instances`).sort();
    const message = `Some content in the namespace has finalizers remaining: ${parts.join(', ')}`;
    problems.set('NamespaceFinalizersRemaining', { reason: 'SomeFinalizersRemain', message });
  }
  return problems;
}
