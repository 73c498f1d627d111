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
import { type PodActions, podActions } from './pod-actions.ts';
import { stopPod } from './pod-stop.ts';
import { Prober } from './prober/prober.ts';
import type { ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';
import type { StartFailure } from './status/container-statuses.ts';
import { podStatus } from './status/pod-status.ts';
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
  /** Called once, when nothing of the pod is left on the node. */
  onGone(uid: string): void;
}

interface Verdict {
  reason: string;
  message: string;
}

export class PodWorker {
  readonly uid: string;
  readonly #d: PodWorkerDeps;
  readonly #prober: Prober;
  readonly #failures = new Map<string, StartFailure>();
  readonly #startTime: string;
  #pod: Pod;
  /** The object is gone from the API server; nothing to report to. */
  #orphaned = false;
  #phase: 'running' | 'terminating' | 'terminated' = 'running';
  #verdict: Verdict | undefined;
  #dirty = false;
  #looping = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Shortens the grace period of a stop that is under way. */
  #graceChanged: (() => void) | undefined;

  constructor(deps: PodWorkerDeps, pod: Pod, verdict?: Verdict) {
    this.#d = deps;
    this.#pod = pod;
    this.#verdict = verdict;
    this.uid = pod.metadata.uid ?? '';
    this.#startTime = formatTime(deps.clock.now());
    this.#prober = new Prober({
      runtime: deps.runtime,
      clock: deps.clock,
      onChange: () => this.notify(),
      onFailure: (c, message) => this.#event('Warning', 'Unhealthy', message, c),
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The pod's object changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#graceChanged?.();
    this.notify();
  }

  /** The pod's object was removed while the pod was still here. */
  orphan(): void {
    this.#orphaned = true;
    this.#graceChanged?.();
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
    const { runtime } = this.#d;
    let record = await runtime.pod(this.uid);
    this.#checkDeadline();
    const phaseNow = this.#report(record, false).phase;
    const finished = phaseNow === 'Succeeded' || phaseNow === 'Failed';
    if (this.#orphaned || this.#pod.metadata.deletionTimestamp || this.#verdict !== undefined || finished)
      return this.#terminate();

    const ready = await this.#mountVolumes();
    if (ready === undefined) return;
    const actions = podActions(this.#pod, record, this.#prober, (c) => this.#d.starter.hashOf(c));
    await this.#apply(actions, record, ready);
    record = await runtime.pod(this.uid);
    this.#prober.sync(this.#pod, record, { terminating: false });
    const { phase } = this.#report(record, false);
    if (phase === 'Succeeded' || phase === 'Failed') this.notify();
    const refresh = this.#d.volumes.refreshAfter?.(this.#pod);
    if (refresh !== undefined) this.#wakeIn(refresh);
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

  async #apply(
    actions: PodActions,
    record: PodRecord | undefined,
    volumes: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { runtime, starter } = this.#d;
    const pod = this.#pod;
    if (actions.killPod) {
      if (actions.createSandbox && record?.sandboxes[0] !== undefined) {
        this.#event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      }
      await stopPod({ pod, record, deps: this.#d, podIP: '', graceMs: () => 2000 });
      if (!actions.createSandbox) return;
    }
    for (const k of actions.kill) {
      this.#event('Normal', 'Killing', k.message, k.container);
      const own =
        k.container?.[k.reason === 'startup' ? 'startupProbe' : 'livenessProbe']?.terminationGracePeriodSeconds;
      const seconds = own ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
      await starter.stop(pod, k.container, k.record, seconds * 1000, this.#podIP(record));
    }
    let sandboxId = actions.sandboxId;
    if (actions.createSandbox) {
      try {
        sandboxId = await starter.createSandbox(pod, actions.sandboxAttempt);
      } catch (err) {
        this.#event(
          'Warning',
          'FailedCreatePodSandBox',
          `Failed to create pod sandbox: ${err instanceof Error ? err.message : err}`,
        );
        this.#wakeIn(2000);
        return;
      }
    }
    if (sandboxId === undefined) return;
    const podIPs = (await runtime.pod(this.uid))?.sandboxes.find((s) => s.id === sandboxId)?.ips ?? [];
    const toStart = [
      ...actions.ephemeral,
      ...actions.sidecars,
      ...(actions.init ? [actions.init] : []),
      ...actions.containers,
    ];
    for (const c of toStart) await this.#startOne(c, sandboxId, podIPs, record, volumes);
  }

  async #startOne(
    c: Container,
    sandboxId: string,
    podIPs: readonly string[],
    record: PodRecord | undefined,
    volumes: ReadonlyMap<string, string>,
  ): Promise<void> {
    const result = await this.#d.starter.start({ pod: this.#pod, container: c, sandboxId, podIPs, record, volumes });
    if (result === undefined) {
      this.#failures.delete(c.name);
      return;
    }
    this.#failures.set(c.name, result);
    this.#wakeIn(result.retryAfter);
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

  async #terminate(): Promise<void> {
    this.#phase = 'terminating';
    const { runtime, volumes, statuses } = this.#d;
    const record = await runtime.pod(this.uid);
    this.#prober.sync(this.#pod, record, { terminating: true });
    await stopPod({
      pod: this.#pod,
      record,
      deps: this.#d,
      podIP: this.#podIP(record),
      graceMs: () => this.#graceMs(),
      onGraceChange: (listener) => {
        this.#graceChanged = listener;
      },
      onStopping: (c) => this.#event('Normal', 'Killing', `Stopping container ${c.name}`, c),
    });
    this.#graceChanged = undefined;
    this.#prober.stop();
    this.#report(await runtime.pod(this.uid), true);
    await volumes.unmount(this.#pod);
    await statuses.flushed(this.uid);
    // A finished pod stays until it is deleted, so that its logs can still be read.
    if (this.#pod.metadata.deletionTimestamp || this.#orphaned) await this.#remove();
  }

  #graceMs(): number {
    if (this.#orphaned) return 1000;
    const seconds =
      this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    return seconds * 1000;
  }

  async #remove(): Promise<void> {
    const { runtime, client, statuses, starter, volumes } = this.#d;
    const { name = '', namespace = '' } = this.#pod.metadata;
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
    this.#d.onGone(this.uid);
  }

  #report(record: PodRecord | undefined, isTerminal: boolean): PodStatus {
    const { statuses, runtime, clock, hostIPs } = this.#d;
    const previous = statuses.get(this.uid) ?? this.#pod.status ?? {};
    const status = podStatus({
      pod: this.#pod,
      record,
      previous,
      isTerminal,
      verdict: this.#verdict,
      runtimeName: runtime.name,
      hostIPs,
      failure: (name) => this.#failures.get(name),
      probes: this.#prober,
      startTime: this.#startTime,
      now: clock.now(),
    });
    if (!this.#orphaned) statuses.set(this.#pod, status);
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
