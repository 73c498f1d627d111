/**
 * Keeps as many pods as a ReplicaSet (or ReplicationController, through the same code) asks for, adopting matching
 * orphans and releasing what no longer matches. Upstream: pkg/controller/replicaset
 */
import type { ReplicaSet, ReplicaSetStatus } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { LabelSelector } from '../../api/meta-v1.ts';
import type { ResourceRef } from '../../client/client.ts';
import { ControllerExpectations } from '../../client/expectations.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { PODS, REPLICASETS } from '../../client/resources.ts';

import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { OwnerReference } from '../../machinery/meta/object.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { BY_CONTROLLER, claim, controllerIndex, controllerOf, isControlledBy, orphansOf } from '../owners.ts';
import { PodControl, podFromTemplate, slowStart, withKind } from '../pod-control.ts';
import { isPodActive, isPodReady, isPodTerminating, nextAvailabilityCheck, podsToDelete } from '../pods.ts';
import { selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { calculateStatus, isStatusCurrent, replicaDifference } from './plan.ts';

/** What differs between the kinds this code serves. */
export interface ReplicaKind {
  ref: ResourceRef;
  /** Queue name and event source. */
  queue: string;
  component: string;
  workers: number;
  selector(set: ReplicaSet): LabelSelector | undefined;
  /** Status has terminatingReplicas. */
  countsTerminating: boolean;
}

export function startReplicaSetController(context: ControllerContext): Controller {
  return startReplicaController(context, {
    ref: REPLICASETS,
    queue: 'replicaset',
    component: 'replicaset-controller',
    workers: context.flags.concurrentReplicasetSyncs,
    selector: (set) => set.spec?.selector,
    countsTerminating: true,
  });
}

export function startReplicaController(context: ControllerContext, kind: ReplicaKind): Controller {
  return new ReplicaController(context, kind).loop;
}

const STATUS_UPDATE_RETRIES = 1;

class ReplicaController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #kind: ReplicaKind;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: ControllerExpectations;
  readonly #control: PodControl;

  constructor(context: ControllerContext, kind: ReplicaKind) {
    this.#c = context;
    this.#kind = kind;
    this.#expectations = new ControllerExpectations(context.clock);
    this.#control = new PodControl({
      client: context.client,
      recorder: context.recorder(kind.component),
      signal: context.signal,
    });
    this.loop = new ControllerLoop(context, {
      name: kind.queue,
      workers: kind.workers,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#sets = context.informers.informer<ReplicaSet>(kind.ref);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#sets.addIndex(BY_CONTROLLER, controllerIndex);
    this.#pods.addIndex(BY_CONTROLLER, controllerIndex);
    this.#sets.addHandler({
      added: (set) => this.loop.enqueue(set),
      updated: (old, set) => {
        if (old.metadata.uid !== set.metadata.uid) this.#expectations.delete(keyOf(old));
        this.loop.enqueue(set);
      },
      deleted: (set) => {
        this.#expectations.delete(keyOf(set));
        this.loop.enqueue(set);
      },
    });
    this.#pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (old, pod) => this.#podUpdated(old, pod),
      deleted: (pod) => this.#podDeleted(pod),
    });
  }

  #resolve(namespace: string | undefined, ref: OwnerReference): ReplicaSet | undefined {
    if (ref.kind !== this.#kind.ref.kind) return undefined;
    const set = this.#sets.lister.get(namespace, ref.name);
    return set?.metadata.uid === ref.uid ? set : undefined;
  }

  #enqueueSelecting(pod: Pod): void {
    for (const set of this.#sets.lister.list(pod.metadata.namespace)) {
      if (selects(this.#kind.selector(set), pod)) this.loop.enqueue(set);
    }
  }

  #podAdded(pod: Pod): void {
    // After a restart pods may come that are already being deleted: they are no creations.
    if (pod.metadata.deletionTimestamp !== undefined) return this.#podDeleted(pod);
    const ref = controllerOf(pod);
    if (!ref) return this.#enqueueSelecting(pod);
    const set = this.#resolve(pod.metadata.namespace, ref);
    if (!set) return;
    this.#expectations.creationObserved(keyOf(set));
    this.loop.enqueue(set);
  }

  #podUpdated(old: Pod, pod: Pod): void {
    const labelChanged = !semanticEqual(old.metadata.labels, pod.metadata.labels);
    if (pod.metadata.deletionTimestamp !== undefined) {
      // Deletion counts from its beginning; the pod may take long to go.
      this.#podDeleted(pod);
      if (labelChanged) this.#podDeleted(old);
      return;
    }
    const oldRef = controllerOf(old);
    const ref = controllerOf(pod);
    const refChanged = !semanticEqual(oldRef, ref);
    if (refChanged && oldRef) {
      const set = this.#resolve(old.metadata.namespace, oldRef);
      if (set) this.loop.enqueue(set);
    }
    if (!ref) {
      if (labelChanged || refChanged) this.#enqueueSelecting(pod);
      return;
    }
    const set = this.#resolve(pod.metadata.namespace, ref);
    if (!set) return;
    this.loop.enqueue(set);
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (!isPodReady(old) && isPodReady(pod) && minReadySeconds > 0) this.loop.enqueueAfter(set, minReadySeconds * 1000);
  }

  #podDeleted(pod: Pod): void {
    const ref = controllerOf(pod);
    const set = ref && this.#resolve(pod.metadata.namespace, ref);
    if (!set) return;
    this.#expectations.deletionObserved(keyOf(set), keyOf(pod));
    this.loop.enqueue(set);
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const { namespace, name } = splitKey(key);
    const set = this.#sets.lister.get(namespace, name);
    if (!set) {
      this.#expectations.delete(key);
      return;
    }
    const satisfied = this.#expectations.satisfied(key);
    const selector = this.#kind.selector(set);
    const matches = (pod: Pod) => selects(selector, pod);
    const all = [
      ...this.#pods.lister.byIndex(BY_CONTROLLER, set.metadata.uid!),
      ...this.#pods.lister.byIndex(BY_CONTROLLER, orphansOf(namespace)),
    ];
    const active = await claim(all.filter(isPodActive), {
      client: this.#c.client,
      owner: set,
      ownerRef: this.#kind.ref,
      ref: PODS,
      matches: (o) => matches(o as Pod),
      signal,
    });
    const terminating = this.#kind.countsTerminating
      ? all.filter((p) => isPodTerminating(p) && isControlledBy(p, set) && matches(p))
      : undefined;

    let failure: unknown;
    if (satisfied && set.metadata.deletionTimestamp === undefined) failure = await this.#manage(key, set, active);
    const now = this.#c.clock.now();
    const status = calculateStatus({
      set,
      active,
      terminating,
      now,
      timestamp: formatTime(now),
      failure: failure === undefined ? undefined : failure instanceof Error ? failure.message : String(failure),
    });
    await this.#updateStatus(set, status, signal);
    if (failure !== undefined) throw failure;
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds > 0 && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0)) {
      return { requeueAfter: nextAvailabilityCheck(active, minReadySeconds, now) ?? minReadySeconds * 1000 };
    }
  }

  /** Creates or deletes pods; the answer is what failed. */
  async #manage(key: string, set: ReplicaSet, active: readonly Pod[]): Promise<unknown> {
    const diff = replicaDifference(set, active.length);
    if (diff > 0) return this.#create(key, set, diff);
    if (diff < 0) return this.#delete(key, set, active, -diff);
    return undefined;
  }

  async #create(key: string, set: ReplicaSet, count: number): Promise<unknown> {
    this.#expectations.expectCreations(key, count);
    const owner = withKind(set, this.#kind.ref);
    const pod = podFromTemplate(set.spec!.template!, owner, this.#kind.ref);
    const { successes, error } = await slowStart(count, async () => {
      try {
        await this.#control.create(pod, owner);
      } catch (err) {
        // The namespace goes away and everything in it: nothing will be created, and trying again is useless.
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    for (let i = successes; i < count; i++) this.#expectations.creationObserved(key);
    return error;
  }

  async #delete(key: string, set: ReplicaSet, active: readonly Pod[], count: number): Promise<unknown> {
    const victims = podsToDelete(active, this.#relatedPods(set), count, this.#c.clock.now());
    this.#expectations.expectDeletions(key, victims.map(keyOf));
    const owner = withKind(set, this.#kind.ref);
    let failure: unknown;
    await Promise.all(
      victims.map(async (pod) => {
        try {
          await this.#control.delete(pod, owner);
        } catch (err) {
          this.#expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(err)) failure ??= err;
        }
      }),
    );
    return failure;
  }

  /** Pods of all sets with the same controller (the ReplicaSets of one Deployment). */
  #relatedPods(set: ReplicaSet): Pod[] {
    const ref = controllerOf(set);
    if (!ref) return [];
    const seen = new Map<string, Pod>();
    for (const sibling of this.#sets.lister.byIndex(BY_CONTROLLER, ref.uid)) {
      for (const pod of this.#pods.lister.list(sibling.metadata.namespace)) {
        if (selects(this.#kind.selector(sibling), pod)) seen.set(pod.metadata.uid!, pod);
      }
    }
    return [...seen.values()];
  }

  async #updateStatus(cached: ReplicaSet, status: ReplicaSetStatus, signal: AbortSignal): Promise<void> {
    if (isStatusCurrent(cached, status)) return;
    const { client } = this.#c;
    const { ref } = this.#kind;
    let set = cached;
    for (let tries = 0; ; tries++) {
      try {
        await client.update<ReplicaSet>(ref, { ...set, status }, { subresource: 'status', signal });
        return;
      } catch (err) {
        if (tries >= STATUS_UPDATE_RETRIES || signal.aborted) throw err;
        set = await client.get<ReplicaSet>(ref, cached.metadata.name!, {
          namespace: cached.metadata.namespace!,
          signal,
        });
      }
    }
  }
}
