/** Keeps the status of PodDisruptionBudgets, from which evictions take. Upstream: pkg/controller/disruption */
import type { Pod } from '../../api/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/policy-v1.ts';
import type { ResourceRef } from '../../client/client.ts';
import { discover } from '../../client/discovery.ts';
import {
  DEPLOYMENTS,
  PODDISRUPTIONBUDGETS,
  PODS,
  REPLICASETS,
  REPLICATIONCONTROLLERS,
  STATEFULSETS,
} from '../../client/resources.ts';
import { isConflict, isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import { apiVersionOf } from '../../machinery/meta/object.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { selectorOf } from '../selectors.ts';
import { budgetStatus, expectedPods, failSafeStatus, healthyPods, needsScale, pendingDisruptions } from './plan.ts';

type Scalable = KubeObject & { spec?: { replicas?: number } };

export function startDisruptionController(context: ControllerContext): Controller {
  return new DisruptionController(context).loop;
}

class DisruptionController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #budgets;
  readonly #pods;
  readonly #recorder;
  /** Caches of the controllers whose size is in `spec.replicas`. */
  readonly #sized: readonly { ref: ResourceRef; informer: ReturnType<ControllerContext['informers']['informer']> }[];

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('controllermanager');
    this.loop = new ControllerLoop(context, {
      name: 'disruption',
      workers: 1,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#budgets = context.informers.informer<PodDisruptionBudget>(PODDISRUPTIONBUDGETS);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#sized = [REPLICASETS, DEPLOYMENTS, REPLICATIONCONTROLLERS, STATEFULSETS].map((ref) => ({
      ref,
      informer: context.informers.informer<Scalable>(ref),
    }));
    const enqueue = (pdb: PodDisruptionBudget) => this.loop.enqueue(pdb);
    this.#budgets.addHandler({ added: enqueue, updated: (_, pdb) => enqueue(pdb) });
    const podChanged = (pod: Pod) => {
      for (const pdb of this.#budgets.lister.list(pod.metadata.namespace)) if (covers(pdb, pod)) enqueue(pdb);
    };
    this.#pods.addHandler({ added: podChanged, updated: (_, pod) => podChanged(pod), deleted: podChanged });
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const cached = this.#budgets.lister.getByKey(key);
    if (!cached) return;
    const pdb = withKind(cached, PODDISRUPTIONBUDGETS);
    try {
      return await this.#trySync(pdb, signal);
    } catch (err) {
      if (signal.aborted || isConflict(err)) throw err;
      this.#c.log.warn('failed to sync PodDisruptionBudget', { key, err });
      await this.#write(pdb, failSafeStatus(pdb, (err as Error).message, this.#timestamp()), signal);
    }
  }

  async #trySync(pdb: PodDisruptionBudget, signal: AbortSignal): Promise<SyncResult> {
    const now = this.#c.clock.now();
    const pods = this.#pods.lister.list(pdb.metadata.namespace).filter((p) => covers(pdb, p));
    if (pods.length === 0) this.#recorder.event(pdb, 'Normal', 'NoPods', 'No matching pods found');
    const scale = needsScale(pdb) ? await this.#scaleOf(pdb, pods, signal) : 0;
    const { expected, desired } = expectedPods(pdb, pods.length, scale);
    const { pending, overdue, recheck } = pendingDisruptions(pdb, pods, now);
    for (const pod of overdue) {
      const { namespace } = pdb.metadata;
      const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
      this.#recorder.event(withKind(pod, PODS), 'Warning', 'NotDeleted', message);
    }
    const status = budgetStatus(
      pdb,
      { healthy: healthyPods(pods, pending, now), desired, expected, pending },
      this.#timestamp(),
    );
    if (status) await this.#write(pdb, status, signal);
    return recheck === undefined ? undefined : { requeueAfter: recheck + 1 };
  }

  /** The sum of the sizes of the pods' controllers. */
  async #scaleOf(pdb: PodDisruptionBudget, pods: readonly Pod[], signal: AbortSignal): Promise<number> {
    const scales = new Map<string, number>();
    let unmanaged = false;
    try {
      for (const pod of pods) {
        const ref = controllerOf(pod);
        if (!ref) unmanaged = true;
        else if (!scales.has(ref.uid)) {
          const found = await this.#controllerScale(ref, pod.metadata.namespace!, signal);
          if (!found) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
          scales.set(ref.uid, 0);
          scales.set(found.uid, found.scale);
        }
      }
    } catch (err) {
      const message = `Failed to calculate the number of expected pods: ${(err as Error).message}`;
      if (!signal.aborted) this.#recorder.event(pdb, 'Warning', 'CalculateExpectedPodCountFailed', message);
      throw err;
    }
    if (unmanaged) {
      const selector = selectorOf(pdb.spec?.selector)?.toString() ?? '';
      const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      this.#recorder.event(pdb, 'Warning', 'UnmanagedPods', message);
    }
    return [...scales.values()].reduce((a, b) => a + b, 0);
  }

  async #controllerScale(
    ref: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<{ uid: string; scale: number } | undefined> {
    const known = this.#sized.find(({ ref: r }) => r.kind === ref.kind && apiVersionOf(r) === ref.apiVersion);
    if (!known) return this.#customScale(ref, namespace, signal);
    const owner = known.informer.lister.get(namespace, ref.name) as Scalable | undefined;
    if (owner?.metadata.uid !== ref.uid) return undefined;
    // A ReplicaSet in the middle of a rollout says little; its Deployment says how many there should be in all.
    const above = ref.kind === 'ReplicaSet' ? controllerOf(owner) : undefined;
    if (above?.kind === 'Deployment') return this.#controllerScale(above, namespace, signal);
    return { uid: ref.uid, scale: owner.spec?.replicas ?? 1 };
  }

  async #customScale(
    ref: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<{ uid: string; scale: number } | undefined> {
    const { client } = this.#c;
    const { resources } = await discover(client, signal);
    const resource = resources.find((r) => r.kind === ref.kind && apiVersionOf(r) === ref.apiVersion);
    if (!resource) return undefined;
    try {
      const url = `/apis/${ref.apiVersion}/namespaces/${namespace}/${resource.resource}/${ref.name}/scale`;
      const scale = await client.raw<Scalable>('GET', url, undefined, { signal });
      return scale.metadata.uid === ref.uid ? { uid: ref.uid, scale: scale.spec?.replicas ?? 0 } : undefined;
    } catch (err) {
      if (isNotFound(err))
        throw new Error(`${resource.resource}.${resource.group} does not implement the scale subresource`, {
          cause: err,
        });
      throw err;
    }
  }

  async #write(
    pdb: PodDisruptionBudget,
    status: NonNullable<PodDisruptionBudget['status']>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#c.client.update<PodDisruptionBudget>(
      PODDISRUPTIONBUDGETS,
      { ...pdb, status },
      { subresource: 'status', signal },
    );
  }
  #timestamp(): string {
    return formatTime(this.#c.clock.now());
  }
}

/** No selector covers nothing, an empty one everything in the namespace. */
function covers(pdb: PodDisruptionBudget, pod: Pod): boolean {
  try {
    return selectorOf(pdb.spec?.selector)?.matches(pod.metadata.labels ?? {}) ?? false;
  } catch {
    return false;
  }
}
