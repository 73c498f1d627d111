/**
 * The subsets of an Endpoints object: addresses grouped by the ports they share, at most 1000. Pure.
 * Upstream: pkg/controller/endpoint, pkg/api/v1/endpoints/util.go
 */
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from '../../api/core-v1.ts';
import { HEADLESS } from '../endpointslice/plan.ts';
import { isPodReady } from '../pods.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { findPort, isServiceIPSet, podIPs, shouldPodBeInEndpoints, shouldSetHostname } from '../service-pods.ts';

export const MAX_CAPACITY = 1000;
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
export const MANAGER = 'endpoint-controller';

const NO_PORT = -1;
const isIPv6 = (ip: string): boolean => ip.includes(':');

export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishNotReady = !!service.spec?.publishNotReadyAddresses;
  const loose: EndpointSubset[] = [];
  for (const pod of pods) {
    if (!shouldPodBeInEndpoints(pod, publishNotReady)) continue;
    const address = addressOf(service, pod);
    if (!address) continue;
    const ready = publishNotReady || isPodReady(pod);
    const add = (ports: EndpointPort[]) =>
      loose.push({ ...(ready ? { addresses: [address] } : { notReadyAddresses: [address] }), ports });
    const servicePorts = service.spec?.ports ?? [];
    if (servicePorts.length === 0 && service.spec?.clusterIP === 'None') add([]);
    for (const p of servicePorts) {
      const port = findPort(pod, p);
      if (port === undefined) continue;
      const named = {
        ...(p.name ? { name: p.name } : {}),
        port,
        protocol: p.protocol ?? 'TCP',
        ...(p.appProtocol ? { appProtocol: p.appProtocol } : {}),
      };
      add([named]);
    }
  }
  return repack(loose);
}

/** The pod's address of the Service's first family; undefined when it has none. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const wantsIPv6 = service.spec?.ipFamilies?.[0]
    ? service.spec.ipFamilies[0] === 'IPv6'
    : isIPv6(service.spec?.clusterIP ?? '');
  const ip = podIPs(pod).find((x) => isIPv6(x) === wantsIPv6);
  if (!ip) return undefined;
  return {
    ip,
    ...(shouldSetHostname(pod, service) ? { hostname: pod.spec!.hostname! } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! },
  };
}

/** The same addresses in as few subsets as possible, in a fixed order. */
export function repack(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const addresses = new Map<string, EndpointAddress>();
  const ports = new Map<string, { port: EndpointPort; ready: Map<string, boolean> }>();
  for (const subset of subsets) {
    for (const port of subset.ports?.length ? subset.ports : [{ port: NO_PORT }]) {
      const portKey = JSON.stringify([port.name ?? '', port.protocol ?? 'TCP', port.port, port.appProtocol ?? '']);
      let entry = ports.get(portKey);
      if (!entry) {
        entry = { port, ready: new Map() };
        ports.set(portKey, entry);
      }
      const add = (address: EndpointAddress, ready: boolean) => {
        const key = `${address.ip}|${address.targetRef?.uid ?? ''}`;
        if (!addresses.has(key)) addresses.set(key, address);
        // Not ready anywhere is not ready.
        entry.ready.set(key, (entry.ready.get(key) ?? true) && ready);
      };
      for (const a of subset.addresses ?? []) add(a, true);
      for (const a of subset.notReadyAddresses ?? []) add(a, false);
    }
  }
  const bySet = new Map<string, { ready: Map<string, boolean>; ports: EndpointPort[] }>();
  for (const { port, ready } of ports.values()) {
    const key = [...ready]
      .map(([a, r]) => `${a}=${r}`)
      .sort()
      .join(',');
    const entry = bySet.get(key) ?? { ready, ports: [] };
    if (port.port !== NO_PORT) entry.ports.push(port);
    bySet.set(key, entry);
  }
  const packed = [...bySet.values()].map(({ ready, ports }): EndpointSubset => {
    const pick = (wanted: boolean) =>
      [...ready]
        .filter(([, r]) => r === wanted)
        .map(([k]) => addresses.get(k)!)
        .sort(byAddress);
    const up = pick(true);
    const down = pick(false);
    return {
      ...(up.length ? { addresses: up } : {}),
      ...(down.length ? { notReadyAddresses: down } : {}),
      ...(ports.length ? { ports: ports.sort(byPort) } : {}),
    };
  });
  return packed.sort((a, b) => (JSON.stringify(a.ports ?? []) < JSON.stringify(b.ports ?? []) ? -1 : 1));
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}
function byPort(a: EndpointPort, b: EndpointPort): number {
  return a.port - b.port || ((a.name ?? '') < (b.name ?? '') ? -1 : 1);
}

/** Cuts what is beyond the capacity, in proportion over the subsets; not-ready addresses go first. */
export function truncate(subsets: readonly EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (key: 'addresses' | 'notReadyAddresses') => subsets.reduce((n, s) => n + (s[key]?.length ?? 0), 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= MAX_CAPACITY) return { subsets: [...subsets], truncated: false };
  const cutReady = ready > MAX_CAPACITY;
  const key = cutReady ? 'addresses' : 'notReadyAddresses';
  const room = cutReady ? MAX_CAPACITY : MAX_CAPACITY - ready;
  const total = cutReady ? ready : notReady;
  let left = room;
  const cut = subsets.map((s): EndpointSubset => {
    const take = Math.min(left, Math.ceil(((s[key]?.length ?? 0) / total) * room));
    left -= Math.min(take, s[key]?.length ?? 0);
    const { notReadyAddresses, ...rest } = s;
    return cutReady
      ? { ...rest, addresses: (s.addresses ?? []).slice(0, take) }
      : { ...rest, notReadyAddresses: (notReadyAddresses ?? []).slice(0, take) };
  });
  return { subsets: cut, truncated: true };
}

export function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS]: _, ...labels } = service.metadata.labels ?? {};
  return { ...labels, ...(isServiceIPSet(service) ? {} : { [HEADLESS]: '' }), [MANAGED_BY]: MANAGER };
}

export function sameSubsets(a: readonly EndpointSubset[], b: readonly EndpointSubset[]): boolean {
  return (
    semanticEqual(withoutVersions(a), withoutVersions(b)) ||
    semanticEqual(withoutVersions(repack(a)), withoutVersions(b))
  );
}

function withoutVersions(subsets: readonly EndpointSubset[]): unknown {
  return JSON.parse(
    JSON.stringify(subsets, (key, value: unknown) => (key === 'resourceVersion' ? undefined : value)),
  ) as unknown;
}
