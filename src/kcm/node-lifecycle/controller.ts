/**
 * Watches over nodes: one that shows no sign of life becomes NotReady, its pods not ready, and (unless everything fails
 * at once) it is tainted so that its pods leave. Upstream: pkg/controller/nodelifecycle
 */
import type { Lease } from '../../api/coordination-v1.ts';
import type { Node, Pod } from '../../api/core-v1.ts';
import { keyOf } from '../../client/indexer.ts';
import { LEASES, NODES, PODS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop, periodically, together } from '../controller.ts';
import { withKind } from '../pod-control.ts';
import { BY_NODE, nodeIndex, podCondition } from '../pods.ts';
import { changeTaints, hasTaint } from '../taints.ts';
import type { NodeHealth, Observation, ZoneState } from './plan.ts';
import {
  labelsToReconcile,
  noExecuteTaint,
  noScheduleTaints,
  observeNode,
  readyOf,
  zoneOf,
  zoneState,
} from './plan.ts';
import { ZoneTainter } from './zone-tainter.ts';

const NODE_WORKERS = 8;
const POD_WORKERS = 4;
const HEALTH_UPDATE_TRIES = 5;
const EXCLUDE_DISRUPTION = 'node.kubernetes.io/exclude-disruption';

export function startNodeLifecycleController(context: ControllerContext): Controller {
  return new NodeLifecycle(context).controller;
}

class NodeLifecycle {
  readonly controller: Controller;
  readonly #c: ControllerContext;
  readonly #nodes;
  readonly #pods;
  readonly #leases;
  readonly #recorder;
  readonly #health = new Map<string, NodeHealth>();
  readonly #known = new Map<string, Node>();
  readonly #zones = new Map<string, ZoneState>();
  readonly #tainters = new Map<string, ZoneTainter>();
  /** Nodes whose pods could not all be marked not ready. */
  readonly #retry = new Set<string>();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('node-controller');
    this.#nodes = context.informers.informer<Node>(NODES);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#leases = context.informers.informer<Lease>(LEASES, { namespace: 'kube-node-lease' });
    this.#pods.addIndex(BY_NODE, nodeIndex);

