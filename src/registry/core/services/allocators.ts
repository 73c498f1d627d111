/**
 * Cluster IPs and node ports of all services. The stored services are the truth: `load` rebuilds what is taken from them at
 * start, `repair` compares again later. One instance per API server, made before it serves.
 * Upstream: pkg/registry/core/service/storage/alloc.go, ipallocator/controller, portallocator/controller
 */
import type { Service, ServiceSpec } from '../../../api/core-v1.ts';
import type { IPAddress, ServiceCIDR } from '../../../api/networking-v1.ts';
import { type Random, systemRandom } from '../../../base/random.ts';
import { internalError, invalid, isAlreadyExists, isNotFound } from '../../../machinery/errors/status-error.ts';
import { invalidField, Path } from '../../../machinery/validation/field-error.ts';
import type { Transaction } from '../../generic/strategy.ts';
import { type IPFamily, ipFamily } from '../../validation/ip.ts';
import { needsHealthCheck } from './defaults.ts';
import { AllocationError, firstServiceIP, IPAllocator } from './ip-allocator.ts';
import { type Families, isUnchangedPreferDualStack } from './ip-families.ts';
import { PortAllocator, PortOperation, type PortRange } from './port-allocator.ts';

/** Where IPAddress objects are kept; with several API servers on one store, creating one is what decides a race. */
export interface AddressBook {
  create(address: IPAddress): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface ServiceAllocatorsOptions {
  /** `--service-cluster-ip-range`, first the primary family. */
  clusterCIDRs: readonly string[];
  /** `--service-node-port-range`; 30000-32767 when absent. */
  nodePorts?: PortRange;
  listServices(): Promise<readonly Service[]> | readonly Service[];
  addresses?: AddressBook;
  random?: Random;
}

type Taken = { family: IPFamily; ip: string }[];

const IPS = Path.root('spec', 'clusterIPs');

export class ServiceAllocators implements Families {
  readonly apiServerServiceIP: string;
  readonly primary: IPFamily;
  readonly #options: ServiceAllocatorsOptions;
  readonly #ips = new Map<IPFamily, IPAllocator>();
  readonly #ports: PortAllocator;
  /** What the last repair found without an owner: released when the next finds it again. */
  #suspects = new Set<string>();

