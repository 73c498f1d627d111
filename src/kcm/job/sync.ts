/**
 * One sync of one Job. Pods are counted exactly once: a finished pod's uid goes into the status (uncounted), then its
 * finalizer is taken off, then the uid becomes part of the count. Upstream: pkg/controller/job/job_controller.go syncJob
 */
import type { Job, JobCondition, JobStatus } from '../../api/batch-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { ControllerExpectations } from '../../client/expectations.ts';
import { keyOf } from '../../client/indexer.ts';
import { JOBS, PODS } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { ControllerContext, SyncResult } from '../controller.ts';
import { PodControl, slowStart } from '../pod-control.ts';
import { isPodReady, isPodTerminating } from '../pods.ts';
import type { BackoffRecord } from './backoff.ts';
import { NO_FAILURES, nextBackoffRecord, remainingTime, remainingTimeOfIndex } from './backoff.ts';
import { completionIndex, hasBackoffLimitPerIndex, Indexes, isIndexed } from './indexes.ts';
import type { IndexState, JobView } from './plan.ts';
import {
  deadlineLeft,
  failureCondition,
  hasTrackingFinalizer,
  indexCondition,
  indexState,
  isPodFailed,
  isSuspended,
  newCondition,
  onlyReplaceFailed,
  pendingIndexes,
  podsToRemove,
  TRACKING_FINALIZER,
  trueCondition,
  validPods,
  wantedActive,
  withConditionStatus,
} from './plan.ts';
import { podOfJob } from './pod-template.ts';
import { matchPodFailurePolicy } from './policies.ts';

const MAX_UNCOUNTED = 500;
const MAX_PODS_PER_SYNC = 500;
const MIN_DELAY_MS = 1_000;

/** What the controller keeps over syncs. */
export interface JobMemory {
  expectations: ControllerExpectations;
  /** Job key -> uids of pods whose finalizer was removed, not seen in the cache yet. */
  removed: Map<string, Set<string>>;
  backoff: Map<string, BackoffRecord>;
  /** Uids of Jobs written as finished, not seen in the cache yet. */
  finished: Set<string>;
}

export class JobSync {
  readonly #c: ControllerContext;
  readonly #memory: JobMemory;
  readonly #recorder: EventRecorder;
  readonly #control: PodControl;
  readonly #signal: AbortSignal;
  readonly #key: string;
  readonly #now: number;
  readonly #timestamp: string;
  readonly #view: JobView;
  #job: Job;
  #status: JobStatus;
  #ready: number;
  #terminating: number;
  #record: BackoffRecord = NO_FAILURES;
  #indexes: IndexState | undefined;
  #finished: JobCondition | undefined;
  #requeue: number | undefined;

  constructor(
    context: ControllerContext,
    memory: JobMemory,
    recorder: EventRecorder,
    job: Job,
    pods: readonly Pod[],
    active: readonly Pod[],
    signal: AbortSignal,
  ) {
    this.#c = context;
    this.#memory = memory;
    this.#recorder = recorder;
    this.#signal = signal;
    this.#control = new PodControl({ client: context.client, recorder, signal });
    this.#key = keyOf(job);
    this.#now = context.clock.now();
    this.#timestamp = formatTime(this.#now);
    this.#job = job;
    this.#status = { ...job.status, uncountedTerminatedPods: { ...job.status?.uncountedTerminatedPods } };
    this.#view = { job, pods, active, removed: new Set(memory.removed.get(this.#key)) };
    this.#ready = active.filter(isPodReady).length;
    this.#terminating = pods.filter(isPodTerminating).length;
  }

