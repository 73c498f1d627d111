/**
 * What a pod asks of a node: container requests summed, init containers as a maximum, sidecars added as they start, pod-level
 * resources and overhead on top. Used by scheduler, kubelet and quota, so that they never disagree.
 * Upstream: component-helpers/resource/helpers.go PodRequests, PodLimits
 */
import { parseQuantity, quantityMilliValue, quantityValue } from '../quantity/quantity.ts';

type ResourceList = Readonly<Record<string, string>>;

interface ContainerLike {
  restartPolicy?: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

export interface PodSpecLike {
  containers?: readonly ContainerLike[];
  initContainers?: readonly ContainerLike[];
  overhead?: ResourceList;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

/** Amounts by resource name: cpu in millicores, everything else in whole units (bytes, pieces). */
export type ResourceAmounts = Record<string, number>;

/** One resource as a number: cpu in millicores, others rounded up to whole units. */
export function resourceAmount(name: string, quantity: string): number {
  const q = parseQuantity(quantity);
  return Number(name === 'cpu' ? quantityMilliValue(q) : quantityValue(q));
}

export function resourceAmounts(list: ResourceList | undefined): ResourceAmounts {
  const out: ResourceAmounts = {};
  for (const [name, q] of Object.entries(list ?? {})) out[name] = resourceAmount(name, q);
  return out;
}

export function podRequests(spec: PodSpecLike): ResourceAmounts {
  return total(spec, (c) => resourceAmounts(c.resources?.requests), spec.resources?.requests);
}

/** Resources that may be set for a pod as a whole. */
const POD_LEVEL = ['cpu', 'memory'];

function total(
  spec: PodSpecLike,
  of: (c: ContainerLike) => ResourceAmounts,
  podLevel: ResourceList | undefined,
): ResourceAmounts {
  const sum: ResourceAmounts = {};
  for (const c of spec.containers ?? []) add(sum, of(c));
  const sidecars: ResourceAmounts = {};
  const initMax: ResourceAmounts = {};
  for (const c of spec.initContainers ?? []) {
    const own = of(c);
    if (c.restartPolicy === 'Always') {
      add(sum, own);
      add(sidecars, own);
      max(initMax, sidecars);
    } else {
      // An ordinary init container runs beside the sidecars that were started before it.
      add(own, sidecars);
      max(initMax, own);
    }
  }
  max(sum, initMax);
  for (const [name, q] of Object.entries(podLevel ?? {})) {
    if (POD_LEVEL.includes(name) || name.startsWith('hugepages-')) sum[name] = resourceAmount(name, q);
  }
  add(sum, resourceAmounts(spec.overhead));
  return sum;
}

function add(to: ResourceAmounts, from: ResourceAmounts): void {
  for (const name in from) to[name] = (to[name] ?? 0) + from[name]!;
}

function max(to: ResourceAmounts, from: ResourceAmounts): void {
  for (const name in from) if (from[name]! > (to[name] ?? 0)) to[name] = from[name]!;
}

/** Upstream's quality-of-service class. Upstream: pkg/apis/core/helper/qos/qos.go ComputePodQOS */
export function qosClass(spec: PodSpecLike): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const parts = spec.resources
    ? [{ resources: spec.resources }]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const requests: ResourceAmounts = {};
  const limits: ResourceAmounts = {};
  let guaranteed = true;
  for (const { resources } of parts) {
    const limited = positive(resources?.limits);
    add(requests, positive(resources?.requests));
    add(limits, limited);
    const none = spec.resources && Object.keys(resources?.limits ?? {}).length === 0;
    if (Object.keys(limited).length < 2 && !none) guaranteed = false;
  }
  const names = Object.keys(requests);
  if (names.length + Object.keys(limits).length === 0) return 'BestEffort';
  if (names.length !== Object.keys(limits).length) guaranteed = false;
  return guaranteed && names.every((name) => requests[name] === limits[name]) ? 'Guaranteed' : 'Burstable';
}

function positive(list: ResourceList | undefined): ResourceAmounts {
  const out: ResourceAmounts = {};
  for (const name of ['cpu', 'memory']) {
    const q = list?.[name];
    if (q !== undefined && resourceAmount(name, q) > 0) out[name] = resourceAmount(name, q);
  }
  return out;
}
