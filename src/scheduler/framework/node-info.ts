/**
 * What the scheduler knows of a node: the object, the pods on it, and sums kept as pods come and go. Everything a filter needs is
 * a number here; quantities are parsed once, when an object enters the cache. Upstream: pkg/scheduler/framework/types.go NodeInfo
 */
import type { Node, Pod } from '../../api/core-v1.ts';
import { podRequests, type ResourceAmounts, resourceAmounts } from '../../machinery/pods/pod-resources.ts';

/** Requests assumed for a container that names none, for scoring only. Upstream: util/pod_resources.go */
const DEFAULT_CPU_REQUEST = 100;
const DEFAULT_MEMORY_REQUEST = 200 * 1024 * 1024;

export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

/** A pod with what scheduling needs of it worked out once. Immutable. */
export interface PodInfo {
  readonly pod: Pod;
  readonly key: string;
  readonly uid: string;
  readonly requests: ResourceAmounts;
  /** cpu (millicores) and memory (bytes) with the defaults for containers without requests. */
  readonly nonZeroCpu: number;
  readonly nonZeroMemory: number;
  readonly hostPorts: readonly HostPort[];
  readonly priority: number;
}

export function podInfo(pod: Pod): PodInfo {
  const spec = pod.spec;
  const requests = podRequests(spec ?? {});
  const containers = spec?.containers ?? [];
  const missing = (name: string) =>
    spec?.resources?.requests?.[name] !== undefined
      ? 0
      : containers.filter((c) => c.resources?.requests?.[name] === undefined).length;
  return {
    pod,
    key: `${pod.metadata.namespace}/${pod.metadata.name}`,
    uid: pod.metadata.uid ?? '',
    requests,
    nonZeroCpu: (requests.cpu ?? 0) + missing('cpu') * DEFAULT_CPU_REQUEST,
    nonZeroMemory: (requests.memory ?? 0) + missing('memory') * DEFAULT_MEMORY_REQUEST,
    hostPorts: hostPorts(pod),
    priority: spec?.priority ?? 0,
  };
}

function hostPorts(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((c) =>
    (c.ports ?? [])
      .filter((p) => (p.hostPort ?? 0) > 0)
      .map((p) => ({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol ?? 'TCP', port: p.hostPort ?? 0 })),
  );
}

export class NodeInfo {
  readonly name: string;
  /** Undefined while pods are known to be on a node that is not (or no longer) known itself. */
  node: Node | undefined;
  readonly pods = new Map<string, PodInfo>();
  /** Sums over `pods`. */
  readonly requested: ResourceAmounts = {};
  nonZeroCpu = 0;
  nonZeroMemory = 0;
  allocatable: ResourceAmounts = {};
  /** Image name → size in bytes. */
  images: ReadonlyMap<string, number> = new Map();
  /** `protocol/port` → IPs in use on it, with the number of pods that use each. */
  readonly #ports = new Map<string, Map<string, number>>();

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    this.allocatable = resourceAmounts(node?.status?.allocatable);
    this.images = new Map(
      (node?.status?.images ?? []).flatMap((i) => (i.names ?? []).map((n) => [n, i.sizeBytes ?? 0] as const)),
    );
  }

  addPod(info: PodInfo): void {
    this.pods.set(info.uid, info);
    this.#count(info, 1);
  }

  removePod(uid: string): void {
    const info = this.pods.get(uid);
    if (info === undefined) return;
    this.pods.delete(uid);
    this.#count(info, -1);
  }

  /** True when `want` is taken; 0.0.0.0 takes the port on every address. */
  hasPortConflict(want: HostPort): boolean {
    const ips = this.#ports.get(`${want.protocol}/${want.port}`);
    if (ips === undefined) return false;
    return want.ip === '0.0.0.0' ? ips.size > 0 : ips.has('0.0.0.0') || ips.has(want.ip);
  }

  #count(info: PodInfo, sign: 1 | -1): void {
    for (const name in info.requests) this.requested[name] = (this.requested[name] ?? 0) + sign * info.requests[name]!;
    this.nonZeroCpu += sign * info.nonZeroCpu;
    this.nonZeroMemory += sign * info.nonZeroMemory;
    for (const { ip, protocol, port } of info.hostPorts) {
      const key = `${protocol}/${port}`;
      const ips = this.#ports.get(key) ?? new Map<string, number>();
      const n = (ips.get(ip) ?? 0) + sign;
      if (n > 0) ips.set(ip, n);
      else ips.delete(ip);
      if (ips.size > 0) this.#ports.set(key, ips);
      else this.#ports.delete(key);
    }
  }
}
