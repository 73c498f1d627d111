/**
 * What each kind of object counts for in a ResourceQuota. Shared by the admission plugin, which refuses, and the controller, which counts.
 * Upstream: pkg/quota/v1/evaluator/core, apiserver/pkg/quota/v1/generic/evaluator.go
 */

import type { GroupResource } from '../errors/status-error.ts';
import { groupResourceString } from '../errors/status-error.ts';
import type { KubeObject } from '../meta/object.ts';
import { cmpQuantity, newQuantity, parseQuantity, type Quantity, roundUpQuantity } from '../quantity/quantity.ts';
import { type Evaluator, ONE, type ResourceQuota, type ScopeRequirement, scopeSelects } from './evaluator.ts';
import { podEvaluator } from './pod-evaluator.ts';
import { parseQuantities } from './quantities.ts';

/** Never counted. */
const IGNORED = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.events.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'selfsubjectreviews.authentication.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
]);
const ALIASES = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

const evaluators = new Map<string, Evaluator>();

/** The evaluator of a resource; undefined where nothing is counted. */
export function evaluatorFor(resource: GroupResource): Evaluator | undefined {
  const key = groupResourceString(resource);
  if (IGNORED.has(key)) return undefined;
  let evaluator = evaluators.get(key);
  if (evaluator === undefined) {
    evaluator = makeEvaluator(resource, key);
    evaluators.set(key, evaluator);
  }
  return evaluator;
}

function makeEvaluator(resource: GroupResource, key: string): Evaluator {
  switch (key) {
    case 'pods':
      return podEvaluator;
    case 'services':
      return serviceEvaluator;
    case 'persistentvolumeclaims':
      return claimEvaluator;
    default:
      return countEvaluator(resource, ALIASES.has(key) ? key : undefined);
  }
}

/** A quota's scopes in one form. */
export function scopesOf(quota: ResourceQuota): ScopeRequirement[] {
  const named = (quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...named, ...(quota.spec?.scopeSelector?.matchExpressions ?? [])];
}

/** Does the quota count objects like this one? `hard` are the names it limits. */
export function quotaMatches(
  evaluator: Evaluator,
  quota: ResourceQuota,
  hard: readonly string[],
  object: KubeObject,
): boolean {
  return (
    evaluator.matchingResources(hard).length > 0 && scopesOf(quota).every((s) => evaluator.matchesScope(s, object))
  );
}

function countEvaluator(resource: GroupResource, alias: string | undefined): Evaluator {
  const names = [`count/${groupResourceString(resource)}`, ...(alias ? [alias] : [])];
  const usage = Object.fromEntries(names.map((n) => [n, ONE]));
  return {
    resource,
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    matchingResources: (input) => input.filter((n) => names.includes(n)),
    matchesScope: () => false,
    missing: () => undefined,
    usage: () => usage,
  };
}

interface Service extends KubeObject {
  spec?: { type?: string; allocateLoadBalancerNodePorts?: boolean; ports?: { nodePort?: number }[] };
}

const SERVICE_RESOURCES = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

const serviceEvaluator: Evaluator = {
  resource: { group: '', resource: 'services' },
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matchingResources: (input) => input.filter((n) => SERVICE_RESOURCES.includes(n)),
  matchesScope: () => false,
  missing: () => undefined,
  usage(object) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = (object as Service).spec ?? {};
    const isBalanced = type === 'LoadBalancer';
    let nodePorts = 0;
    if (type === 'NodePort' || (isBalanced && allocateLoadBalancerNodePorts !== false)) nodePorts = ports.length;
    else if (isBalanced) nodePorts = ports.filter((p) => p.nodePort).length;
    return {
      'count/services': ONE,
      services: ONE,
      'services.nodeports': newQuantity(nodePorts, 'DecimalSI'),
      'services.loadbalancers': newQuantity(isBalanced ? 1 : 0, 'DecimalSI'),
    };
  },
};

interface Claim extends KubeObject {
  spec?: {
    storageClassName?: string;
    volumeAttributesClassName?: string;
    resources?: { requests?: Record<string, string> };
  };
  status?: {
    allocatedResources?: Record<string, string>;
    currentVolumeAttributesClassName?: string;
    modifyVolumeStatus?: { targetVolumeAttributesClassName?: string };
  };
}

const CLAIM_RESOURCES = ['persistentvolumeclaims', 'requests.storage'];
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';

/** The VolumeAttributesClasses that a claim has, is to have or is on its way to. */
function classesOf({ spec, status }: Claim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names)].filter((n) => n !== undefined && n !== '').sort() as string[];
}

const claimEvaluator: Evaluator = {
  resource: { group: '', resource: 'persistentvolumeclaims' },
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE';
    const counted = (o: KubeObject | undefined) =>
      JSON.stringify([(o as Claim | undefined)?.status?.allocatedResources ?? {}, o ? classesOf(o as Claim) : []]);
    return subresource === 'status' && counted(object) !== counted(oldObject);
  },
  matchingResources: (input) =>
    input.filter(
      (n) =>
        n === 'count/persistentvolumeclaims' || CLAIM_RESOURCES.some((r) => n === r || n.endsWith(CLASS_SUFFIX + r)),
    ),
  matchesScope(scope, object) {
    if (scope.scopeName !== 'VolumeAttributesClass') return false;
    const names = classesOf(object as Claim);
    return names.length === 0 ? scopeSelects(scope, undefined) : names.some((n) => scopeSelects(scope, n));
  },
  missing: () => undefined,
  usage(object) {
    const { spec, status, metadata } = object as Claim;
    const storageClass =
      metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';
    const usage: Record<string, Quantity> = { persistentvolumeclaims: ONE, 'count/persistentvolumeclaims': ONE };
    if (storageClass) usage[`${storageClass}${CLASS_SUFFIX}persistentvolumeclaims`] = ONE;
    const asked = spec?.resources?.requests?.storage;
    if (asked === undefined) return usage;
    const allocated = parseQuantities(status?.allocatedResources).storage;
    const request = roundUpQuantity(parseQuantity(asked), 0);
    const storage = allocated && cmpQuantity(allocated, request) > 0 ? roundUpQuantity(allocated, 0) : request;
    usage['requests.storage'] = storage;
    if (storageClass) usage[`${storageClass}${CLASS_SUFFIX}requests.storage`] = storage;
    return usage;
  },
};
