/**
 * The EndpointSlices that mirror a hand-written Endpoints object: one for each set of ports and address family. Pure.
 * Upstream: pkg/controller/endpointslicemirroring/{reconciler,reconciler_helpers,utils}.go
 */
import { isIP } from 'node:net';
import type { EndpointAddress, Endpoints, EndpointPort as EndpointsPort } from '../../api/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery-v1.ts';
import { ENDPOINTS } from '../../client/resources.ts';
import { MANAGED_BY, SERVICE_NAME } from '../endpointslice/plan.ts';
import { controllerRefTo } from '../owners.ts';
import { semanticEqual } from '../semantic-equal.ts';

export const MIRROR_MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const NOT_MIRRORED = new Set([
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

type Family = 'IPv4' | 'IPv6';

export interface MirrorPlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
  /** Addresses left out because they are no IP addresses. */
  invalid: number;
  /** Addresses left out for any reason. */
  skipped: number;
}

/** Objects that elect leaders, and those whose owner asked, are not mirrored. */
export function shouldMirror(endpoints: Endpoints): boolean {
  return endpoints.metadata.labels?.[SKIP_MIRROR] !== 'true' && endpoints.metadata.annotations?.[LEADER] === undefined;
}

interface Group {
  family: Family;
  ports: EndpointPort[];
  /** By address and target, as two entries of one address are one endpoint. */
  endpoints: Map<string, Endpoint>;
}

export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[], max: number): MirrorPlan {
  const plan: MirrorPlan = { create: [], update: [], delete: [], invalid: 0, skipped: 0 };
  const groups = desiredGroups(endpoints, max, plan);
  const slices = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const key = keyOf(slice.addressType as Family, slice.ports ?? []);
    slices.set(key, [...(slices.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const [first, ...rest] = slices.get(key) ?? [];
    slices.delete(key);
    if (group.endpoints.size === 0) {
      if (first !== undefined) plan.delete.push(first, ...rest);
      continue;
    }
    plan.delete.push(...rest);
    if (first !== undefined && mirrors(first, endpoints, group)) continue;
    (first === undefined ? plan.create : plan.update).push(sliceOf(endpoints, group, first));
  }
  for (const gone of slices.values()) plan.delete.push(...gone);
  recycle(plan);
  return plan;
}

function desiredGroups(endpoints: Endpoints, max: number, plan: MirrorPlan): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(slicePort);
    const group = (family: Family): Group => {
      const key = keyOf(family, ports);
      let g = groups.get(key);
      if (g === undefined) {
        g = { family, ports, endpoints: new Map() };
        groups.set(key, g);
      }
      return g;
    };
    const families = { IPv4: group('IPv4'), IPv6: group('IPv6') };
    let added = 0;
    const add = (address: EndpointAddress, ready: boolean): void => {
      const version = isIP(address.ip);
      if (version === 0 || added >= max) {
        plan.skipped++;
        if (version === 0) plan.invalid++;
        return;
      }
      added++;
      const { endpoints: into } = families[version === 4 ? 'IPv4' : 'IPv6'];
      const key = `${address.ip} ${address.targetRef?.uid ?? ''}`;
      if (!into.has(key)) into.set(key, endpointOf(address, ready));
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  return groups;
}

function slicePort(port: EndpointsPort): EndpointPort {
  return {
    name: port.name ?? '',
    port: port.port,
    protocol: port.protocol ?? 'TCP',
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  };
}

function endpointOf(address: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [address.ip],
    conditions: { ready },
    ...(address.hostname ? { hostname: address.hostname } : {}),
    ...(address.targetRef === undefined ? {} : { targetRef: address.targetRef }),
    ...(address.nodeName === undefined ? {} : { nodeName: address.nodeName }),
  };
}

/** Ports in any order are the same ports. */
function keyOf(family: Family, ports: readonly EndpointPort[]): string {
  const each = ports.map((p) =>
    JSON.stringify([p.name ?? '', p.protocol ?? '', p.port ?? null, p.appProtocol ?? null]),
  );
  return `${family} ${each.sort().join()}`;
}

function withoutKeys(map: Record<string, string> | undefined, without: (key: string) => boolean) {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !without(key)));
}

/** Does the slice already say what the Endpoints say? */
function mirrors(slice: EndpointSlice, endpoints: Endpoints, group: Group): boolean {
  const { metadata } = endpoints;
  const isManagement = (key: string): boolean => key === MANAGED_BY || key === SERVICE_NAME;
  if (!semanticEqual(withoutKeys(slice.metadata.labels, isManagement), metadata.labels ?? {})) return false;
  const annotations = withoutKeys(metadata.annotations, (key) => NOT_MIRRORED.has(key));
  if (!semanticEqual(annotations, slice.metadata.annotations ?? {})) return false;
  // The Endpoints were deleted and made again: the slice's owner is the one that is gone.
  const owners = slice.metadata.ownerReferences ?? [];
  if (owners.some((o) => o.kind === 'Endpoints' && o.name === metadata.name && o.uid !== metadata.uid)) return false;
  const have = new Map((slice.endpoints ?? []).map((e) => [`${e.addresses[0]} ${e.targetRef?.uid ?? ''}`, e]));
  if (have.size !== group.endpoints.size) return false;
  return [...group.endpoints].every(([key, endpoint]) => semanticEqual(have.get(key), endpoint));
}

function sliceOf(endpoints: Endpoints, group: Group, over: EndpointSlice | undefined): EndpointSlice {
  const { name, namespace, labels, annotations } = endpoints.metadata;
  const prefix = `${name}-`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(over === undefined
        ? { generateName: prefix.length > 253 ? name! : prefix }
        : { name: over.metadata.name!, resourceVersion: over.metadata.resourceVersion! }),
      namespace: namespace!,
      labels: { ...labels, [SERVICE_NAME]: name!, [MANAGED_BY]: MIRROR_MANAGER },
      annotations: withoutKeys(annotations, (key) => NOT_MIRRORED.has(key)),
      ownerReferences: [controllerRefTo(endpoints, ENDPOINTS)],
    },
    addressType: group.family,
    endpoints: [...group.endpoints.values()],
    ports: group.ports,
  };
}

/** A slice that would be deleted is written over by one that would be created. */
function recycle(plan: MirrorPlan): void {
  plan.create = plan.create.filter((slice) => {
    const at = plan.delete.findIndex((gone) => gone.addressType === slice.addressType);
    if (at === -1) return true;
    const [gone] = plan.delete.splice(at, 1);
    const { generateName: _, ...metadata } = slice.metadata;
    const { name, resourceVersion } = gone!.metadata;
    plan.update.push({ ...slice, metadata: { ...metadata, name: name!, resourceVersion: resourceVersion! } });
    return false;
  });
}
