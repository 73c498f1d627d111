/**
 * What the proxy has to know of each port of each service: where it is reached and which endpoints take the traffic. Pure.
 * Upstream: pkg/proxy/{servicechangetracker,endpointslicecache,topology}.go
 */
import type { Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';

export interface Backend {
  ip: string;
  port: number;
}

export interface ServicePort {
  /** `namespace/name:port` as upstream prints it. */
  name: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  /** Addresses on which the service's own port is reached: cluster IPs, external IPs, load balancer IPs. */
  clusterIPs: string[];
  externalIPs: string[];
  port: number;
  /** 0 when it has none. */
  nodePort: number;
  /** Seconds a client stays with its endpoint; 0 without affinity. */
  affinitySeconds: number;
  /** For traffic to the cluster IP. */
  internal: Backend[];
  /** For traffic from outside (node port, external IPs). */
  external: Backend[];
  /** Outside traffic keeps its source address and stays on this node. */
  externalLocal: boolean;
}

interface Candidate extends Backend {
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  local: boolean;
}

const PROTOCOLS = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

/** The ports of one service; none for headless services, ExternalName, and services another proxy takes care of. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[], nodeName: string): ServicePort[] {
  const { spec, metadata } = service;
  if (!spec?.clusterIP || spec.clusterIP === 'None' || spec.type === 'ExternalName') return [];
  if (metadata.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined) return [];
  const ingress = (service.status?.loadBalancer?.ingress ?? []).flatMap((i) =>
    i.ip && i.ipMode !== 'Proxy' ? [i.ip] : [],
  );
  const isIPv4 = (ip: string) => !ip.includes(':');
  return (spec.ports ?? []).map((p) => {
    const all = candidates(slices, p.name ?? '', p.protocol ?? 'TCP', nodeName);
    const affinity =
      spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0;
    const externalLocal = spec.externalTrafficPolicy === 'Local';
    return {
      name: `${metadata.namespace}/${metadata.name}${p.name ? `:${p.name}` : ''}`,
      protocol: PROTOCOLS[(p.protocol ?? 'TCP') as keyof typeof PROTOCOLS],
      clusterIPs: (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter(isIPv4),
      externalIPs: [...(spec.externalIPs ?? []), ...ingress].filter(isIPv4),
      port: p.port,
      nodePort: p.nodePort ?? 0,
      affinitySeconds: affinity,
      internal: usable(spec.internalTrafficPolicy === 'Local' ? all.filter((c) => c.local) : all),
      external: usable(externalLocal ? all.filter((c) => c.local) : all),
      externalLocal,
    };
  });
}

function candidates(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: string,
  nodeName: string,
): Candidate[] {
  const seen = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    for (const p of slice.ports ?? []) {
      if ((p.name ?? '') !== portName || (p.protocol ?? 'TCP') !== protocol || p.port === undefined) continue;
      for (const e of slice.endpoints ?? []) {
        const ip = e.addresses[0];
        if (ip === undefined) continue;
        const ready = e.conditions?.ready ?? true;
        seen.set(`${ip}:${p.port}`, {
          ip,
          port: p.port,
          ready,
          serving: e.conditions?.serving ?? ready,
          terminating: e.conditions?.terminating ?? false,
          local: e.nodeName === nodeName,
        });
      }
    }
  }
  return [...seen.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

/** Ready endpoints; when there are none, those that still serve while they end. */
function usable(all: readonly Candidate[]): Backend[] {
  const ready = all.filter((c) => c.ready);
  const chosen = ready.length > 0 ? ready : all.filter((c) => c.serving && c.terminating);
  return chosen.map(({ ip, port }) => ({ ip, port }));
}
