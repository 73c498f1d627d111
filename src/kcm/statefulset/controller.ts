/** Runs StatefulSets: watches them, their pods, claims and revisions. Upstream: pkg/controller/statefulset */
import type { ControllerRevision, StatefulSet } from '../../api/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { splitKey } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS } from '../../client/resources.ts';
import type { OwnerReference } from '../../machinery/meta/object.ts';
import { Consistency } from '../consistency.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { History } from '../history.ts';
import { BY_CONTROLLER, claim, controllerIndex, controllerOf, orphansOf } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { isPodReady, nextAvailabilityCheck } from '../pods.ts';
import { selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { isMemberOf } from './identity.ts';
import { StatefulPodControl } from './pod-control.ts';
import { syncStatefulSet } from './sync.ts';

export function startStatefulSetController(context: ControllerContext): Controller {
  return new StatefulSetController(context).loop;
}

class StatefulSetController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Informer<Pod>;
  readonly #history: History;
  readonly #control: StatefulPodControl;
  readonly #consistency = new Consistency();

  constructor(context: ControllerContext) {
    this.#c = context;
    const { client, informers, flags } = context;
    this.#sets = informers.informer<StatefulSet>(STATEFULSETS);
    this.#pods = informers.informer<Pod>(PODS);
    this.#pods.addIndex(BY_CONTROLLER, controllerIndex);
    const revisions = informers.informer<ControllerRevision>(CONTROLLERREVISIONS);
    revisions.addIndex(BY_CONTROLLER, controllerIndex);
    this.#history = new History({ client, revisions, ref: STATEFULSETS });
    this.#control = new StatefulPodControl({
      client,
      recorder: context.recorder('statefulset-controller'),
      pods: this.#pods,
      claims: informers.informer<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS),
      consistency: this.#consistency,
    });
    this.loop = new ControllerLoop(context, {
      name: 'statefulset',
      workers: flags.concurrentStatefulsetSyncs,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#sets.addHandler({
      added: (set) => this.loop.enqueue(set),
      updated: (_, set) => this.loop.enqueue(set),
      deleted: (set) => this.loop.enqueue(set),
    });
    this.#pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (old, pod) => this.#podUpdated(old, pod),
      deleted: (pod) => this.#podDeleted(pod),
    });
  }

  #resolve(namespace: string | undefined, ref: OwnerReference | undefined): StatefulSet | undefined {
    if (ref?.kind !== 'StatefulSet') return undefined;
    const set = this.#sets.lister.get(namespace, ref.name);
    return set?.metadata.uid === ref.uid ? set : undefined;
  }

  #enqueueSelecting(pod: Pod): void {
    for (const set of this.#sets.lister.list(pod.metadata.namespace))
      if (selects(set.spec?.selector, pod)) this.loop.enqueue(set);
  }

  #podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp === undefined && !controllerOf(pod)) return this.#enqueueSelecting(pod);
    this.#podDeleted(pod);
  }

  #podUpdated(old: Pod, pod: Pod): void {
    const oldRef = controllerOf(old);
    const ref = controllerOf(pod);
    const refChanged = !semanticEqual(oldRef, ref);
    if (refChanged) this.#podDeleted(old);
    if (!ref) {
      if (refChanged || !semanticEqual(old.metadata.labels, pod.metadata.labels)) this.#enqueueSelecting(pod);
      return;
    }
    const set = this.#resolve(pod.metadata.namespace, ref);
    if (!set) return;
    this.loop.enqueue(set);
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (!isPodReady(old) && isPodReady(pod) && minReadySeconds > 0) this.loop.enqueueAfter(set, minReadySeconds * 1000);
  }

  #podDeleted(pod: Pod): void {
    const set = this.#resolve(pod.metadata.namespace, controllerOf(pod));
    if (set) this.loop.enqueue(set);
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const consistency = this.#consistency;
    if (!consistency.isReady(key)) throw new Error(`caches have not seen the last writes for ${key} yet`);
    const { namespace, name } = splitKey(key);
    const cached = this.#sets.lister.get(namespace, name);
    if (!cached) return consistency.clear(key);
    const set = withKind(cached, STATEFULSETS);
    const revisions = await this.#history.list(set, signal);
    const pods = await this.#podsOf(set, signal);
    const now = this.#c.clock.now();
    const status = await syncStatefulSet(set, pods, revisions, {
      client: this.#c.client,
      history: this.#history,
      control: this.#control,
      sets: this.#sets,
      consistency,
      now,
      signal,
    });
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds > 0 && status.readyReplicas !== status.availableReplicas)
      return { requeueAfter: nextAvailabilityCheck(pods, minReadySeconds, now) ?? minReadySeconds * 1000 };
  }

  #podsOf(set: StatefulSet, signal: AbortSignal): Promise<Pod[]> {
    const { lister } = this.#pods;
    const known = [
      ...lister.byIndex(BY_CONTROLLER, set.metadata.uid!),
      ...lister.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace)),
    ];
    return claim(known, {
      client: this.#c.client,
      owner: set,
      ownerRef: STATEFULSETS,
      ref: PODS,
      matches: (pod) => selects(set.spec?.selector, pod) && isMemberOf(set, pod as Pod),
      signal,
    });
  }
}
