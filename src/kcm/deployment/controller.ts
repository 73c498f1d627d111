/**
 * Brings a Deployment's ReplicaSets to its template and size: rolling or recreating, pausing, scaling, rolling back, and
 * cleaning up history. All arithmetic is in plan.ts and status.ts. Upstream: pkg/controller/deployment
 */
import type { Deployment, ReplicaSet } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { splitKey } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { DEPLOYMENTS, PODS, REPLICASETS } from '../../client/resources.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { BY_CONTROLLER, claim, controllerIndex, controllerOf, orphansOf } from '../owners.ts';
import { isEmptySelector, selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { Rollout } from './rollout.ts';

const MAX_RETRIES = 15;

export function startDeploymentController(context: ControllerContext): Controller {
  return new DeploymentController(context).loop;
}

class DeploymentController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #recorder;

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('deployment-controller');
    this.loop = new ControllerLoop(context, {
      name: 'deployment',
      workers: context.flags.concurrentDeploymentSyncs,
      sync: (key, signal) => this.#sync(key, signal),
      maxRetries: MAX_RETRIES,
      forgiveTerminatingNamespace: true,
    });
    this.#deployments = context.informers.informer<Deployment>(DEPLOYMENTS);
    this.#sets = context.informers.informer<ReplicaSet>(REPLICASETS);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#sets.addIndex(BY_CONTROLLER, controllerIndex);
    this.#pods.addIndex(BY_CONTROLLER, controllerIndex);
    const enqueue = (d: Deployment) => this.loop.enqueue(d);
    this.#deployments.addHandler({ added: enqueue, updated: (_, d) => enqueue(d), deleted: enqueue });
    this.#sets.addHandler({
      added: (set) => this.#setChanged(undefined, set),
      updated: (old, set) => this.#setChanged(old, set),
      deleted: (set) => this.#enqueueOwner(set),
    });
    this.#pods.addHandler({ deleted: (pod) => this.#podDeleted(pod) });
  }

  #resolve(namespace: string | undefined, ref: OwnerReference | undefined): Deployment | undefined {
    if (ref?.kind !== 'Deployment') return undefined;
    const d = this.#deployments.lister.get(namespace, ref.name);
    return d?.metadata.uid === ref.uid ? d : undefined;
  }

  #enqueueOwner(object: KubeObject): void {
    const d = this.#resolve(object.metadata.namespace, controllerOf(object));
    if (d) this.loop.enqueue(d);
  }

  #setChanged(old: ReplicaSet | undefined, set: ReplicaSet): void {
    const refChanged = old !== undefined && !semanticEqual(controllerOf(old), controllerOf(set));
    if (refChanged) this.#enqueueOwner(old);
    if (controllerOf(set)) {
      this.#enqueueOwner(set);
      return;
    }
    if (set.metadata.deletionTimestamp !== undefined) return;
    if (old && !refChanged && semanticEqual(old.metadata.labels, set.metadata.labels)) return;
    for (const d of this.#deployments.lister.list(set.metadata.namespace))
      if (selects(d.spec?.selector, set)) this.loop.enqueue(d);
  }

  /** Recreate waits for the last old pod to go. */
  #podDeleted(pod: Pod): void {
    const ref = controllerOf(pod);
    if (ref?.kind !== 'ReplicaSet') return;
    const set = this.#sets.lister.get(pod.metadata.namespace, ref.name);
    if (set?.metadata.uid !== ref.uid) return;
    const d = this.#resolve(set!.metadata.namespace, controllerOf(set!));
    if (d?.spec?.strategy?.type !== 'Recreate') return;
    const sets = this.#sets.lister.byIndex(BY_CONTROLLER, d.metadata.uid!);
    if (sets.every((rs) => this.#podsOf(rs).length === 0)) this.loop.enqueue(d);
  }

  #podsOf(set: ReplicaSet): Pod[] {
    return this.#pods.lister.byIndex(BY_CONTROLLER, set.metadata.uid!);
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const { namespace, name } = splitKey(key);
    const cached = this.#deployments.lister.get(namespace, name);
    if (!cached) return;
    const { client, clock, log } = this.#c;
    const selector = cached.spec!.selector;
    const rollout = new Rollout({ client, clock, log, recorder: this.#recorder, signal }, cached, (ns, n) =>
      this.#sets.lister.get(ns, n),
    );
    if (!selector || isEmptySelector(selector)) return rollout.refuseEmptySelector();
    const sets = await claim(
      [
        ...this.#sets.lister.byIndex(BY_CONTROLLER, cached.metadata.uid!),
        ...this.#sets.lister.byIndex(BY_CONTROLLER, orphansOf(namespace)),
      ],
      { client, owner: cached, ownerRef: DEPLOYMENTS, ref: REPLICASETS, matches: (o) => selects(selector, o), signal },
    );
    return rollout.sync(sets, (set) => this.#podsOf(set));
  }
}
