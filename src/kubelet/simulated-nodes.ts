/**
 * Any number of simulated nodes in one process: they share one watch of pods, one configuration cache and one address pool.
 * A node can be silenced and brought back, to see what the cluster makes of it.
 */
import type { Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Pod } from '../api/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { InformerFactory } from '../client/informer-factory.ts';
import { PODS } from '../client/resources.ts';
import { newConfigSource } from './config-source.ts';
import type { ConfigSource } from './env.ts';
import { Kubelet } from './kubelet.ts';
import type { NodeFacts } from './node/node-object.ts';
import { SharedPodSource } from './pod-source.ts';
import { AddressPool } from './runtime/simulated/address-pool.ts';
import { SimulatedRuntime } from './runtime/simulated/simulated-runtime.ts';
import { newKubeletServer } from './server/kubelet-server.ts';
import { simulatedVolumes } from './volumes/pod-volumes.ts';

export interface SimulatedNodesOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  signal?: AbortSignal;
  /** Addresses of pods. Default 10.244.0.0/16. */
  podCIDR?: string;
  kubeletVersion: string;
}

export interface SimulatedNodeOptions {
  name: string;
  labels?: Record<string, string>;
  /** Default: 8 cpus, 16 GiB, 110 pods. */
  capacity?: Record<string, string>;
}

interface SimulatedNode {
  kubelet: Kubelet;
  options: SimulatedNodeOptions;
  runtime: SimulatedRuntime;
  /** Counts nodes in order of arrival; gives each its address. */
  index: number;
  /** Made when somebody first connects. */
  server: Server | undefined;
}

const CAPACITY = { cpu: '8', memory: '16Gi', pods: '110', 'ephemeral-storage': '100Gi' };

export class SimulatedNodes implements AsyncDisposable {
  readonly #o: SimulatedNodesOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #informers: InformerFactory;
  readonly #pods: SharedPodSource;
  readonly #source: ConfigSource;
  readonly #addresses: AddressPool;
  /** Addresses of pods on nodes that have not come back, by node. */
  readonly #reserved = new Map<string, string[]>();
  readonly #nodes = new Map<string, SimulatedNode>();
  #started: Promise<void> | undefined;
  #count = 0;

  constructor(options: SimulatedNodesOptions) {
    this.#o = options;
    const { client, clock, random, log } = options;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#informers = new InformerFactory({ client, clock, random, log });
    this.#pods = new SharedPodSource(this.#informers);
    this.#source = newConfigSource({ client, clock, informers: this.#informers });
    this.#addresses = new AddressPool(options.podCIDR ?? '10.244.0.0/16');
  }

  names(): string[] {
    return [...this.#nodes.keys()];
  }

  kubelet(name: string): Kubelet | undefined {
    return this.#nodes.get(name)?.kubelet;
  }

  runtime(name: string): SimulatedRuntime | undefined {
    return this.#nodes.get(name)?.runtime;
  }

  /** A connection to a node's kubelet server, within this process. */
  async connect(name: string): Promise<Duplex> {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`node ${name} is not simulated`);
    const { kubelet, runtime } = node;
    node.server ??= newKubeletServer({ pods: kubelet, runtime, clock: this.#o.clock, log: this.#o.log });
    const [client, server] = duplexPair();
    node.server.emit('connection', server);
    return client;
  }

  /** Resolves when the node is registered and ready. @throws Error when there is one of that name. */
  async add(options: SimulatedNodeOptions): Promise<void> {
    if (this.#nodes.has(options.name)) throw new Error(`node ${options.name} is already simulated`);
    await this.#watching();
    this.#giveBack(options.name);
    const { clock, random } = this.#o;
    const runtime = new SimulatedRuntime({ clock, random, addresses: this.#addresses });
    await this.#run(options, runtime, this.#count++);
  }

  /** The node stops reporting and its pods stop being looked after; its containers run on. */
  async silence(name: string): Promise<void> {
    await this.#nodes.get(name)?.kubelet.kill();
  }

  /** The node reports again. */
  async revive(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`node ${name} is not simulated`);
    await this.#run(node.options, node.runtime, node.index);
    await this.#nodes.get(name)?.kubelet.cleanUpOrphans(new Set());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { kubelet, runtime } of this.#nodes.values()) {
      await kubelet.kill();
      await runtime[Symbol.asyncDispose]();
    }
  }

  async #run(options: SimulatedNodeOptions, runtime: SimulatedRuntime, index: number): Promise<void> {
    await this.#watching();
    const { client, clock, random, log } = this.#o;
    const kubelet = new Kubelet({
      client,
      clock,
      random,
      log,
      runtime,
      signal: this.#signal,
      facts: this.#facts(options, index),
      pods: this.#pods,
      source: this.#source,
      volumes: simulatedVolumes(this.#source),
      sandbox: {
        clusterDNS: [],
        clusterDomain: 'cluster.local',
        nodeDNS: { servers: [], searches: [], options: [] },
        nodeName: options.name,
        podLogsDir: '/var/log/pods',
        cgroupParent: () => '',
      },
    });
    this.#nodes.set(options.name, { kubelet, options, runtime, server: undefined, index });
    await kubelet.start();
  }

  #watching(): Promise<void> {
    if (this.#started === undefined) {
      this.#informers.start(this.#signal);
      this.#started = this.#informers.synced().then(() => this.#reserve());
    }
    return this.#started;
  }

  /** Pods of an earlier run keep their addresses as long as their nodes do not come back: nobody else may have them. */
  #reserve(): void {
    for (const pod of this.#informers.informer<Pod>(PODS).lister.list()) {
      const { podIP, phase } = pod.status ?? {};
      const { nodeName } = pod.spec ?? {};
      if (!podIP || !nodeName || phase === 'Succeeded' || phase === 'Failed') continue;
      this.#addresses.reserve(podIP);
      this.#reserved.set(nodeName, [...(this.#reserved.get(nodeName) ?? []), podIP]);
    }
  }

  /** A node that comes back has lost its containers: its pods get new addresses. */
  #giveBack(node: string): void {
    for (const ip of this.#reserved.get(node) ?? []) this.#addresses.release(ip);
    this.#reserved.delete(node);
  }

  #facts(options: SimulatedNodeOptions, index: number): NodeFacts {
    const capacity = { ...CAPACITY, ...options.capacity };
    const { random } = this.#o;
    return {
      name: options.name,
      internalIP: `172.30.${((index + 1) >> 8) & 255}.${(index + 1) & 255}`,
      labels: { type: 'simulated', ...options.labels },
      capacity,
      allocatable: capacity,
      kubeletPort: 0,
      kubeletVersion: this.#o.kubeletVersion,
      runtimeVersion: 'simulated://1.0.0',
      machineID: random.uuid().replaceAll('-', ''),
      systemUUID: random.uuid(),
      bootID: random.uuid(),
      kernelVersion: 'simulated',
      osImage: 'simulated',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    };
  }
}