  async run(satisfied: boolean): Promise<SyncResult> {
    const { job, pods, active } = this.#view;
    const uncounted = this.#status.uncountedTerminatedPods!;
    const newSucceeded = validPods(this.#view, new Set(uncounted.succeeded), (p) => p.status?.phase === 'Succeeded');
    const newFailed = validPods(this.#view, new Set(uncounted.failed), (p) => isPodFailed(p, job));
    let succeeded = (this.#status.succeeded ?? 0) + newSucceeded.length + (uncounted.succeeded?.length ?? 0);
    const counted = newFailed.filter((p) => matchPodFailurePolicy(job, p).counts).length;
    const failed = (this.#status.failed ?? 0) + counted + (uncounted.failed?.length ?? 0);
    if (!this.#status.startTime && !isSuspended(job)) this.#status.startTime = this.#timestamp;
    this.#record = nextBackoffRecord(this.#memory.backoff.get(this.#key) ?? NO_FAILURES, newSucceeded, newFailed);

    const started: Job = { ...job, status: this.#status };
    this.#finished =
      trueCondition(job, 'SuccessCriteriaMet') ?? failureCondition(started, pods, failed, this.#now, this.#timestamp);
    if (!this.#finished) this.#requeue = deadlineLeft(started, this.#now);
    if (isIndexed(job)) {
      this.#indexes = indexState(this.#view);
      succeeded = this.#indexes.succeeded.total;
      this.#finished ??= indexCondition(job, this.#indexes, this.#timestamp);
    }

    let activeCount = active.length;
    let failure: unknown;
    let changed = false;
    if (this.#finished) {
      const deleted = await this.#deletePods(active, false);
      // Not all are gone, or some may not be seen yet: the end is for a later sync.
      if (deleted.count !== activeCount || !satisfied) this.#finished = undefined;
      activeCount -= deleted.count;
      failure = deleted.failure;
    } else {
      const manage = satisfied && job.metadata.deletionTimestamp === undefined;
      if (manage) [activeCount, failure] = await this.#manage(succeeded);
      const complete =
        activeCount === 0 && (job.spec?.completions === undefined ? succeeded > 0 : succeeded >= job.spec.completions);
      if (complete) {
        this.#finished = newCondition(
          'SuccessCriteriaMet',
          'CompletionsReached',
          'Reached expected number of succeeded pods',
          this.#timestamp,
        );
      } else if (manage) changed = this.#updateSuspension();
    }
    changed ||=
      activeCount !== (this.#status.active ?? 0) ||
      this.#ready !== this.#status.ready ||
      this.#terminating !== this.#status.terminating;
    this.#status = { ...this.#status, active: activeCount, ready: this.#ready, terminating: this.#terminating };
    await this.#track(changed);
    if (failure !== undefined) throw failure;
    return this.#requeue === undefined ? undefined : { requeueAfter: this.#requeue };
  }

  // --- pods

  /** Brings the number of active pods to what is wanted; the answer is how many are active then, and what failed. */
  async #manage(succeeded: number): Promise<[number, unknown]> {
    const { job, active } = this.#view;
    const remove = async (pods: readonly Pod[]): Promise<[number, unknown]> => {
      this.#memory.expectations.expectDeletions(this.#key, pods.map(keyOf));
      const { count, failure } = await this.#deletePods(pods, true);
      return [active.length - count, failure];
    };
    if (isSuspended(job)) return remove(podsToRemove(job, active, active.length, this.#now));
    const wanted = wantedActive(job, active.length, succeeded);
    const excess = podsToRemove(job, active, Math.max(0, active.length - wanted), this.#now).slice(
      0,
      MAX_PODS_PER_SYNC,
    );
    if (excess.length > 0) return remove(excess);
    const missing = wanted - active.length - (onlyReplaceFailed(job) ? this.#terminating : 0);
    return missing > 0 ? this.#create(Math.min(missing, MAX_PODS_PER_SYNC)) : [active.length, undefined];
  }

  async #create(missing: number): Promise<[number, unknown]> {
    const { job, active } = this.#view;
    const { expectations } = this.#memory;
    const wait = hasBackoffLimitPerIndex(job) ? 0 : remainingTime(this.#record, this.#now);
    if (wait > 0) return this.#later(wait);
    let indexes: number[] | undefined;
    if (this.#indexes) {
      indexes = pendingIndexes(this.#view, this.#indexes, missing);
      const waits = indexes.map((i) => remainingTimeOfIndex(this.#indexes!.delayed.get(i), this.#now));
      const due = indexes.filter((_, n) => waits[n] === 0);
      if (hasBackoffLimitPerIndex(job)) {
        if (due.length === 0 && indexes.length > 0) return this.#later(Math.min(...waits));
        indexes = due;
      }
    }
    const count = indexes ? indexes.length : missing;
    expectations.expectCreations(this.#key, count);
    const { successes, error } = await slowStart(count, async (n) => {
      const index = indexes?.[n];
      const pod = podOfJob(job, index, index === undefined ? undefined : this.#indexes!.delayed.get(index));
      try {
        await this.#control.create(pod, job);
      } catch (err) {
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    for (let i = successes; i < count; i++) expectations.creationObserved(this.#key);
    return [active.length + successes, error];
  }

  #later(wait: number): [number, unknown] {
    this.#requeue = Math.min(this.#requeue ?? Number.POSITIVE_INFINITY, Math.max(wait, MIN_DELAY_MS));
    return [this.#view.active.length, undefined];
  }

  /** Deletes pods; `untrack` lets them go uncounted, since it is not they who failed. */
  async #deletePods(pods: readonly Pod[], untrack: boolean): Promise<{ count: number; failure: unknown }> {
    let count = pods.length;
    let failure: unknown;
    await Promise.all(
      pods.map(async (pod) => {
        try {
          if (untrack && hasTrackingFinalizer(pod)) await this.#removeFinalizer(pod);
          await this.#control.delete(pod, this.#job);
        } catch (err) {
          if (untrack) this.#memory.expectations.deletionObserved(this.#key, keyOf(pod));
          if (!isNotFound(err)) {
            count--;
            failure ??= err;
          }
        }
        if (isPodReady(pod)) this.#ready--;
      }),
    );
    this.#terminating += count;
    return { count, failure };
  }

  async #removeFinalizer(pod: Pod): Promise<void> {
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
    await this.#c.client.patch(PODS, pod.metadata.name!, 'strategic', patch, {
      namespace: pod.metadata.namespace!,
      signal: this.#signal,
    });
  }

  // --- status

  #updateSuspension(): boolean {
    const conditions = this.#status.conditions ?? [];
    const suspended = isSuspended(this.#job);
    const condition = suspended
      ? newCondition('Suspended', 'JobSuspended', 'Job suspended', this.#timestamp)
      : newCondition('Suspended', 'JobResumed', 'Job resumed', this.#timestamp, 'False');
    const next = withConditionStatus(conditions, condition);
    if (next === conditions) return false;
    this.#status.conditions = [...next];
    if (suspended) delete this.#status.startTime;
    else this.#status.startTime = this.#timestamp;
    this.#recorder.event(
      this.#job,
      'Normal',
      suspended ? 'Suspended' : 'Resumed',
      suspended ? 'Job suspended' : 'Job resumed',
    );
    return true;
  }

  async #track(needsFlush: boolean): Promise<void> {
    const { job, pods, removed } = this.#view;
    const tracked = new Set(
      pods.filter((p) => hasTrackingFinalizer(p) && !removed.has(p.metadata.uid!)).map((p) => p.metadata.uid!),
    );
    let flush = this.#settleUncounted(tracked) || needsFlush;
    const uncounted = this.#status.uncountedTerminatedPods!;
    const knownFailed = new Set(job.status?.uncountedTerminatedPods?.failed);
    const knownSucceeded = new Set(job.status?.uncountedTerminatedPods?.succeeded);
    const releasable: Pod[] = [];
    const newIndexes: number[] = [];
    const ordered = this.#indexes ? [...pods].sort((a, b) => completionIndex(a) - completionIndex(b)) : pods;
    let full = false;
    for (const pod of ordered) {
      const uid = pod.metadata.uid!;
      if (!tracked.has(uid)) continue;
      const failed = isPodFailed(pod, job);
      if (!this.#canRelease(pod, failed)) continue;
      releasable.push(pod);
      const index = completionIndex(pod);
      const validIndex = index >= 0 && index < (job.spec?.completions ?? 0);
      if (pod.status?.phase === 'Succeeded' && !knownFailed.has(uid)) {
        if (this.#indexes) {
          if (validIndex && !this.#indexes.before.has(index)) newIndexes.push(index);
        } else if (!knownSucceeded.has(uid)) uncounted.succeeded = [...(uncounted.succeeded ?? []), uid];
      } else if (failed || (this.#finished && this.#finished.type !== 'SuccessCriteriaMet')) {
        const counts =
          !knownFailed.has(uid) && (!this.#indexes || validIndex) && matchPodFailurePolicy(job, pod).counts;
        if (counts) uncounted.failed = [...(uncounted.failed ?? []), uid];
      }
      if (newIndexes.length + (uncounted.succeeded?.length ?? 0) + (uncounted.failed?.length ?? 0) >= MAX_UNCOUNTED) {
        full = true;
        break;
      }
    }
    flush ||=
      newIndexes.length > 0 ||
      (uncounted.succeeded?.length ?? 0) > knownSucceeded.size ||
      (uncounted.failed?.length ?? 0) > knownFailed.size;
    if (this.#indexes) flush = this.#writeIndexes(this.#indexes, newIndexes) || flush;
    flush = this.#announceEnd() || flush;
    flush = await this.#release(releasable, tracked, flush);
    const finished = full ? undefined : this.#enactEnd();
    if (!flush && !finished) return;
    await this.#write();
    if (finished) this.#recordEnd(finished);
  }

  #canRelease(pod: Pod, failed: boolean): boolean {
    const { job } = this.#view;
    if (job.metadata.deletionTimestamp !== undefined || this.#finished || pod.status?.phase === 'Succeeded')
      return true;
    if (!failed) return false;
    return this.#indexes?.delayed.get(completionIndex(pod))?.metadata.uid !== pod.metadata.uid;
  }

  #writeIndexes(state: IndexState, newIndexes: readonly number[]): boolean {
    const succeeded = state.succeeded.union(Indexes.of(newIndexes));
    const text = succeeded.toString();
    const failedText = state.failed?.toString();
    const changed = text !== (this.#status.completedIndexes ?? '') || failedText !== this.#status.failedIndexes;
    this.#status = { ...this.#status, succeeded: succeeded.total, completedIndexes: text };
    if (failedText !== undefined) this.#status.failedIndexes = failedText;
    return changed;
  }

  /** First says that the end is near (FailureTarget, SuccessCriteriaMet); the end itself waits for the last pods. */
  #announceEnd(): boolean {
    const end = this.#finished;
    if (end?.type === 'FailureTarget') {
      this.#status.conditions = [...(this.#status.conditions ?? []), end];
      this.#finished = newCondition('Failed', end.reason ?? '', end.message ?? '', this.#timestamp);
      return true;
    }
    if (end?.type !== 'SuccessCriteriaMet') return false;
    const announced = trueCondition({ ...this.#job, status: this.#status }, 'SuccessCriteriaMet') !== undefined;
    if (!announced) this.#status.conditions = [...(this.#status.conditions ?? []), end];
    this.#finished = newCondition('Complete', end.reason ?? '', end.message ?? '', this.#timestamp);
    return !announced;
  }

  /** Writes the uncounted pods, then takes their finalizers off. The answer is whether the status must be written (again). */
  async #release(pods: readonly Pod[], tracked: Set<string>, flush: boolean): Promise<boolean> {
    if (flush) {
      await this.#write();
      this.#memory.backoff.set(this.#key, this.#record);
    }
    let failure: unknown;
    if (pods.length > 0) {
      const expected = this.#memory.removed.get(this.#key) ?? new Set<string>();
      for (const p of pods) expected.add(p.metadata.uid!);
      this.#memory.removed.set(this.#key, expected);
      await Promise.all(
        pods.map(async (pod) => {
          try {
            await this.#removeFinalizer(pod);
          } catch (err) {
            expected.delete(pod.metadata.uid!);
            if (!isNotFound(err)) {
              failure ??= err;
              return;
            }
          }
          tracked.delete(pod.metadata.uid!);
        }),
      );
    }
    const settled = this.#settleUncounted(tracked);
    if (failure !== undefined) {
      if (settled) await this.#write();
      throw failure;
    }
    return settled;
  }

  /** Uncounted pods whose finalizer is off become part of the counts. */
  #settleUncounted(tracked: ReadonlySet<string>): boolean {
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods!;
    const stillSucceeded = succeeded.filter((uid) => tracked.has(uid));
    const stillFailed = failed.filter((uid) => tracked.has(uid));
    const newSucceeded = succeeded.length - stillSucceeded.length;
    const newFailed = failed.length - stillFailed.length;
    if (newSucceeded + newFailed === 0) return false;
    this.#status = {
      ...this.#status,
      succeeded: (this.#status.succeeded ?? 0) + newSucceeded,
      failed: (this.#status.failed ?? 0) + newFailed,
      uncountedTerminatedPods: {
        ...(stillSucceeded.length ? { succeeded: stillSucceeded } : {}),
        ...(stillFailed.length ? { failed: stillFailed } : {}),
      },
    };
    return true;
  }

  #enactEnd(): JobCondition | undefined {
    const end = this.#finished;
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods!;
    if (!end || succeeded.length + failed.length > 0 || this.#terminating > 0) return undefined;
    this.#status.conditions = [...withConditionStatus(this.#status.conditions ?? [], end)];
    if (end.type === 'Complete' && end.lastTransitionTime) this.#status.completionTime = end.lastTransitionTime;
    return end;
  }

  #recordEnd(end: JobCondition): void {
    const { completions } = this.#job.spec ?? {};
    if (end.type === 'Complete') {
      if (completions !== undefined && (this.#status.succeeded ?? 0) > completions) {
        this.#recorder.event(
          this.#job,
          'Warning',
          'TooManySucceededPods',
          'Too many succeeded pods running after completion count reached',
        );
      }
      this.#recorder.event(this.#job, 'Normal', 'Completed', 'Job completed');
    } else this.#recorder.event(this.#job, 'Warning', end.reason ?? '', end.message ?? '');
    this.#memory.finished.add(this.#job.metadata.uid!);
  }

  async #write(): Promise<void> {
    const { active, succeeded, failed, completedIndexes, ...rest } = this.#status;
    const status: JobStatus = {
      ...rest,
      ...(active ? { active } : {}),
      ...(succeeded ? { succeeded } : {}),
      ...(failed ? { failed } : {}),
      ...(completedIndexes ? { completedIndexes } : {}),
    };
    const written = await this.#c.client.update<Job>(
      JOBS,
      { ...this.#job, status },
      { subresource: 'status', signal: this.#signal },
    );
    this.#job = { ...this.#job, metadata: written.metadata };
  }
}
