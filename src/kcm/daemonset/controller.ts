/** Keeps one pod of each DaemonSet on every node it belongs on. Upstream: pkg/controller/daemon */
import type { ControllerRevision, DaemonSet } from '../../api/apps-v1.ts';
import type { Node, Pod } from '../../api/core-v1.ts';
import type { EventRecorder } from '../../client/events.ts';
import { ControllerExpectations } from '../../client/expectations.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import { Consistency } from '../consistency.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { BY_CONTROLLER, claim, controllerIndex, controllerOf, isControlledBy, orphansOf } from '../owners.ts';
import { PodControl, slowStart, withKind } from '../pod-control.ts';
import { BY_NODE, isPodReady, nodeIndex } from '../pods.ts';
import { isEmptySelector, selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { FailedPodsBackoff } from './failed-pods.ts';
import { daemonPod, placementOn } from './nodes.ts';
import {
  type Changes,
  changesOnNode,
  countsOf,
  type DaemonView,
  groupByNode,
  isStatusCurrent,
  podsWithoutNode,
  rollingUpdate,
  statusWith,
} from './plan.ts';
import { daemonHistory, hashOf, revisionsToDelete } from './revisions.ts';

/** At most so many pods are created or deleted in one sync. */
const BURST_REPLICAS = 250;
const STATUS_UPDATE_RETRIES = 1;

export function startDaemonSetController(context: ControllerContext): Controller {
  return new DaemonSetController(context).loop;
}

class DaemonSetController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #sets: Informer<DaemonSet>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #revisions: Informer<ControllerRevision>;
  readonly #expectations: ControllerExpectations;
  readonly #consistency = new Consistency();
  readonly #failed = new FailedPodsBackoff();
  readonly #recorder: EventRecorder;
  readonly #control: PodControl;

  constructor(context: ControllerContext) {
    this.#c = context;
    const { client, clock, informers, signal, flags } = context;
    this.#recorder = context.recorder('daemonset-controller');
    this.#control = new PodControl({ client, recorder: this.#recorder, signal });
    this.#expectations = new ControllerExpectations(clock);
    this.loop = new ControllerLoop(context, {
      name: 'daemonset',
      workers: flags.concurrentDaemonsetSyncs,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#sets = informers.informer<DaemonSet>(DAEMONSETS);
    this.#pods = informers.informer<Pod>(PODS);
    this.#nodes = informers.informer<Node>(NODES);
    this.#revisions = informers.informer<ControllerRevision>(CONTROLLERREVISIONS);
    this.#pods.addIndex(BY_CONTROLLER, controllerIndex);
    this.#pods.addIndex(BY_NODE, nodeIndex);
    this.#revisions.addIndex(BY_CONTROLLER, controllerIndex);
    this.#sets.addHandler({
      added: (set) => this.loop.enqueue(set),
      updated: (old, set) => {
        if (old.metadata.uid !== set.metadata.uid) this.#expectations.delete(keyOf(old));
        this.loop.enqueue(set);
      },
      deleted: (set) => {
        this.#expectations.delete(keyOf(set));
        this.#consistency.clear(keyOf(set));
        this.loop.enqueue(set);
      },
    });
    this.#pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (old, pod) => this.#podUpdated(old, pod),
      deleted: (pod) => this.#podDeleted(pod),
    });
    this.#revisions.addHandler({
      added: (r) => {
        if (!controllerOf(r)) this.#enqueueSelecting(r);
      },
      updated: (old, r) => this.#revisionUpdated(old, r),
      deleted: (r) => this.#enqueueOwner(r),
    });
    this.#nodes.addHandler({
      added: (node) => this.#nodeChanged(node),
      updated: (old, node) => {
        const same = semanticEqual(old.metadata.labels, node.metadata.labels);
        if (!same || !semanticEqual(old.spec?.taints, node.spec?.taints)) this.#nodeChanged(node);
      },
    });
  }

  #resolve(namespace: string | undefined, ref: OwnerReference | undefined): DaemonSet | undefined {
    if (ref?.kind !== 'DaemonSet') return undefined;
    const set = this.#sets.lister.get(namespace, ref.name);
    return set?.metadata.uid === ref.uid ? set : undefined;
  }

  #enqueueSelecting(object: KubeObject): void {
    for (const set of this.#sets.lister.list(object.metadata.namespace))
      if (selects(set.spec?.selector, object)) this.loop.enqueue(set);
  }

  #enqueueOwner(object: KubeObject): DaemonSet | undefined {
    const set = this.#resolve(object.metadata.namespace, controllerOf(object));
    if (set) this.loop.enqueue(set);
    return set;
  }

  #revisionUpdated(old: ControllerRevision, revision: ControllerRevision): void {
    const refChanged = !semanticEqual(controllerOf(old), controllerOf(revision));
    if (refChanged) this.#enqueueOwner(old);
    if (controllerOf(revision)) this.#enqueueOwner(revision);
    else if (refChanged || !semanticEqual(old.metadata.labels, revision.metadata.labels))
      this.#enqueueSelecting(revision);
  }

  #podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) return this.#podDeleted(pod);
    if (!controllerOf(pod)) return this.#enqueueSelecting(pod);
    const set = this.#enqueueOwner(pod);
    if (set) this.#expectations.creationObserved(keyOf(set));
  }

  #podUpdated(old: Pod, pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) return this.#podDeleted(pod);
    const refChanged = !semanticEqual(controllerOf(old), controllerOf(pod));
    if (refChanged) this.#enqueueOwner(old);
    if (!controllerOf(pod)) {
      if (refChanged || !semanticEqual(old.metadata.labels, pod.metadata.labels)) this.#enqueueSelecting(pod);
      return;
    }
    const set = this.#enqueueOwner(pod);
    const minReadySeconds = set?.spec?.minReadySeconds ?? 0;
    if (set && minReadySeconds > 0 && !isPodReady(old) && isPodReady(pod))
      this.loop.enqueueAfter(set, minReadySeconds * 1000 + 1000);
  }

  #podDeleted(pod: Pod): void {
    const set = this.#enqueueOwner(pod);
    if (set) this.#expectations.deletionObserved(keyOf(set), keyOf(pod));
  }

  /** Sets for which this node makes a difference now. */
  #nodeChanged(node: Node): void {
    const pods = this.#pods.lister.byIndex(BY_NODE, node.metadata.name!);
    for (const set of this.#sets.lister.list()) {
      const { shouldRun, shouldContinueRunning } = placementOn(node, set);
      const isThere = pods.some((p) => isControlledBy(p, set));
      const differs = isThere ? !shouldContinueRunning || (set.status?.numberMisscheduled ?? 0) > 0 : shouldRun;
      if (differs) this.loop.enqueue(set);
    }
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    if (!this.#consistency.isReady(key)) throw new Error(`caches have not seen the last writes for ${key} yet`);
    const { namespace, name } = splitKey(key);
    const cached = this.#sets.lister.get(namespace, name);
    if (!cached) return this.#expectations.delete(key);
    const set = withKind(cached, DAEMONSETS);
    if (isEmptySelector(set.spec!.selector)) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      this.#recorder.event(set, 'Warning', 'SelectingAll', message);
      return;
    }
    // What it owned may be orphaned or deleted already, in any order: nothing that is counted now can be relied on.
    if (set.metadata.deletionTimestamp !== undefined) return;

    const pods = await this.#podsOf(set, signal);
    const options = { client: this.#c.client, revisions: this.#revisions, pods, signal };
    const { current, old } = await daemonHistory(set, options);
    const view: DaemonView = {
      set,
      nodes: this.#nodes.lister.list(),
      podsByNode: groupByNode(pods),
      hash: hashOf(current),
      now: this.#c.clock.now(),
    };
    const observed = this.#expectations.satisfied(key);
    let failure: unknown;
    let backoff: number | undefined;
    if (observed) {
      try {
        backoff = await this.#manage(key, view);
        if (this.#expectations.satisfied(key) && set.spec?.updateStrategy?.type === 'RollingUpdate')
          await this.#change(key, view, rollingUpdate(view));
        for (const r of revisionsToDelete(set, old, pods))
          await this.#c.client.delete(CONTROLLERREVISIONS, r.metadata.name!, { namespace: namespace!, signal });
      } catch (err) {
        failure = err;
      }
    }
    const { numberReady, numberAvailable } = await this.#updateStatus(view, observed, signal);
    if (failure !== undefined) throw failure;
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    const waits = minReadySeconds > 0 && numberReady !== numberAvailable ? minReadySeconds * 1000 : Infinity;
    const next = Math.min(waits, backoff ?? Infinity);
    if (next !== Infinity) return { requeueAfter: next };
  }

  #podsOf(set: DaemonSet, signal: AbortSignal): Promise<Pod[]> {
    const { lister } = this.#pods;
    const known = [
      ...lister.byIndex(BY_CONTROLLER, set.metadata.uid!),
      ...lister.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace)),
    ];
    return claim(known, {
      client: this.#c.client,
      owner: set,
      ownerRef: DAEMONSETS,
      ref: PODS,
      matches: (pod) => selects(set.spec?.selector, pod),
      signal,
    });
  }

  /** Brings every node to one pod. The answer: ms after which a failed pod may be replaced. */
  async #manage(key: string, view: DaemonView): Promise<number | undefined> {
    const { set, now } = view;
    const changes: Changes = { create: [], delete: [] };
    const delays: number[] = [];
    const backoff = (node: string) => {
      const of = `${set.metadata.uid}/${set.status?.observedGeneration ?? 0}/${node}`;
      const delay = this.#failed.waiting(of, now);
      if (delay === undefined) this.#failed.next(of, now);
      return delay;
    };
    for (const node of view.nodes) {
      const on = changesOnNode(view, node, backoff);
      const name = node.metadata.name!;
      if (on.create) changes.create.push(name);
      changes.delete.push(...on.delete);
      if (on.backoff !== undefined) delays.push(on.backoff);
      const where = (p: Pod) => `${p.metadata.namespace}/${p.metadata.name} on node ${name}`;
      for (const p of on.failed)
        this.#recorder.event(
          set,
          'Warning',
          'FailedDaemonPod',
          `Found failed daemon pod ${where(p)}, will try to kill it`,
        );
      for (const p of on.succeeded)
        this.#recorder.event(
          set,
          'Normal',
          'SucceededDaemonPod',
          `Found succeeded daemon pod ${where(p)}, will try to delete it`,
        );
    }
    changes.delete.push(...podsWithoutNode(view));
    await this.#change(key, view, changes);
    return delays.length > 0 ? Math.min(...delays) : undefined;
  }

  async #change(key: string, { set, hash }: DaemonView, changes: Changes): Promise<void> {
    const create = changes.create.slice(0, BURST_REPLICAS);
    const doomed = changes.delete.slice(0, BURST_REPLICAS);
    this.#expectations.expectCreations(key, create.length);
    this.#expectations.raise(key, 0, doomed.map(keyOf));
    const { successes, error } = await slowStart(create.length, async (i) => {
      try {
        await this.#control.create(daemonPod(set, create[i]!, hash), set);
      } catch (err) {
        // Its namespace goes away: nothing will be created, and trying again is useless.
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    for (let i = successes; i < create.length; i++) this.#expectations.creationObserved(key);
    let failure = error;
    await Promise.all(
      doomed.map(async (pod) => {
        try {
          await this.#control.delete(pod, set);
        } catch (err) {
          this.#expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(err)) failure ??= err;
        }
      }),
    );
    if (failure !== undefined) throw failure;
  }

  async #updateStatus(view: DaemonView, observed: boolean, signal: AbortSignal) {
    const counts = countsOf(view);
    let { set } = view;
    if (isStatusCurrent(set, counts)) return counts;
    const { client } = this.#c;
    const { generation, name, namespace } = set.metadata;
    for (let tries = 0; ; tries++) {
      try {
        // What was acted on is the generation of the cache, not of what a retry reads.
        const of = generation === undefined ? set : { ...set, metadata: { ...set.metadata, generation } };
        const next = { ...set, status: statusWith(of, counts, observed) };
        const written = await client.update<DaemonSet>(DAEMONSETS, next, { subresource: 'status', signal });
        this.#consistency.wrote(keyOf(set), this.#sets, written);
        return counts;
      } catch (err) {
        if (tries >= STATUS_UPDATE_RETRIES || signal.aborted) throw err;
        set = await client.get<DaemonSet>(DAEMONSETS, name!, { namespace: namespace!, signal });
      }
    }
  }
}