    const nodeLoop = new ControllerLoop(context, {
      name: 'node_lifecycle_controller',
      workers: NODE_WORKERS,
      sync: (name, signal) => this.#syncNode(name, signal),
    });
    const podLoop = new ControllerLoop(context, {
      name: 'node_lifecycle_controller_pods',
      workers: POD_WORKERS,
      sync: (key, signal) => this.#syncPod(key, signal),
    });
    this.#nodes.addHandler({
      added: (node) => nodeLoop.enqueue(node),
      updated: (_, node) => nodeLoop.enqueue(node),
      deleted: (node) => {
        this.#retry.delete(node.metadata.name!);
        this.#health.delete(node.metadata.name!);
      },
    });
    this.#pods.addHandler({
      added: (pod) => pod.spec?.nodeName && podLoop.queue.add(keyOf(pod)),
      updated: (old, pod) =>
        pod.spec?.nodeName && pod.spec.nodeName !== old.spec?.nodeName && podLoop.queue.add(keyOf(pod)),
    });
    const monitor = periodically(context, 'node-lifecycle', context.flags.nodeMonitorPeriod, (signal) =>
      this.#monitor(signal),
    );
    const all = together(nodeLoop, podLoop, monitor);
    this.controller = {
      run: async (signal) => {
        await all.run(signal);
        for (const t of this.#tainters.values()) t.stop();
      },
    };
  }

  /** NoSchedule taints and deprecated labels follow conditions and labels at once. */
  async #syncNode(name: string, signal: AbortSignal): Promise<void> {
    const node = this.#nodes.lister.get(undefined, name);
    if (!node) return;
    const { add, remove } = noScheduleTaints(node);
    const timeAdded = formatTime(this.#c.clock.now());
    try {
      if (add.length + remove.length > 0)
        await changeTaints(this.#c.client, name, { add: add.map((t) => ({ ...t, timeAdded })), remove }, signal);
      const labels = labelsToReconcile(node);
      if (Object.keys(labels).length > 0)
        await this.#c.client.patch(NODES, name, 'strategic', { metadata: { labels } }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** A pod bound to a node that is not ready cannot be ready. */
  async #syncPod(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.#pods.lister.getByKey(key);
    const ready = pod && this.#health.get(pod.spec?.nodeName ?? '')?.ready;
    if (!ready || ready.status === 'True') return;
    await this.#markPodsNotReady([pod], signal);
  }

  async #monitor(signal: AbortSignal): Promise<void> {
    const nodes = this.#nodes.lister.list();
    await this.#classify(nodes, signal);
    const ready = new Map<string, (string | undefined)[]>();
    await Promise.all(
      nodes.map(async (node) => {
        try {
          const seen = await this.#monitorNode(node, signal);
          if (seen && node.metadata.labels?.[EXCLUDE_DISRUPTION] === undefined) {
            const zone = zoneOf(node);
            ready.set(zone, [...(ready.get(zone) ?? []), seen.current]);
          }
        } catch (err) {
          if (!signal.aborted)
            this.#c.log.error('update health of node failed, skipping', { node: node.metadata.name, err });
        }
      }),
    );
    await this.#handleDisruption(ready, nodes, signal);
  }

  async #classify(nodes: readonly Node[], signal: AbortSignal): Promise<void> {
    const names = new Set(nodes.map((n) => n.metadata.name!));
    for (const node of nodes) {
      const name = node.metadata.name!;
      this.#tainterOf(node);
      if (this.#known.has(name)) continue;
      this.#known.set(name, node);
      this.#nodeEvent(node, 'RegisteredNode', `Registered Node ${name} in Controller`);
      await this.#markReachable(node, signal).catch((err: unknown) =>
        this.#c.log.warn('failed to remove taints from node', { node: name, err }),
      );
    }
    for (const [name, node] of this.#known) {
      if (names.has(name)) continue;
      this.#known.delete(name);
      this.#nodeEvent(node, 'RemovingNode', `Removing Node ${name} from Controller`);
    }
  }

  async #monitorNode(first: Node, signal: AbortSignal): Promise<Observation | undefined> {
    const seen = await this.#updateHealth(first, signal);
    if (!seen || seen.current === undefined) return seen;
    const name = first.metadata.name!;
    await this.#taintByReadiness(first, seen.current, signal);
    const turned = seen.current !== 'True' && seen.observed === 'True';
    if (turned) this.#statusEvent(first, 'NodeNotReady');
    if (turned || (this.#retry.has(name) && seen.observed !== 'True')) {
      try {
        await this.#markPodsNotReady(this.#pods.lister.byIndex(BY_NODE, name), signal);
      } catch (err) {
        this.#retry.add(name);
        throw err;
      }
    }
    this.#retry.delete(name);
    return seen;
  }

  async #updateHealth(first: Node, signal: AbortSignal): Promise<Observation | undefined> {
    const { client, clock, flags } = this.#c;
    const name = first.metadata.name!;
    let node = first;
    for (let tries = 1; ; tries++) {
      const now = clock.now();
      const grace = { monitor: flags.nodeMonitorGracePeriod, startup: flags.nodeStartupGracePeriod };
      const lease = this.#leases.lister.get('kube-node-lease', name);
      const seen = observeNode(this.#health.get(name), node, lease, now, grace, formatTime(now));
      if (!seen.conditions) {
        this.#health.set(name, seen.health);
        return seen;
      }
      try {
        await client.update<Node>(
          NODES,
          { ...node, status: { ...node.status, conditions: seen.conditions } },
          { subresource: 'status', signal },
        );
        this.#health.set(name, seen.health);
        return seen;
      } catch (err) {
        if (signal.aborted || tries >= HEALTH_UPDATE_TRIES) throw err;
        node = await client.get<Node>(NODES, name, { signal });
      }
    }
  }

  async #taintByReadiness(node: Node, ready: string, signal: AbortSignal): Promise<void> {
    const taints = noExecuteTaint(ready);
    if (!taints) {
      await this.#markReachable(node, signal);
      return;
    }
    // The node is known to be bad; which way it is bad may change at once, without waiting for the limiter.
    if (hasTaint(node, taints.remove)) {
      await this.#swap(node.metadata.name!, taints, signal);
      return;
    }
    const tainter = this.#tainterOf(node);
    if (!hasTaint(node, taints.add)) tainter.remove(node.metadata.name!);
    tainter.add(node.metadata.name!);
  }

  async #swap(
    name: string,
    taints: NonNullable<ReturnType<typeof noExecuteTaint>>,
    signal: AbortSignal,
  ): Promise<void> {
    const timeAdded = formatTime(this.#c.clock.now());
    await changeTaints(this.#c.client, name, { add: [{ ...taints.add, timeAdded }], remove: [taints.remove] }, signal);
  }

  /** The tainter's turn: the node may have recovered or gone meanwhile. */
  async #taintNow(name: string): Promise<boolean> {
    const node = this.#nodes.lister.get(undefined, name);
    if (!node) return true;
    const ready = readyOf(node);
    if (!ready) return false;
    const taints = noExecuteTaint(ready.status);
    if (!taints) return true;
    await this.#swap(name, taints, this.#c.signal);
    return true;
  }

  async #markReachable(node: Node, signal: AbortSignal): Promise<void> {
    const remove = [noExecuteTaint('False')!.add, noExecuteTaint('Unknown')!.add].filter((t) => hasTaint(node, t));
    if (remove.length > 0) await changeTaints(this.#c.client, node.metadata.name!, { remove }, signal);
    this.#tainterOf(node).remove(node.metadata.name!);
  }

  #tainterOf(node: Node): ZoneTainter {
    const zone = zoneOf(node);
    let tainter = this.#tainters.get(zone);
    if (!tainter) {
      const { clock, log, flags } = this.#c;
      tainter = new ZoneTainter({ clock, log, qps: flags.nodeEvictionRate, taint: (name) => this.#taintNow(name) });
      this.#tainters.set(zone, tainter);
      this.#zones.set(zone, 'Initial');
    }
    return tainter;
  }

  async #handleDisruption(
    ready: ReadonlyMap<string, readonly (string | undefined)[]>,
    nodes: readonly Node[],
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, flags, log } = this.#c;
    const next = new Map(
      [...ready].map(([zone, statuses]) => [zone, zoneState(statuses, flags.unhealthyZoneThreshold)]),
    );
    for (const zone of this.#zones.keys()) if (!next.has(zone)) this.#zones.delete(zone);
    for (const zone of next.keys()) if (!this.#zones.has(zone)) this.#zones.set(zone, 'Initial');
    const allAre = [...next.values()].every((s) => s === 'FullDisruption');
    const allWere = [...this.#zones.values()].every((s) => s === 'FullDisruption');
    if (allAre && allWere) return;
    if (allAre) {
      log.info('Controller detected that all Nodes are not-Ready. Entering master disruption mode');
      await Promise.all(nodes.map((n) => this.#markReachable(n, signal)));
      for (const zone of this.#zones.keys()) {
        this.#tainters.get(zone)?.setRate(0);
        this.#zones.set(zone, 'FullDisruption');
      }
      return;
    }
    if (allWere) {
      log.info('Controller detected that some Nodes are Ready. Exiting master disruption mode');
      // While everything was dark nobody's silence meant anything: all get a full grace period again.
      for (const [name, health] of this.#health) this.#health.set(name, { ...health, probe: clock.now() });
    }
    for (const [zone, state] of next) {
      if (!allWere && this.#zones.get(zone) === state) continue;
      this.#zones.set(zone, state);
      this.#tainters.get(zone)?.setRate(this.#rate(state, ready.get(zone)!.length));
    }
  }

  #rate(state: ZoneState, size: number): number {
    const { flags } = this.#c;
    if (state !== 'PartialDisruption') return flags.nodeEvictionRate;
    return size > flags.largeClusterSizeThreshold ? flags.secondaryNodeEvictionRate : 0;
  }

  async #markPodsNotReady(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const now = formatTime(this.#c.clock.now());
    let failure: unknown;
    for (const pod of pods) {
      const ready = podCondition(pod, 'Ready');
      if (!ready || ready.status === 'False') continue;
      const conditions = pod.status!.conditions!.map((c) =>
        c === ready ? { ...c, status: 'False', lastTransitionTime: now } : c,
      );
      try {
        await this.#c.client.update<Pod>(
          PODS,
          { ...pod, status: { ...pod.status, conditions } },
          { subresource: 'status', signal },
        );
      } catch (err) {
        if (isNotFound(err)) continue;
        failure ??= err;
      }
      this.#recorder.event(withKind(pod, PODS), 'Warning', 'NodeNotReady', 'Node is not ready');
    }
    if (failure !== undefined) throw failure;
  }

  #nodeEvent(node: Node, reason: string, what: string): void {
    this.#recorder.event(referenceOf(node), 'Normal', reason, `Node ${node.metadata.name} event: ${what}`);
  }
  #statusEvent(node: Node, status: string): void {
    this.#recorder.event(referenceOf(node), 'Normal', status, `Node ${node.metadata.name} status is now: ${status}`);
  }
}

function referenceOf(node: Node) {
  return { apiVersion: 'v1', kind: 'Node', name: node.metadata.name!, uid: node.metadata.uid! };
}
