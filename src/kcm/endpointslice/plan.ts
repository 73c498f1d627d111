/**
 * The EndpointSlices a Service should have, as the smallest set of creations, updates and deletions from those it has.
 * Pure. Upstream: k8s.io/endpointslice/reconciler.go
 */
import type { Node, Pod, Service } from '../../api/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery-v1.ts';
import { SERVICES } from '../../client/resources.ts';
import { controllerRefTo } from '../owners.ts';
import { isPodReady } from '../pods.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { findPort, isServiceIPSet, podIPs, shouldPodBeInEndpoints, shouldSetHostname } from '../service-pods.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';
export const MANAGER = 'endpointslice-controller.k8s.io';
const RESERVED = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);
const MAX_PREFIX = 253;

export interface SlicePlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
  /** Pods left out because their node is not known yet: the sync must be tried again. */
  skipped: string[];
}

export interface SliceInput {
  service: Service;
  pods: readonly Pod[];
  existing: readonly EndpointSlice[];
  node(name: string): Node | undefined;
  maxPerSlice: number;
}

type Family = 'IPv4' | 'IPv6';
const isIPv6 = (ip: string): boolean => ip.includes(':');

/** Address types of a Service; all, when an old server has not said. */
export function addressTypes(service: Service): Family[] {
  const families = (service.spec?.ipFamilies ?? []).filter((f): f is Family => f === 'IPv4' || f === 'IPv6');
  if (families.length > 0) return families;
  if (isServiceIPSet(service)) return [isIPv6(service.spec!.clusterIP!) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

export function planSlices(input: SliceInput): SlicePlan {
  const types = addressTypes(input.service);
  const plan: SlicePlan = { create: [], update: [], delete: [], skipped: [] };
  for (const type of types) {
    const part = planType(
      input,
      type,
      input.existing.filter((s) => s.addressType === type),
    );
    plan.create.push(...part.create);
    plan.update.push(...part.update);
    plan.delete.push(...part.delete);
    plan.skipped.push(...part.skipped);
  }
  plan.delete.push(...input.existing.filter((s) => !types.includes(s.addressType as Family)));
  return plan;
}

function planType(input: SliceInput, type: Family, existing: readonly EndpointSlice[]): SlicePlan {
  const { service } = input;
  const plan: SlicePlan = { create: [], update: [], delete: [], skipped: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    if (!isOwnedBy(slice, service)) plan.delete.push(slice);
    else group(byPorts, portsKey(slice.ports ?? [])).push(slice);
  }

  const desired = new Map<string, { ports: EndpointPort[]; endpoints: Map<string, Endpoint> }>();
  for (const pod of input.pods) {
    if (!shouldPodBeInEndpoints(pod, true)) continue;
    const ports = portsOf(service, pod);
    const key = portsKey(ports);
    let group = desired.get(key);
    if (!group) {
      group = { ports, endpoints: new Map() };
      desired.set(key, group);
    }
    const node = input.node(pod.spec?.nodeName ?? '');
    if (!node && !service.spec?.publishNotReadyAddresses) {
      plan.skipped.push(
        `skipping Pod ${pod.metadata.name} for Service ${service.metadata.namespace}/${service.metadata.name}: Node ${pod.spec?.nodeName ?? ''} Not Found`,
      );
      continue;
    }
    const endpoint = endpointOf(pod, node, service, type);
    if (endpoint.addresses.length > 0) group.endpoints.set(endpointKey(endpoint), endpoint);
  }

  for (const [key, { ports, endpoints }] of desired)
    distribute(input, type, byPorts.get(key) ?? [], ports, endpoints, plan);
  for (const [key, slices] of byPorts) if (!desired.has(key)) plan.delete.push(...slices);

  // A Service always has a slice, empty if need be: consumers can then tell "no endpoints" from "not synced yet".
  if (existing.length === plan.delete.length && plan.create.length === 0) {
    const placeholder = newSlice(service, type, []);
    const only = plan.delete.length === 1 ? plan.delete[0]! : undefined;
    if (only && isSamePlaceholder(only, placeholder)) plan.delete = [];
    else plan.create.push(placeholder);
  }
  reuseDeleted(plan, service);
  return plan;
}

/** An update is cheaper for everybody than a deletion and a creation. */
function reuseDeleted(plan: SlicePlan, service: Service): void {
  plan.delete = plan.delete.filter((doomed) => {
    const slice = plan.create.at(-1);
    if (!slice || doomed.addressType !== slice.addressType || !isOwnedBy(doomed, service)) return true;
    plan.create.pop();
    const { generateName: _, ...metadata } = slice.metadata;
    plan.update.push({ ...slice, metadata: { ...metadata, name: doomed.metadata.name! } });
    return false;
  });
}

/** Keeps endpoints where they are, fills changed slices, then at most one unchanged one, then new ones. */
function distribute(
  input: SliceInput,
  type: Family,
  existing: readonly EndpointSlice[],
  ports: EndpointPort[],
  endpoints: Map<string, Endpoint>,
  plan: SlicePlan,
): void {
  const { service, maxPerSlice } = input;
  const left = new Map(endpoints);
  const updates: EndpointSlice[] = [];
  let unchanged: EndpointSlice[] = [];
  for (const slice of existing) {
    const kept: Endpoint[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints ?? []) {
      const key = endpointKey(endpoint);
      const wanted = left.get(key);
      if (!wanted) continue;
      left.delete(key);
      kept.push(wanted);
      changed ||= !sameEndpoint(wanted, endpoint);
    }
    const labels = labelsOf(service);
    const relabelled = !semanticEqual(slice.metadata.labels, labels);
    if (!changed && kept.length === (slice.endpoints ?? []).length) {
      if (relabelled) updates.push({ ...slice, metadata: { ...slice.metadata, labels } });
      else unchanged.push(slice);
    } else if (kept.length === 0) plan.delete.push(slice);
    else updates.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: kept });
  }
  const rest = [...left.values()];
  const fill = (slice: EndpointSlice): EndpointSlice => {
    const room = Math.max(0, maxPerSlice - (slice.endpoints ?? []).length);
    return room === 0 || rest.length === 0
      ? slice
      : { ...slice, endpoints: [...(slice.endpoints ?? []), ...rest.splice(0, room)] };
  };
  updates.sort((a, b) => (b.endpoints ?? []).length - (a.endpoints ?? []).length);
  plan.update.push(...updates.map(fill));
  while (rest.length > 0) {
    const best = rest.length < maxPerSlice ? closestFit(unchanged, rest.length, maxPerSlice) : undefined;
    if (best) {
      unchanged = unchanged.filter((s) => s !== best);
      plan.update.push(fill(best));
    } else plan.create.push(fill(newSlice(service, type, ports)));
  }
}

