/** Labels a kubelet may not set on its own node. Upstream: noderestriction getForbiddenLabels, kubelet/pkg/apis/well_known_labels.go */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const KUBELET_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED = 'node-restriction.kubernetes.io';

type Labels = Record<string, string> | undefined;

/** Those that differ and are not the kubelet's, sorted. */
export function forbiddenLabels(next: Labels = {}, old: Labels = {}): string[] {
  const changed = [...new Set([...Object.keys(next), ...Object.keys(old)])].filter((k) => next[k] !== old[k]);
  return changed.filter(isForbidden).sort();
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/');
  const namespace = slash < 0 ? '' : label.slice(0, slash);
  const isUnder = (domain: string) => namespace === domain || namespace.endsWith(`.${domain}`);
  if (isUnder(RESTRICTED)) return true;
  return (
    (isUnder('kubernetes.io') || isUnder('k8s.io')) && !KUBELET_LABELS.has(label) && !KUBELET_NAMESPACES.some(isUnder)
  );
}