  constructor(options: ServiceAllocatorsOptions) {
    this.#options = options;
    const random = options.random ?? systemRandom;
    for (const cidr of options.clusterCIDRs) {
      const allocator = new IPAllocator(cidr, random);
      if (this.#ips.has(allocator.family))
        throw new Error('service cluster IP ranges must be of different IP families');
      this.#ips.set(allocator.family, allocator);
    }
    const first = options.clusterCIDRs[0];
    if (first === undefined) throw new Error('at least one service cluster IP range is required');
    this.primary = this.#ips.keys().next().value as IPFamily;
    this.apiServerServiceIP = firstServiceIP(first);
    this.#ports = new PortAllocator(options.nodePorts ?? { base: 30000, size: 2768 }, random);
  }

  get count(): number {
    return this.#ips.size;
  }
  has(family: IPFamily): boolean {
    return this.#ips.has(family);
  }
  /** The `kubernetes` ServiceCIDR that upstream keeps for the configured ranges. */
  defaultServiceCIDR(): ServiceCIDR {
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: [...this.#options.clusterCIDRs] },
    };
  }

  /** Takes what the stored services have. Call before serving; may be called again. */
  async load(): Promise<void> {
    for (const service of await this.#options.listServices()) {
      for (const { family, ip } of addressesOf(service.spec)) this.#ips.get(family)?.mark(ip);
      for (const port of portsOf(service.spec)) if (this.#ports.contains(port)) this.#ports.mark(port);
    }
  }

  /** Compares with the stored services; returns what is wrong, one line each. Leaks go when seen twice. */
  async repair(): Promise<string[]> {
    const lines: string[] = [];
    const owners = new Map<string, string>();
    const own = (key: string, service: Service, what: string) => {
      const name = `${service.metadata.namespace}/${service.metadata.name}`;
      const first = owners.get(key);
      if (first !== undefined && first !== name)
        lines.push(`the ${what} of service ${name} was assigned to ${first}; please recreate`);
      else owners.set(key, name);
    };
    for (const service of await this.#options.listServices()) {
      for (const { family, ip } of addressesOf(service.spec)) {
        own(ip, service, `cluster IP ${ip}`);
        if (this.#ips.get(family)?.mark(ip)) lines.push(`the cluster IP ${ip} was not allocated; repairing`);
      }
      for (const port of new Set(portsOf(service.spec))) {
        own(String(port), service, `node port ${port}`);
        if (this.#ports.contains(port) && this.#ports.mark(port))
          lines.push(`the node port ${port} was not allocated; repairing`);
      }
    }
    const leaked = new Set<string>();
    const check = (key: string, release: () => void) => {
      if (owners.has(key)) return;
      if (!this.#suspects.has(key)) {
        leaked.add(key);
        return;
      }
      release();
      lines.push(`${key} appears to have leaked: cleaning up`);
    };
    for (const allocator of this.#ips.values())
      for (const ip of allocator.used()) check(ip, () => allocator.release(ip));
    for (const port of this.#ports.used()) check(String(port), () => this.#ports.release(port));
    this.#suspects = leaked;
    return lines;
  }

  /** Reserves what a write needs and writes it into the service. @throws StatusError */
  async begin(service: Service, old: Service | undefined, dryRun: boolean): Promise<Transaction> {
    const ports = new PortOperation(this.#ports, dryRun);
    const taken: Taken = [];
    let released: Taken = [];
    const undo = async () => {
      ports.rollback();
      if (!dryRun) for (const t of taken) await this.#releaseIP(t);
    };
    try {
      released = await this.#clusterIPs(service, old, dryRun, taken);
      this.#nodePorts(service, old, ports);
    } catch (err) {
      await undo();
      throw err;
    }
    return {
      commit: async () => {
        ports.commit();
        if (!dryRun) for (const t of released) await this.#releaseIP(t);
      },
      rollback: undo,
    };
  }

  /** After a service is gone. */
  async release(service: Service): Promise<void> {
    for (const t of addressesOf(service.spec)) await this.#releaseIP(t);
    for (const port of portsOf(service.spec)) this.#ports.release(port);
  }

  /** Fills `taken`; returns what becomes free when the write succeeds. */
  async #clusterIPs(service: Service, old: Service | undefined, dryRun: boolean, taken: Taken): Promise<Taken> {
    const spec = service.spec!;
    const before = old?.spec;
    if (before && isUnchangedPreferDualStack(spec, before)) return [];
    if (!before || (before.type === 'ExternalName' && spec.type !== 'ExternalName')) {
      if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return [];
      await this.#allocate(service, 0, dryRun, taken);
      return [];
    }
    if (before.clusterIPs?.[0] === 'None') return [];
    if (spec.type === 'ExternalName') return before.type === 'ExternalName' ? [] : addressesOf(before);
    const families = spec.ipFamilies?.length ?? 0;
    const had = before.ipFamilies?.length ?? 0;
    if (had === 1 && families === 2) await this.#allocate(service, 1, dryRun, taken);
    return had === 2 && families === 1 ? addressesOf(before).slice(1) : [];
  }

  async #allocate(service: Service, from: number, dryRun: boolean, taken: Taken): Promise<void> {
    const spec = service.spec!;
    const ips = [...(spec.clusterIPs ?? [])];
    const families = (spec.ipFamilies ?? []) as IPFamily[];
    for (let i = from; i < families.length; i++) {
      const family = families[i]!;
      const ip = await this.#allocateIP(service, family, ips[i] ?? '', dryRun);
      taken.push({ family, ip });
      ips[i] = ip;
    }
    spec.clusterIPs = ips;
    if (ips[0]) spec.clusterIP = ips[0];
  }

  async #allocateIP(service: Service, family: IPFamily, wanted: string, dryRun: boolean): Promise<string> {
    const allocator = this.#ips.get(family)!;
    const shown = service.spec!.clusterIPs ?? [wanted];
    try {
      if (wanted && !allocator.contains(wanted)) {
        throw new AllocationError('range', 'the provided network does not match the current range');
      }
      for (;;) {
        const ip = wanted || allocator.allocateNext(dryRun);
        if (wanted) allocator.allocate(ip, dryRun);
        if (dryRun || (await this.#record(service, family, ip))) return ip;
        // Another API server has it; it stays marked here.
        if (wanted) throw new AllocationError('allocated', 'provided IP is already allocated');
      }
    } catch (err) {
      if (!(err instanceof AllocationError)) throw err;
      if (err.kind === 'full') {
        const name = JSON.stringify(service.metadata.name ?? '');
        throw internalError(new Error(`failed to allocate a serviceIP for Service ${name}: ${err.message}`));
      }
      const detail = `failed to allocate IP ${wanted}: ${err.message}`;
      throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [invalidField(IPS, shown, detail)]);
    }
  }

  /** False when the address object exists already. */
  async #record(service: Service, family: IPFamily, ip: string): Promise<boolean> {
    const { addresses } = this.#options;
    if (!addresses) return true;
    const { namespace = '', name = '' } = service.metadata;
    try {
      await addresses.create({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IPAddress',
        metadata: {
          name: ip,
          labels: {
            'ipaddress.kubernetes.io/ip-family': family,
            'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
          },
        },
        spec: { parentRef: { group: '', resource: 'services', namespace, name } },
      });
      return true;
    } catch (err) {
      if (isAlreadyExists(err)) return false;
      this.#ips.get(family)!.release(ip);
      throw err;
    }
  }

  async #releaseIP({ family, ip }: { family: IPFamily; ip: string }): Promise<void> {
    this.#ips.get(family)?.release(ip);
    try {
      await this.#options.addresses?.delete(ip);
    } catch (err) {
      // Gone already is what is wanted; anything else is for the next repair.
      if (!isNotFound(err)) this.#suspects.add(ip);
    }
  }

  #nodePorts(service: Service, old: Service | undefined, operation: PortOperation): void {
    const spec = service.spec!;
    const before = old?.spec;
    const exposed = (s: ServiceSpec) => s.type === 'NodePort' || s.type === 'LoadBalancer';
    if (before && exposed(before) && !exposed(spec)) {
      for (const port of nodePortsOf(before)) operation.releaseLater(port);
    }
    if (exposed(spec)) {
      if (before) updateNodePorts(service, before, operation);
      else initNodePorts(service, operation);
    }
    const needed = before !== undefined && needsHealthCheck(before);
    if (needsHealthCheck(spec) && !needed) allocateHealthPort(spec, operation);
    else if (needed && !needsHealthCheck(spec) && before.healthCheckNodePort)
      operation.releaseLater(before.healthCheckNodePort);
  }
}

function addressesOf(spec: ServiceSpec | undefined): Taken {
  if (!spec || spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return [];
  return (spec.clusterIPs ?? []).flatMap((ip) => {
    const family = ipFamily(ip);
    return family ? [{ family, ip }] : [];
  });
}

const nodePortsOf = (spec: ServiceSpec): number[] =>
  (spec.ports ?? []).flatMap((p) => (p.nodePort ? [p.nodePort] : []));

function portsOf(spec: ServiceSpec | undefined): number[] {
  if (!spec) return [];
  const ports = nodePortsOf(spec);
  return needsHealthCheck(spec) && spec.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}

const wantsNodePorts = (spec: ServiceSpec): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

function take(service: Service, index: number, port: number, operation: PortOperation): void {
  try {
    operation.allocate(port);
  } catch (err) {
    const at = Path.root('spec', 'ports').index(index).child('nodePort');
    const error = invalidField(at, port, (err as Error).message);
    throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [error]);
  }
}

function takeNext(operation: PortOperation): number {
  try {
    return operation.allocateNext();
  } catch (err) {
    throw internalError(new Error(`failed to allocate a nodePort: ${(err as Error).message}`));
  }
}

/** Ports of one number (TCP and UDP) share a node port. */
function initNodePorts(service: Service, operation: PortOperation): void {
  const ports = service.spec!.ports ?? [];
  const taken = new Map<number, number>();
  ports.forEach((port, i) => {
    if (!port.nodePort && !wantsNodePorts(service.spec!)) return;
    const shared = taken.get(port.port);
    if (shared === undefined) {
      const wanted = ports.find((p) => p.port === port.port && p.nodePort)?.nodePort;
      if (wanted) take(service, i, wanted, operation);
      port.nodePort = wanted || takeNext(operation);
      taken.set(port.port, port.nodePort);
    } else if (!port.nodePort) port.nodePort = shared;
    else if (port.nodePort !== shared) take(service, i, port.nodePort, operation);
  });
}

function updateNodePorts(service: Service, old: ServiceSpec, operation: PortOperation): void {
  const before = nodePortsOf(old);
  const taken = new Set<number>();
  const seen = new Set<string>();
  service.spec!.ports?.forEach((port, i) => {
    if (!port.nodePort && !wantsNodePorts(service.spec!)) return;
    if (!port.nodePort) port.nodePort = takeNext(operation);
    else if (!before.includes(port.nodePort) && !taken.has(port.nodePort)) {
      take(service, i, port.nodePort, operation);
      taken.add(port.nodePort);
    }
    const key = `${port.protocol}/${port.nodePort}`;
    if (seen.has(key)) throw internalError(new Error(`duplicate nodePort: {${port.protocol} ${port.nodePort}}`));
    seen.add(key);
  });
  const now = nodePortsOf(service.spec!);
  for (const port of before) if (!now.includes(port)) operation.releaseLater(port);
}

function allocateHealthPort(spec: ServiceSpec, operation: PortOperation): void {
  const wanted = spec.healthCheckNodePort;
  try {
    if (wanted) operation.allocate(wanted);
    else spec.healthCheckNodePort = operation.allocateNext();
  } catch (err) {
    const what = wanted ? `requested HealthCheck NodePort ${wanted}` : 'a HealthCheck NodePort 0';
    throw internalError(new Error(`failed to allocate ${what}: ${(err as Error).message}`));
  }
}
