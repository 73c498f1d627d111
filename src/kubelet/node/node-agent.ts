/**
 * Registers the node and keeps it alive: status every 10 s if it changed and every 5 min anyhow, Lease every 10 s.
 * Upstream: pkg/kubelet/kubelet_node_status.go, component-helpers/apimachinery/lease/controller.go
 */
import type { Lease } from '../../api/coordination-v1.ts';
import type { Node, NodeStatus } from '../../api/core-v1.ts';
import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { LEASES, NODES } from '../../client/resources.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../machinery/errors/status-error.ts';
import { formatMicroTime } from '../../machinery/meta/time.ts';
import type { ContainerRuntime } from '../runtime/container-runtime.ts';
import { type NodeFacts, newNode, nodeStatus, sameNodeStatus } from './node-object.ts';

const STATUS_PERIOD = 10_000;
const REPORT_PERIOD = 300_000;
const LEASE_SECONDS = 40;
const LEASE_PERIOD = 10_000;
const LEASE_NAMESPACE = 'kube-node-lease';
/** Images listed in the node's status. */
const MAX_IMAGES = 50;

export interface NodeAgentOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  runtime: ContainerRuntime;
  facts: NodeFacts;
  signal: AbortSignal;
}

export class NodeAgent {
  readonly #o: NodeAgentOptions;
  #node: Node | undefined;
  #lease: Lease | undefined;
  #reportedAt = 0;
  #uid = '';

  constructor(options: NodeAgentOptions) {
    this.#o = options;
  }

  /** As last read from the API server. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** Resolves when the node is registered and has reported once; goes on until the signal aborts. */
  async start(): Promise<void> {
    const { clock, signal } = this.#o;
    await this.#register();
    await this.#reportStatus();
    await this.#renewLease();
    const timers = [
      clock.every(STATUS_PERIOD, () => this.#background('node status', this.#reportStatus())),
      clock.every(LEASE_PERIOD, () => this.#background('node lease', this.#renewLease())),
    ];
    const cancel = () => {
      for (const t of timers) t.cancel();
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  }

  #background(name: string, work: Promise<void>): void {
    const logged = work.catch((err: unknown) => {
      if (!this.#o.signal.aborted)
        this.#o.log.warn(`${name} not written, will retry`, { node: this.#o.facts.name, err });
    });
    background(name, logged, this.#o.log);
  }

  async #register(): Promise<void> {
    const { client, facts } = this.#o;
    const node = newNode(facts);
    try {
      this.#uid = (await client.create<Node>(NODES, node)).metadata.uid ?? '';
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
      const labels = node.metadata.labels;
      this.#uid = (await client.patch<Node>(NODES, facts.name, 'merge', { metadata: { labels } })).metadata.uid ?? '';
    }
  }

  async #reportStatus(): Promise<void> {
    const { client, clock, runtime, facts } = this.#o;
    const node = await this.#read();
    this.#node = node;
    const { runtimeReady, networkReady, message } = await runtime.status();
    const health = { ready: runtimeReady && networkReady, message };
    const status = nodeStatus({ facts, health, previous: node.status, images: await this.#images(), now: clock.now() });
    const unchanged = node.status !== undefined && sameNodeStatus(node.status, status);
    if (unchanged && clock.now() - this.#reportedAt < REPORT_PERIOD) return;
    this.#node = await client.patch<Node>(NODES, facts.name, 'strategic', { status }, { subresource: 'status' });
    this.#reportedAt = clock.now();
  }

  /** From the server's cache; on a store that others share that cache may not have a node yet that was just registered. */
  async #read(): Promise<Node> {
    const { client, facts } = this.#o;
    try {
      return await client.get<Node>(NODES, facts.name, { resourceVersion: '0' });
    } catch (err) {
      if (!isNotFound(err)) throw err;
      return client.get<Node>(NODES, facts.name);
    }
  }

  async #images(): Promise<NonNullable<NodeStatus['images']>> {
    const images = await this.#o.runtime.images();
    return images
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, MAX_IMAGES)
      .map((i) => ({ names: [...i.repoDigests, ...i.repoTags], sizeBytes: i.sizeBytes }));
  }

  async #renewLease(): Promise<void> {
    const { client, clock, facts } = this.#o;
    const spec = {
      holderIdentity: facts.name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: formatMicroTime(clock.now()),
    };
    const namespace = LEASE_NAMESPACE;
    try {
      this.#lease ??= await client.get<Lease>(LEASES, facts.name, { namespace });
      this.#lease = await client.update<Lease>(
        LEASES,
        { ...this.#lease, spec: { ...this.#lease.spec, ...spec } },
        { namespace },
      );
    } catch (err) {
      this.#lease = undefined;
      if (isConflict(err)) return;
      if (!isNotFound(err)) throw err;
      const metadata = {
        name: facts.name,
        namespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: facts.name, uid: this.#uid }],
      };
      this.#lease = await client.create<Lease>(
        LEASES,
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
        { namespace },
      );
    }
  }
}
