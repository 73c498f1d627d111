/** Runs Jobs: watches them and their pods, and lets pods go whose Job is over or gone. Upstream: pkg/controller/job */
import type { Job } from '../../api/batch-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { ControllerExpectations } from '../../client/expectations.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import { ItemExponentialFailureRateLimiter } from '../../client/rate-limiter.ts';
import { JOBS, PODS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { OwnerReference } from '../../machinery/meta/object.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop, together } from '../controller.ts';
import { BY_CONTROLLER, claim, controllerIndex, controllerOf, orphansOf } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { isPodActive } from '../pods.ts';
import { selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { hasTrackingFinalizer, isExternallyManaged, isJobFinished, TRACKING_FINALIZER } from './plan.ts';
import type { JobMemory } from './sync.ts';
import { JobSync } from './sync.ts';

/** Changes of pods come in crowds; a Job is synced once for those of a second. */
const BATCH_MS = 1_000;

export function startJobController(context: ControllerContext): Controller {
  return new JobController(context).controller;
}

class JobController {
  readonly controller: Controller;
  readonly #c: ControllerContext;
  readonly #loop: ControllerLoop;
  readonly #orphans: ControllerLoop;
  readonly #jobs;
  readonly #pods;
  readonly #recorder;
  readonly #memory: JobMemory;

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('job-controller');
    this.#memory = {
      expectations: new ControllerExpectations(context.clock),
      removed: new Map(),
      backoff: new Map(),
      finished: new Set(),
    };
    const rateLimiter = () => new ItemExponentialFailureRateLimiter<string>(1_000, 60_000);
    const workers = context.flags.concurrentJobSyncs;
    this.#loop = new ControllerLoop(context, {
      name: 'job',
      workers,
      rateLimiter: rateLimiter(),
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#orphans = new ControllerLoop(context, {
      name: 'job_orphan_pod',
      workers,
      rateLimiter: rateLimiter(),
      sync: (key, signal) => this.#syncOrphan(key, signal),
    });
    this.controller = together(this.#loop, this.#orphans);
    this.#jobs = context.informers.informer<Job>(JOBS);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#pods.addIndex(BY_CONTROLLER, controllerIndex);
    this.#jobs.addHandler({
      added: (job) => this.#loop.enqueue(job),
      updated: (old, job) => this.#jobUpdated(old, job),
      deleted: (job) => {
        this.#loop.enqueue(job);
        this.#memory.finished.delete(job.metadata.uid!);
        this.#memory.backoff.delete(keyOf(job));
        this.#releasePodsOf(job);
      },
    });
    this.#pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (old, pod) => this.#podUpdated(old, pod),
      deleted: (pod) => this.#podDeleted(pod, true),
    });
  }

  #resolve(namespace: string | undefined, ref: OwnerReference | undefined): Job | undefined {
    if (ref?.kind !== 'Job') return undefined;
    const job = this.#jobs.lister.get(namespace, ref.name);
    return job?.metadata.uid === ref.uid ? job : undefined;
  }

  #enqueueBatched(job: Job): void {
    this.#loop.enqueueAfter(job, BATCH_MS);
  }

  #enqueueSelecting(pod: Pod): void {
    for (const job of this.#jobs.lister.list(pod.metadata.namespace))
      if (selects(job.spec?.selector, pod)) this.#enqueueBatched(job);
  }

  #jobUpdated(old: Job, job: Job): void {
    if (isJobFinished(job)) {
      this.#releasePodsOf(job);
      this.#loop.enqueue(job);
      return;
    }
    // Our own status writes need no haste; a change of the spec does.
    if (old.metadata.generation === job.metadata.generation) this.#enqueueBatched(job);
    else this.#loop.enqueue(job);
  }

  #podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.#podDeleted(pod, false);
      return;
    }
    const ref = controllerOf(pod);
    if (ref) {
      const job = this.#resolve(pod.metadata.namespace, ref);
      if (!job) return;
      this.#memory.expectations.creationObserved(keyOf(job));
      this.#enqueueBatched(job);
      return;
    }
    if (hasTrackingFinalizer(pod)) this.#orphans.enqueue(pod);
    this.#enqueueSelecting(pod);
  }

  #podUpdated(old: Pod, pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.#podDeleted(pod, false);
      return;
    }
    const oldRef = controllerOf(old);
    const ref = controllerOf(pod);
    const refChanged = !semanticEqual(oldRef, ref);
    const observe = (job: Job | undefined) => {
      if (!job) return;
      if (!hasTrackingFinalizer(pod)) this.#memory.removed.get(keyOf(job))?.delete(pod.metadata.uid!);
      this.#enqueueBatched(job);
    };
    if (refChanged && oldRef) observe(this.#resolve(old.metadata.namespace, oldRef));
    if (ref) {
      observe(this.#resolve(pod.metadata.namespace, ref));
      return;
    }
    if (hasTrackingFinalizer(pod)) this.#orphans.enqueue(pod);
    if (refChanged || !semanticEqual(old.metadata.labels, pod.metadata.labels)) this.#enqueueSelecting(pod);
  }

  /** `final`: the pod is gone, not only being deleted. */
  #podDeleted(pod: Pod, final: boolean): void {
    const job = this.#resolve(pod.metadata.namespace, controllerOf(pod));
    const tracked = hasTrackingFinalizer(pod);
    if (!job || isJobFinished(job)) {
      if (tracked && !final) this.#orphans.enqueue(pod);
      return;
    }
    const key = keyOf(job);
    this.#memory.expectations.deletionObserved(key, keyOf(pod));
    if (final || !tracked) this.#memory.removed.get(key)?.delete(pod.metadata.uid!);
    this.#enqueueBatched(job);
  }

  #releasePodsOf(job: Job): void {
    for (const pod of this.#pods.lister.byIndex(BY_CONTROLLER, job.metadata.uid!))
      if (hasTrackingFinalizer(pod)) this.#orphans.enqueue(pod);
  }

  async #sync(key: string, signal: AbortSignal): Promise<SyncResult> {
    const { namespace, name } = splitKey(key);
    const cached = this.#jobs.lister.get(namespace, name);
    const memory = this.#memory;
    if (!cached) {
      memory.expectations.delete(key);
      memory.removed.delete(key);
      memory.backoff.delete(key);
      return;
    }
    if (isExternallyManaged(cached)) return;
    if (isJobFinished(cached)) {
      memory.backoff.delete(key);
      memory.finished.delete(cached.metadata.uid!);
      return;
    }
    if (memory.finished.has(cached.metadata.uid!)) return;
    const job = withKind(cached, JOBS);
    const mode = job.spec?.completionMode;
    if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') {
      this.#recorder.event(
        job,
        'Warning',
        'UnknownCompletionMode',
        'Skipped Job sync because completion mode is unknown',
      );
      return;
    }
    const satisfied = memory.expectations.satisfied(key);
    const pods = await this.#podsOf(job, signal);
    return new JobSync(this.#c, memory, this.#recorder, job, pods, pods.filter(isPodActive), signal).run(satisfied);
  }

  async #podsOf(job: Job, signal: AbortSignal): Promise<Pod[]> {
    const { lister } = this.#pods;
    const claimed = await claim(
      [
        ...lister.byIndex(BY_CONTROLLER, job.metadata.uid!),
        ...lister.byIndex(BY_CONTROLLER, orphansOf(job.metadata.namespace)),
      ],
      {
        client: this.#c.client,
        owner: job,
        ownerRef: JOBS,
        ref: PODS,
        signal,
        finalizers: [TRACKING_FINALIZER],
        matches: (pod) => selects(job.spec?.selector, pod),
      },
    );
    // Just adopted: the finalizer is on, though the cache does not show it.
    return claimed.map((p) => {
      if (controllerOf(p) || hasTrackingFinalizer(p)) return p;
      return { ...p, metadata: { ...p.metadata, finalizers: [...(p.metadata.finalizers ?? []), TRACKING_FINALIZER] } };
    });
  }

  /** A pod nobody counts any more must not be held by the finalizer. */
  async #syncOrphan(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.#pods.lister.getByKey(key);
    if (!pod || !hasTrackingFinalizer(pod)) return;
    const ref = controllerOf(pod);
    if (ref) {
      if (ref.kind !== 'Job' || ref.apiVersion !== 'batch/v1') return;
      const job = this.#resolve(pod.metadata.namespace, ref);
      if (job && (isExternallyManaged(job) || !isJobFinished(job))) return;
    }
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
    try {
      await this.#c.client.patch(PODS, pod.metadata.name!, 'strategic', patch, {
        namespace: pod.metadata.namespace!,
        signal,
      });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
