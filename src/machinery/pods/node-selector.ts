/**
 * Matching of nodes by nodeSelector and node affinity. Used by scheduler, controllers and kubelet, so that they never disagree.
 * Upstream: component-helpers/scheduling/corev1/nodeaffinity
 */
export interface NodeRequirement {
  key: string;
  operator: string;
  values?: readonly string[];
}

export interface NodeTerm {
  matchExpressions?: readonly NodeRequirement[];
  matchFields?: readonly NodeRequirement[];
}

export interface NodeLike {
  metadata: { name?: string; labels?: Readonly<Record<string, string>> };
}

export interface NodeSelectingSpec {
  nodeSelector?: Readonly<Record<string, string>>;
  affinity?: {
    nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: readonly NodeTerm[] } };
  };
}

export function matchesRequirement(r: NodeRequirement, value: string | undefined): boolean {
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
export function matchesTerm(term: NodeTerm, node: NodeLike): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((r) => matchesRequirement(r, node.metadata.labels?.[r.key])) &&
    fields.every((r) => matchesRequirement(r, r.key === 'metadata.name' ? node.metadata.name : undefined))
  );
}

/** nodeSelector and the required terms of node affinity (any one of them) both hold. */
export function matchesNode(pod: { spec?: NodeSelectingSpec }, node: NodeLike): boolean {
  for (const [k, v] of Object.entries(pod.spec?.nodeSelector ?? {})) if (node.metadata.labels?.[k] !== v) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((t) => matchesTerm(t, node));
}
