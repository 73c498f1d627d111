/**
 * Runs the probes of a pod's containers on the clock and keeps their verdicts. Tells the pod's worker when a verdict changes.
 * Upstream: pkg/kubelet/prober/{worker,prober_manager}.go
 */
import type { Container, ContainerStatus, Pod, PodStatus, Probe } from '../../api/core-v1.ts';
import { background } from '../../base/background.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { ProbeVerdicts } from '../pod-actions.ts';
import { isSidecar } from '../restart-policy.ts';
import type { ContainerRecord, ContainerRuntime, PodRecord } from '../runtime/container-runtime.ts';
import { runProbe } from './probe.ts';

type Kind = 'startup' | 'liveness' | 'readiness';
const KINDS: readonly Kind[] = ['startup', 'liveness', 'readiness'];
const WORD: Record<Kind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

interface Worker {
  kind: Kind;
  container: Container;
  record: ContainerRecord;
  probe: Probe;
  verdict: boolean;
  /** True while the verdict is only its initial value. */
  initial: boolean;
  /** How many probes in a row had the same outcome. */
  run: number;
  last: boolean | undefined;
  timer: Timer;
  busy: boolean;
  /** Nothing more is to be learnt of this container. */
  onHold: boolean;
}

export interface ProberOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  onChange(): void;
  /** An event about the container. */
  onEvent(container: Container, reason: 'Unhealthy' | 'ProbeWarning', message: string): void;
}

export class Prober implements ProbeVerdicts {
  readonly #o: ProberOptions;
  /** By container id and kind. */
  readonly #workers = new Map<string, Worker>();
  #podIP = '';

  constructor(options: ProberOptions) {
    this.#o = options;
  }

  /**
   * Starts probes of containers that run and stops those of containers that ended. `terminating`: readiness only. `previous`: what was
   * reported last; a container that was started and ready then is so until a probe says otherwise.
   */
  sync(pod: Pod, record: PodRecord | undefined, options: { terminating: boolean; previous: PodStatus }): void {
    this.#podIP = pod.spec?.hostNetwork ? (pod.status?.hostIP ?? '127.0.0.1') : (record?.sandboxes[0]?.ips[0] ?? '');
    const wanted = new Set<string>();
    const { terminating, previous } = options;
    for (const c of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)]) {
      if (!c.startupProbe && !c.livenessProbe && !c.readinessProbe) continue;
      const r = record?.containers.find((x) => x.name === c.name);
      if (r?.state !== 'running') continue;
      const reported = [...(previous.containerStatuses ?? []), ...(previous.initContainerStatuses ?? [])].find(
        (s) => s.name === c.name && s.state?.running && s.containerID?.endsWith(`//${r.id}`),
      );
      for (const kind of KINDS) {
        const probe = c[`${kind}Probe`];
        const key = `${r.id}/${kind}`;
        const known = this.#workers.get(key);
        if (probe === undefined) continue;
        wanted.add(key);
        if (terminating && kind !== 'readiness') {
          // As it is, without further probes: a quiet end.
          if (known === undefined) this.#workers.set(key, hold(newWorker(kind, c, r, probe, reported)));
          else hold(known);
        } else if (known === undefined) this.#workers.set(key, this.#start(newWorker(kind, c, r, probe, reported)));
      }
    }
    for (const [key, w] of this.#workers) {
      if (wanted.has(key)) continue;
      w.timer.cancel();
      this.#workers.delete(key);
    }
  }

  stop(): void {
    for (const w of this.#workers.values()) w.timer.cancel();
    this.#workers.clear();
  }

  failed(containerId: string): 'liveness' | 'startup' | undefined {
    for (const kind of ['liveness', 'startup'] as const) {
      const w = this.#workers.get(`${containerId}/${kind}`);
      if (w !== undefined && !w.verdict && !w.initial) return kind;
    }
    return undefined;
  }

  started(containerId: string): boolean {
    return this.#workers.get(`${containerId}/startup`)?.verdict ?? true;
  }

  ready(containerId: string): boolean {
    return this.#workers.get(`${containerId}/readiness`)?.verdict ?? true;
  }

  #start(w: Worker): Worker {
    if (w.onHold) return w;
    const { clock } = this.#o;
    const delay = (w.probe.initialDelaySeconds ?? 0) * 1000 - (clock.now() - w.record.startedAt);
    w.timer = clock.after(Math.max(delay, 0), () => this.#tick(w));
    return w;
  }

  /** Probes now and from now on every period. */
  #tick(w: Worker): void {
    w.timer.cancel();
    if (w.onHold) return;
    const probe = () => background(`${w.kind} probe`, this.#probe(w));
    w.timer = this.#o.clock.every((w.probe.periodSeconds ?? 10) * 1000, probe);
    probe();
  }

  async #probe(w: Worker): Promise<void> {
    // Liveness and readiness wait for the startup probe.
    if (w.busy || w.onHold || (w.kind !== 'startup' && !this.started(w.record.id))) return;
    w.busy = true;
    const { runtime, clock } = this.#o;
    const { container, record, probe } = w;
    const outcome = await runProbe({ runtime, clock, containerId: record.id, container, podIP: this.#podIP }, probe);
    w.busy = false;
    if (this.#workers.get(`${record.id}/${w.kind}`) !== w || w.onHold) return;
    const { success, output } = outcome;
    if (!success) this.#o.onEvent(container, 'Unhealthy', `${WORD[w.kind]} probe failed: ${output}`);
    else if (outcome.warning) this.#o.onEvent(container, 'ProbeWarning', `${WORD[w.kind]} probe warning: ${output}`);
    this.#count(w, success);
  }

  #count(w: Worker, success: boolean): void {
    if (w.last === success) w.run++;
    else Object.assign(w, { last: success, run: 1 });
    const threshold = success ? (w.probe.successThreshold ?? 1) : (w.probe.failureThreshold ?? 3);
    if (w.run < threshold) return;
    // The container has started, or is about to be replaced.
    if (w.kind === 'startup' || (w.kind === 'liveness' && !success)) hold(w);
    const changed = w.verdict !== success || w.initial;
    Object.assign(w, { verdict: success, initial: false });
    if (!changed) return;
    const readiness = this.#workers.get(`${w.record.id}/readiness`);
    if (w.kind === 'startup' && success && readiness !== undefined && isDue(readiness, this.#o.clock.now()))
      this.#tick(readiness);
    this.#o.onChange();
  }
}

function newWorker(
  kind: Kind,
  container: Container,
  record: ContainerRecord,
  probe: Probe,
  reported: ContainerStatus | undefined,
): Worker {
  const hasStarted = kind === 'startup' && reported?.started === true;
  return {
    kind,
    container,
    record,
    probe,
    // A container is alive until proven otherwise, and neither started nor ready until proven so.
    verdict: kind === 'liveness' || hasStarted || (kind === 'readiness' && reported?.ready === true),
    initial: true,
    run: 0,
    last: undefined,
    busy: false,
    onHold: hasStarted,
    timer: { cancel() {} },
  };
}

function hold(w: Worker): Worker {
  w.timer.cancel();
  w.onHold = true;
  return w;
}

function isDue(w: Worker, now: number): boolean {
  return now - w.record.startedAt >= (w.probe.initialDelaySeconds ?? 0) * 1000;
}
