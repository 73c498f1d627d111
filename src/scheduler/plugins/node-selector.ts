/** Nodes a pod names in its node affinity. Matching itself: machinery/pods/node-selector.ts */
import type { Pod } from '../../api/core-v1.ts';

/**
 * The nodes a pod names outright by `metadata.name In [...]` in every term (daemon pods do); undefined when it does not, so
 * that all must be looked at. An empty set: the terms contradict each other.
 */
export function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const lists = (term.matchFields ?? [])
      .filter((r) => r.key === 'metadata.name' && r.operator === 'In')
      .map((r) => r.values ?? []);
    if (lists.length === 0) return undefined;
    for (const name of lists[0]!) if (lists.every((l) => l.includes(name))) names.add(name);
  }
  return names;
}