/** The slice that the endpoints would fill most nearly. */
function closestFit(slices: readonly EndpointSlice[], count: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let bestRoom = max;
  for (const slice of slices) {
    const room = max - count - (slice.endpoints ?? []).length;
    if (room < 0 || room >= bestRoom) continue;
    best = slice;
    bestRoom = room;
  }
  return best;
}

function group<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (!list) {
    list = [];
    map.set(key, list);
  }
  return list;
}

function portsKey(ports: readonly EndpointPort[]): string {
  return ports
    .map((p) => [p.name ?? '', p.protocol ?? 'TCP', p.port ?? '', p.appProtocol ?? ''].join('/'))
    .sort()
    .join(',');
}
function endpointKey(e: Endpoint): string {
  return [e.addresses.join(','), e.hostname ?? '', e.targetRef?.namespace ?? '', e.targetRef?.name ?? ''].join('|');
}
function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  const { resourceVersion: _a, ...targetA } = a.targetRef ?? {};
  const { resourceVersion: _b, ...targetB } = b.targetRef ?? {};
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    semanticEqual(a.conditions, b.conditions) &&
    semanticEqual(a.hints, b.hints) &&
    semanticEqual(targetA, targetB)
  );
}
function isOwnedBy(slice: EndpointSlice, service: Service): boolean {
  return (
    slice.metadata.ownerReferences?.some(
      (o) => o.uid === service.metadata.uid && o.kind === 'Service' && o.apiVersion === 'v1',
    ) ?? false
  );
}
function isSamePlaceholder(slice: EndpointSlice, placeholder: EndpointSlice): boolean {
  return (
    slice.metadata.namespace === placeholder.metadata.namespace &&
    semanticEqual(slice.metadata.labels, placeholder.metadata.labels) &&
    semanticEqual(slice.endpoints, placeholder.endpoints) &&
    semanticEqual(slice.ports, placeholder.ports)
  );
}

function labelsOf(service: Service): Record<string, string> {
  const own = Object.entries(service.metadata.labels ?? {}).filter(([k]) => !RESERVED.has(k));
  return {
    ...Object.fromEntries(own),
    ...(isServiceIPSet(service) ? {} : { [HEADLESS]: '' }),
    [SERVICE_NAME]: service.metadata.name!,
    [MANAGED_BY]: MANAGER,
  };
}

function newSlice(service: Service, addressType: Family, ports: EndpointPort[]): EndpointSlice {
  const prefix = `${service.metadata.name}-`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: prefix.length > MAX_PREFIX ? service.metadata.name! : prefix,
      namespace: service.metadata.namespace!,
      labels: labelsOf(service),
      ownerReferences: [controllerRefTo(service, SERVICES)],
    },
    addressType,
    endpoints: [],
    ports,
  };
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const p of service.spec?.ports ?? []) {
    const port = findPort(pod, p);
    if (port === undefined) continue;
    ports.push({
      name: p.name ?? '',
      port,
      protocol: p.protocol ?? 'TCP',
      ...(p.appProtocol ? { appProtocol: p.appProtocol } : {}),
    });
  }
  return ports;
}

function endpointOf(pod: Pod, node: Node | undefined, service: Service, type: Family): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = !!service.spec?.publishNotReadyAddresses || (serving && !terminating);
  const nodeName = pod.spec?.nodeName;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const hints = ready ? hintsOf(service, zone, nodeName) : undefined;
  return {
    addresses: podIPs(pod).filter((ip) => isIPv6(ip) === (type === 'IPv6')),
    conditions: { ready, serving, terminating },
    ...(shouldSetHostname(pod, service) ? { hostname: pod.spec!.hostname! } : {}),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

/** Hints of `spec.trafficDistribution`: the endpoint is for its own zone, and for its own node where that is asked for. */
function hintsOf(service: Service, zone: string | undefined, nodeName: string | undefined): Endpoint['hints'] {
  const wish = service.spec?.trafficDistribution;
  if (wish !== 'PreferClose' && wish !== 'PreferSameZone' && wish !== 'PreferSameNode') return undefined;
  const forNodes = wish === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {};
  return zone || forNodes.forNodes ? { ...(zone ? { forZones: [{ name: zone }] } : {}), ...forNodes } : undefined;
}
