/** What a pod counts for in a ResourceQuota. Upstream: pkg/quota/v1/evaluator/core/pods.go */
import type { KubeObject } from '../meta/object.ts';
import { qosClass } from '../pods/pod-resources.ts';
import { newQuantity, type Quantity } from '../quantity/quantity.ts';
import { type Evaluator, type ScopeRequirement, scopeSelects } from './evaluator.ts';
import { add, type PodSpecLike, parseQuantities, podTotal, type Quantities, type ResourceTexts } from './quantities.ts';

interface AffinityTerm {
  namespaces?: string[];
  namespaceSelector?: unknown;
}
interface AffinityTerms {
  requiredDuringSchedulingIgnoredDuringExecution?: AffinityTerm[];
  preferredDuringSchedulingIgnoredDuringExecution?: { podAffinityTerm: AffinityTerm }[];
}
interface Pod extends KubeObject {
  spec: PodSpecLike & {
    activeDeadlineSeconds?: number;
    priorityClassName?: string;
    affinity?: { podAffinity?: AffinityTerms; podAntiAffinity?: AffinityTerms };
  };
  status?: { phase?: string };
}

const ONE: Quantity = newQuantity(1, 'DecimalSI');
const RESOURCES = new Set([
  'count/pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
]);
/** A quota on one of these obliges every container to say what it needs. No more are ever added to this list. */
const OBLIGING = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

export const podEvaluator: Evaluator = {
  resource: { group: '', resource: 'pods' },
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    if (operation === 'UPDATE' && object && oldObject)
      return isTerminating(object as Pod) !== isTerminating(oldObject as Pod);
    return operation === 'CREATE';
  },
  matchingResources: (input) =>
    input.filter(
      (n) =>
        RESOURCES.has(n) || n.startsWith('hugepages-') || n.startsWith('requests.hugepages-') || isExtendedForQuota(n),
    ),
  matchesScope: (scope, object) => matchesScope(scope, object as Pod),
  missing: (required, object) => missing(required, object as Pod),
  usage(object, now) {
    const pod = object as Pod;
    const count = { 'count/pods': ONE };
    if (!isCharged(pod, now)) return count;
    // Deviation: what a running container was given while a resize is under way is not taken into account.
    const requests = podTotal(pod.spec, 'requests', { overhead: true });
    const limits = podTotal(pod.spec, 'limits', { overhead: true });
    return add(count, computeUsage(requests, limits));
  },
};

function isTerminating(pod: Pod): boolean {
  return (pod.spec.activeDeadlineSeconds ?? -1) >= 0;
}

function isCharged({ status, metadata }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  if (metadata.deletionTimestamp === undefined || metadata.deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(metadata.deletionTimestamp) + metadata.deletionGracePeriodSeconds * 1000;
}

function matchesScope(scope: ScopeRequirement, pod: Pod): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return scope.operator === 'Exists'
        ? !!pod.spec.priorityClassName
        : scopeSelects(scope, pod.spec.priorityClassName);
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(pod);
    default:
      return false;
  }
}

function isBestEffort(pod: Pod): boolean {
  return qosClass(pod.spec as Parameters<typeof qosClass>[0]) === 'BestEffort';
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  return [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity].some((terms) =>
    [
      ...(terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => t.podAffinityTerm),
    ].some((t) => !!t.namespaces?.length || t.namespaceSelector !== undefined),
  );
}

function missing(required: readonly string[], pod: Pod): string | undefined {
  if (Object.keys({ ...pod.spec.resources?.requests, ...pod.spec.resources?.limits }).length > 0) return undefined;
  const obliging = required.filter((n) => OBLIGING.has(n)).sort();
  const lines: string[] = [];
  for (const name of new Set(obliging)) {
    const without = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].filter((c) => {
      const usage = computeUsage(parse(c.resources?.requests), parse(c.resources?.limits));
      return usage[name] === undefined;
    });
    if (without.length > 0) lines.push(`${name} for: ${[...new Set(without.map((c) => c.name))].sort().join(',')}`);
  }
  return lines.length === 0 ? undefined : `must specify ${lines.join('; ')}`;
}

function parse(list: ResourceTexts): Quantities {
  return parseQuantities(list);
}

function computeUsage(requests: Quantities, limits: Quantities): Quantities {
  const out: Record<string, Quantity> = { pods: ONE };
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const request = requests[name];
    if (request !== undefined) {
      out[name] = request;
      out[`requests.${name}`] = request;
    }
    if (limits[name] !== undefined) out[`limits.${name}`] = limits[name];
  }
  for (const [name, request] of Object.entries(requests)) {
    if (name.startsWith('hugepages-')) out[name] = request;
    if (name.startsWith('hugepages-') || isExtended(name)) out[`requests.${name}`] = request;
  }
  return out;
}

/** A resource that is not Kubernetes' own: `example.com/gpu`. */
function isExtended(name: string): boolean {
  if (name.startsWith('deviceclass.resource.kubernetes.io/')) return true;
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

function isExtendedForQuota(name: string): boolean {
  return name.startsWith('requests.') && isExtended(name.slice('requests.'.length));
}
