/** Matching of nodes by nodeSelector and node affinity. Upstream: component-helpers/scheduling/corev1/nodeaffinity */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/core-v1.ts';

export function matchesRequirement(r: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (r.operator) {
    case 'In':
      return value !== undefined && (r.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(r.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !isInteger(value) || !isInteger(r.values?.[0])) return false;
      const diff = BigInt(value) - BigInt(r.values?.[0] ?? '');
      return r.operator === 'Gt' ? diff > 0n : diff < 0n;
    }
    default:
      return false;
  }
}

function isInteger(text: string | undefined): boolean {
  return text !== undefined && /^[+-]?\d+$/.test(text);
}

/** All requirements of a term hold; a term without any matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((r) => matchesRequirement(r, node.metadata.labels?.[r.key])) &&
    fields.every((r) => matchesRequirement(r, r.key === 'metadata.name' ? node.metadata.name : undefined))
  );
}

/** nodeSelector and the required terms of node affinity (any one of them) both hold. */
export function matchesNode(pod: Pod, node: Node): boolean {
  for (const [k, v] of Object.entries(pod.spec?.nodeSelector ?? {})) if (node.metadata.labels?.[k] !== v) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((t) => matchesTerm(t, node));
}

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
