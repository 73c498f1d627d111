/**
 * kube-proxy: keeps the node's nftables rules as services and endpoint slices say. Changes are gathered for a moment and written as one
 * transaction of what differs; a failed one is followed by a full write. Runs against any conformant API server.
 * Upstream: pkg/proxy/nftables/proxier.go
 */
import type { Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { InformerFactory } from '../client/informer-factory.ts';
import { ENDPOINTSLICES, SERVICES } from '../client/resources.ts';
import { diff } from './nftables/diff.ts';
import { emptyRuleset, type Ruleset, ruleset, skeleton } from './nftables/ruleset.ts';
import { type ServicePort, servicePorts } from './service-ports.ts';

export interface ProxyOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  nodeName: string;
  podCIDR: string;
  /** Runs a script for nft. */
  nft(script: string): Promise<void>;
  forgetUdp(ip: string, port: number): Promise<void>;
  signal?: AbortSignal;
}

/** Changes that come within this time are written together, ms. */
const GATHER = 50;
const RETRY = 1000;
const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Resolves when the rules stand as the API server has it. */
export async function startProxy(options: ProxyOptions): Promise<AsyncDisposable & { synced(): Promise<void> }> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const informers = new InformerFactory(options);
  const services = informers.informer<Service>(SERVICES, {
    labelSelector: '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name',
  });
  const slices = informers.informer<EndpointSlice>(ENDPOINTSLICES, {
    labelSelector: '!service.kubernetes.io/headless',
  });
  const serviceKey = (s: EndpointSlice) => `${s.metadata.namespace}/${s.metadata.labels?.[SERVICE_LABEL] ?? ''}`;
  slices.addIndex('proxy/service', (s) => [serviceKey(s)]);
  const proxier = new Proxier(options, signal, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const service = services.lister.get(namespace, name);
    return service === undefined
      ? []
      : servicePorts(service, slices.lister.byIndex('proxy/service', key), options.nodeName);
  });
  const ofService = (s: Service) => proxier.changed(`${s.metadata.namespace}/${s.metadata.name}`);
  const ofSlice = (s: EndpointSlice) => proxier.changed(serviceKey(s));
  services.addHandler({ added: ofService, updated: (_old, s) => ofService(s), deleted: ofService });
  slices.addHandler({ added: ofSlice, updated: (_old, s) => ofSlice(s), deleted: ofSlice });
  informers.start(signal);
  await informers.synced();
  await proxier.sync();
  return {
    synced: () => proxier.sync(),
    async [Symbol.asyncDispose]() {
      stop.abort();
    },
  };
}

class Proxier {
  readonly #o: ProxyOptions;
  readonly #signal: AbortSignal;
  readonly #portsOf: (key: string) => ServicePort[];
  readonly #ports = new Map<string, ServicePort[]>();
  readonly #dirty = new Set<string>();
  /** What the kernel has; undefined: not known. */
  #applied: Ruleset | undefined;
  #scheduled = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ProxyOptions, signal: AbortSignal, portsOf: (key: string) => ServicePort[]) {
    this.#o = options;
    this.#signal = signal;
    this.#portsOf = portsOf;
  }

  /** A service or its endpoints changed. */
  changed(key: string): void {
    this.#dirty.add(key);
    this.#schedule(GATHER);
  }

  /** Writes what is not written yet; one at a time. */
  sync(): Promise<void> {
    this.#running = this.#running.then(() => this.#write());
    return this.#running;
  }

  #schedule(ms: number): void {
    if (this.#scheduled || this.#signal.aborted) return;
    this.#scheduled = true;
    this.#o.clock.after(ms, () => {
      this.#scheduled = false;
      if (!this.#signal.aborted) background('proxy sync', this.sync(), this.#o.log);
    });
  }

  async #write(): Promise<void> {
    if (this.#applied !== undefined && this.#dirty.size === 0) return;
    const staleUdp = this.#refresh();
    const wanted = ruleset([...this.#ports.values()].flat(), { podCIDR: this.#o.podCIDR });
    const script =
      this.#applied === undefined ? `${skeleton()}\n${diff(emptyRuleset(), wanted)}` : diff(this.#applied, wanted);
    if (script === '') return;
    try {
      await this.#o.nft(script);
      this.#applied = wanted;
    } catch (err) {
      this.#o.log.error('rules not written, will write all of them', { err });
      this.#applied = undefined;
      this.#schedule(RETRY);
      return;
    }
    for (const { ip, port } of staleUdp) await this.#o.forgetUdp(ip, port);
  }

  /** Works out the ports of changed services; returns UDP addresses whose endpoints are others now. */
  #refresh(): { ip: string; port: number }[] {
    const stale: { ip: string; port: number }[] = [];
    for (const key of this.#dirty) {
      const before = this.#ports.get(key) ?? [];
      const after = this.#portsOf(key);
      if (after.length > 0) this.#ports.set(key, after);
      else this.#ports.delete(key);
      for (const p of [...before, ...after]) {
        if (p.protocol !== 'udp') continue;
        const of = (list: ServicePort[]) =>
          JSON.stringify(list.find((x) => x.name === p.name && x.protocol === 'udp')?.internal);
        if (of(before) !== of(after))
          stale.push(...[...p.clusterIPs, ...p.externalIPs].map((ip) => ({ ip, port: p.port })));
      }
    }
    this.#dirty.clear();
    return stale;
  }
}
