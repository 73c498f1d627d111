/**
 * Brings one pod to what its spec says and keeps it there. Level-triggered: any change (object, runtime, probe, timer) asks for a
 * sync; syncs of a pod never overlap. Lives from the pod's arrival until nothing of it is left.
 *
 * running → terminating (deleted, finished, past its deadline) → terminated (status written, volumes gone, object removed).
 * Upstream: pkg/kubelet/{pod_workers,kubelet}.go syncPod, syncTerminatingPod, syncTerminatedPod
 */
import type { Container, Pod, PodStatus } from '../api/core-v1.ts';
import { background, isAbortError } from '../base/background.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { PODS } from '../client/resources.ts';
import { isConflict, isNotFound } from '../machinery/errors/status-error.ts';
import { formatTime, parseTime } from '../machinery/meta/time.ts';
import type { ContainerStarter } from './container-starter.ts';
import { GracePeriod } from './grace-period.ts';
import { type PodActions, podActions } from './pod-actions.ts';
import { type Rejection, rejectedStatus } from './pod-admission.ts';
import { stopPod } from './pod-stop.ts';
import { Prober } from './prober/prober.ts';
import { ContainerResize } from './resize.ts';
import { isSidecar } from './restart-policy.ts';
import type { ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';
import type { StartFailure } from './status/container-statuses.ts';
import { endedStatus, podStatus } from './status/pod-status.ts';
import type { StatusWriter } from './status/status-writer.ts';
import { type PodVolumes, VolumeError } from './volumes/pod-volumes.ts';

export interface PodWorkerDeps {
  client: Client;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  runtime: ContainerRuntime;
  starter: ContainerStarter;
  statuses: StatusWriter;
  volumes: PodVolumes;
  hostIPs: readonly string[];
  signal: AbortSignal;
  /** Called once, when nothing of the pod is left on the node and its object is gone. */
  onGone(uid: string): void;
}

export type Admission = () => Promise<Rejection | undefined>;

interface Verdict {
  reason: string;
  message: string;
}

export class PodWorker {
  readonly uid: string;
  readonly #d: PodWorkerDeps;
  readonly #prober: Prober;
  readonly #resize: ContainerResize;
  readonly #failures = new Map<string, StartFailure>();
  readonly #startTime: string;
  #pod: Pod;
  /** The object is gone from the API server; nothing to report to. */
  #orphaned = false;
  #phase: 'running' | 'terminating' | 'stopped' | 'terminated' = 'running';
  #verdict: Verdict | undefined;
  #dirty = false;
  #looping = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Of a stop that is under way. */
  #grace: GracePeriod | undefined;
  #admission: Admission | undefined;
  #rejection: Rejection | undefined;

  /** `admission`: asked once, before anything else; a pod that the node does not take fails without ever running. */
  constructor(deps: PodWorkerDeps, pod: Pod, admission?: Admission) {
    this.#d = deps;
    this.#pod = pod;
    this.#admission = admission;
    this.#resize = new ContainerResize(deps.runtime, deps.starter);
    this.uid = pod.metadata.uid ?? '';
    this.#startTime = formatTime(deps.clock.now());
    this.#prober = new Prober({
      runtime: deps.runtime,
      clock: deps.clock,
      onChange: () => this.notify(),
      onEvent: (c, reason, message) => this.#event('Warning', reason, message, c),
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The pod takes up room on the node. */
  get isActive(): boolean {
    return this.#rejection === undefined && (this.#phase === 'running' || this.#phase === 'terminating');
  }

  /** The pod's object changed. */
  update(pod: Pod): void {
    const before = wishes(this.#pod);
    this.#pod = pod;
    this.#grace?.shorten(this.#graceMs());
    // Its status comes from here: to act on it again would try what just failed at once, for ever.
    if (wishes(pod) !== before) this.notify();
    else if (!this.#orphaned) this.#d.statuses.reconcile(pod);
  }

  /** The pod's object was removed while the pod was still here. */
  orphan(): void {
    this.#orphaned = true;
    // Until now news from before the deletion could still arrive: they must not start the pod anew.
    if (this.#phase === 'terminated') return this.#d.onGone(this.uid);
    this.#grace?.shorten(this.#graceMs());
    this.notify();
  }

  /** Ends the pod with this reason (eviction, node shutdown). */
  evict(reason: string, message: string): void {
    this.#verdict ??= { reason, message };
    this.notify();
  }

  /** Something of the pod may have changed. */
  notify(): void {
    this.#dirty = true;
    if (this.#looping || this.#d.signal.aborted) return;
    this.#looping = true;
    background('pod worker', this.#loop(), this.#d.log);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#prober.stop();
  }

  async #loop(): Promise<void> {
    try {
      while (this.#dirty && !this.#d.signal.aborted && this.#phase !== 'terminated') {
        this.#dirty = false;
        try {
          await this.#sync();
        } catch (err) {
          if (isAbortError(err) || this.#d.signal.aborted) return;
          this.#d.log.warn('pod sync failed, will retry', {
            pod: `${this.#pod.metadata.namespace}/${this.#pod.metadata.name}`,
            err,
          });
          this.#wakeIn(2000);
        }
      }
    } finally {
      this.#looping = false;
    }
  }

  async #sync(): Promise<void> {
    const { runtime, volumes, statuses } = this.#d;
    const isGoing = this.#orphaned || this.#pod.metadata.deletionTimestamp !== undefined;
    if (this.#admission !== undefined) {
      this.#rejection = await this.#admission();
      this.#admission = undefined;
    }
    if (this.#rejection !== undefined && !isGoing) return this.#reject(this.#rejection);
    // What has ended stays until it is deleted, so that its logs can still be read.
    if (this.#phase === 'stopped') return isGoing ? this.#remove() : undefined;
    const record = await runtime.pod(this.uid);
    this.#checkDeadline();
    const previous = this.#previous();
    this.#prober.sync(this.#pod, record, { terminating: isGoing, previous });
    this.#resize.look(this.#pod, record, previous);
    const status = this.#report(record, { isPassing: true });
    if (isGoing || this.#verdict !== undefined || isEnd(status)) return this.#terminate(record);

    const paths = await this.#mountVolumes();
    if (paths === undefined) return statuses.send(this.uid);
    const actions = podActions({
      pod: this.#pod,
      record,
      probes: this.#prober,
      hashOf: (c) => this.#d.starter.hashOf(c),
      resized: (_c, r) => this.#resize.change(r.id),
    });
    if (await this.#apply(actions, record, paths)) {
      const after = await runtime.pod(this.uid);
      this.#prober.sync(this.#pod, after, { terminating: false, previous: status });
      if (isEnd(this.#report(after))) this.notify();
    } else statuses.send(this.uid);
    const refresh = volumes.refreshAfter?.(this.#pod);
    if (refresh !== undefined) this.#wakeIn(refresh);
  }

  #reject(rejection: Rejection): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'stopped';
    this.#event('Warning', rejection.reason, rejection.message);
    const status = rejectedStatus(this.#pod, rejection, this.#startTime);
    this.#d.statuses.set(this.#pod, status, { mayRun: false });
  }

  async #mountVolumes(): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      return await this.#d.volumes.mount(this.#pod);
    } catch (err) {
      if (!(err instanceof VolumeError)) throw err;
      this.#event('Warning', 'FailedMount', `MountVolume.SetUp failed for volume "${err.volume}" : ${err.message}`);
      this.#wakeIn(2000);
      return undefined;
    }
  }

  /** True when something was done. */
  async #apply(
    actions: PodActions,
    record: PodRecord | undefined,
    volumes: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const pod = this.#pod;
    if (actions.killPod) {
      if (actions.createSandbox && record?.sandboxes[0] !== undefined)
        this.#event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      const grace = new GracePeriod(this.#d.clock, this.#graceMs());
      await stopPod({ pod, record, deps: this.#d, podIP: this.#podIP(record), grace });
      if (!actions.createSandbox) return true;
    }
    for (const { record: r, container, message, reason } of actions.kill) {
      const probe =
        reason === 'startup' ? container.startupProbe : reason === 'liveness' ? container.livenessProbe : undefined;
      const own = probe?.terminationGracePeriodSeconds;
      const grace = new GracePeriod(this.#d.clock, own === undefined ? this.#graceMs() : own * 1000);
      await this.#d.starter.stop({ pod, container, record: r, grace, podIP: this.#podIP(record), message });
    }
    const sandboxId = actions.createSandbox ? await this.#createSandbox(actions.sandboxAttempt) : actions.sandboxId;
    if (sandboxId === undefined) return true;
    await this.#startAll(actions, sandboxId, volumes);
    const { kill, init, ephemeral, containers, resize } = actions;
    return actions.createSandbox || [kill, init, ephemeral, containers, resize].some((list) => list.length > 0);
  }

  async #createSandbox(attempt: number): Promise<string | undefined> {
    try {
      return await this.#d.starter.createSandbox(this.#pod, attempt);
    } catch (err) {
      const message = `Failed to create pod sandbox: ${err instanceof Error ? err.message : err}`;
      this.#event('Warning', 'FailedCreatePodSandBox', message);
      this.#wakeIn(2000);
      return undefined;
    }
  }

  async #startAll(actions: PodActions, sandboxId: string, volumes: ReadonlyMap<string, string>): Promise<void> {
    const { init, ephemeral, containers, resize } = actions;
    if (init.length + ephemeral.length + containers.length + resize.length === 0) return;
    // As of now: what was just killed has ended.
    const record = await this.#d.runtime.pod(this.uid);
    const podIPs = record?.sandboxes.find((s) => s.id === sandboxId)?.ips ?? [];
    for (const c of ephemeral) await this.#startOne(c, sandboxId, podIPs, record, volumes);
    for (const c of init) {
      // The rest of the pod waits for an init container, but not for a sidecar that does not start.
      if (!(await this.#startOne(c, sandboxId, podIPs, record, volumes)) && !isSidecar(c)) return;
    }
    for (const { container, record: r } of resize) await this.#resize.apply(this.#pod, container, r);
    for (const c of containers) await this.#startOne(c, sandboxId, podIPs, record, volumes);
  }

  /** True when the container was started. */
  async #startOne(
    c: Container,
    sandboxId: string,
    podIPs: readonly string[],
    record: PodRecord | undefined,
    volumes: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const result = await this.#d.starter.start({ pod: this.#pod, container: c, sandboxId, podIPs, record, volumes });
    if (result === undefined) {
      this.#failures.delete(c.name);
      return true;
    }
    this.#failures.set(c.name, result);
    this.#wakeIn(result.retryAfter);
    return false;
  }

  /** Past activeDeadlineSeconds the pod fails. */
  #checkDeadline(): void {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || this.#verdict !== undefined) return;
    const start = this.#pod.status?.startTime ?? this.#startTime;
    const left = parseTime(start) + seconds * 1000 - this.#d.clock.now();
    if (left > 0) return this.#wakeIn(left);
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#event('Normal', 'DeadlineExceeded', message);
    this.#verdict = { reason: 'DeadlineExceeded', message };
  }

  async #terminate(record: PodRecord | undefined): Promise<void> {
    this.#phase = 'terminating';
    const { runtime, volumes, statuses, clock } = this.#d;
    this.#prober.sync(this.#pod, record, { terminating: true, previous: this.#previous() });
    this.#grace = new GracePeriod(clock, this.#graceMs());
    await stopPod({ pod: this.#pod, record, deps: this.#d, podIP: this.#podIP(record), grace: this.#grace });
    this.#grace = undefined;
    this.#prober.stop();
    const status = this.#status(await runtime.pod(this.uid), true);
    await volumes.unmount(this.#pod);
    this.#phase = 'stopped';
    if (!this.#orphaned) statuses.set(this.#pod, endedStatus(this.#pod, status), { mayRun: false });
    if (this.#pod.metadata.deletionTimestamp || this.#orphaned) await this.#remove();
  }

  #graceMs(): number {
    if (this.#orphaned) return 1000;
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const seconds = deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    return Math.max(seconds, 1) * 1000;
  }

  async #remove(): Promise<void> {
    const { runtime, client, statuses, starter, volumes } = this.#d;
    const { name = '', namespace = '' } = this.#pod.metadata;
    await statuses.flushed(this.uid);
    if (!this.#orphaned) {
      try {
        await client.delete(PODS, name, { namespace, gracePeriodSeconds: 0, preconditions: { uid: this.uid } });
      } catch (err) {
        if (!isNotFound(err) && !isConflict(err)) throw err;
      }
    }
    const record = await runtime.pod(this.uid);
    for (const c of record?.containers ?? []) await runtime.removeContainer(c.id);
    for (const s of record?.sandboxes ?? []) await runtime.removeSandbox(s.id);
    await volumes.forget?.(this.#pod);
    statuses.forget(this.uid);
    starter.forget(this.uid);
    this.#phase = 'terminated';
    this.stop();
    if (this.#orphaned) this.#d.onGone(this.uid);
  }

  /** What was last said of the pod, by this kubelet or the one before it. */
  #previous(): PodStatus {
    return this.#d.statuses.get(this.uid) ?? this.#pod.status ?? {};
  }

  #status(record: PodRecord | undefined, isTerminal: boolean): PodStatus {
    const { runtime, clock, hostIPs } = this.#d;
    const previous = this.#previous();
    return podStatus({
      pod: this.#pod,
      record,
      previous,
      isTerminal,
      verdict: this.#verdict,
      runtimeName: runtime.name,
      hostIPs,
      failure: (name) => this.#failures.get(name),
      actual: (id) => this.#resize.actual(id),
      probes: this.#prober,
      startTime: this.#startTime,
      now: clock.now(),
    });
  }

  /** Of a pod that may still have something running. */
  #report(record: PodRecord | undefined, options: { isPassing?: boolean } = {}): PodStatus {
    const status = this.#status(record, false);
    if (!this.#orphaned) this.#d.statuses.set(this.#pod, status, { mayRun: true, ...options });
    return status;
  }

  #podIP(record: PodRecord | undefined): string {
    return this.#pod.spec?.hostNetwork ? (this.#d.hostIPs[0] ?? '') : (record?.sandboxes[0]?.ips[0] ?? '');
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void {
    this.#d.starter.event(this.#pod, container, type, reason, message);
  }

  #wakeIn(ms: number): void {
    const at = this.#d.clock.now() + ms;
    if (at >= this.#timerAt && this.#timerAt > this.#d.clock.now()) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#d.clock.after(ms, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.notify();
    });
  }
}

function isEnd({ phase }: PodStatus): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** All of a pod's object that asks something of the kubelet. Upstream: config.go podsDifferSemantically, NeedToReconcilePodReadiness */
function wishes({ metadata, spec, status }: Pod): string {
  const { generation, deletionTimestamp, deletionGracePeriodSeconds, labels, annotations } = metadata;
  const gates = (spec?.readinessGates ?? []).map((g) => g.conditionType);
  const conditions = status?.conditions?.filter((c) => gates.includes(c.type)).map((c) => [c.type, c.status]);
  const wanted = generation ?? spec;
  // A pod that somebody else declared over is ended.
  const end = status !== undefined && isEnd(status);
  return JSON.stringify([wanted, deletionTimestamp, deletionGracePeriodSeconds, labels, annotations, conditions, end]);
}
