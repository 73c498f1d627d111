/**
 * Runs the probes of a pod's containers on the clock and keeps their verdicts. Tells the pod's worker when a verdict changes.
 * Upstream: pkg/kubelet/prober/{worker,prober_manager}.go
 */
import type { Container, Pod, Probe } from '../../api/core-v1.ts';
import { background } from '../../base/background.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { ProbeVerdicts } from '../pod-actions.ts';
import type { ContainerRecord, ContainerRuntime, PodRecord } from '../runtime/container-runtime.ts';
import { runProbe } from './probe.ts';

type Kind = 'startup' | 'liveness' | 'readiness';
const WORD: Record<Kind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

interface Worker {
  kind: Kind;
  record: ContainerRecord;
  probe: Probe;
  verdict: boolean;
  /** True while the verdict is only its initial value. */
  initial: boolean;
  run: number;
  last: boolean | undefined;
  timer: Timer;
  busy: boolean;
}

export interface ProberOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  onChange(): void;
  onFailure(container: Container, message: string): void;
}

export class Prober implements ProbeVerdicts {
  readonly #o: ProberOptions;
  /** By container id and kind. */
  readonly #workers = new Map<string, Worker>();
  #podIP = '';

  constructor(options: ProberOptions) {
    this.#o = options;
  }

  /** Starts probes of containers that run and stops those of containers that ended. `terminating`: readiness only. */
  sync(pod: Pod, record: PodRecord | undefined, options: { terminating: boolean }): void {
    this.#podIP = pod.spec?.hostNetwork ? (pod.status?.hostIP ?? '127.0.0.1') : (record?.sandboxes[0]?.ips[0] ?? '');
    const wanted = new Set<string>();
    for (const c of [
      ...(pod.spec?.containers ?? []),
      ...(pod.spec?.initContainers ?? []).filter((i) => i.restartPolicy === 'Always'),
    ]) {
      const r = record?.containers.find((x) => x.name === c.name);
      if (r?.state !== 'running') continue;
      for (const kind of ['startup', 'liveness', 'readiness'] as const) {
        const probe = c[`${kind}Probe`];
        if (probe === undefined || (options.terminating && kind !== 'readiness')) continue;
        const key = `${r.id}/${kind}`;
        wanted.add(key);
        if (!this.#workers.has(key)) this.#workers.set(key, this.#start(kind, c, r, probe));
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
    for (const kind of ['startup', 'liveness'] as const) {
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

  #start(kind: Kind, container: Container, record: ContainerRecord, probe: Probe): Worker {
    const w: Worker = {
      // A container is alive until proven otherwise, and neither started nor ready until proven so.
      kind,
      record,
      probe,
      verdict: kind === 'liveness',
      initial: true,
      run: 0,
      last: undefined,
      busy: false,
      timer: { cancel() {} },
    };
    const delay = (probe.initialDelaySeconds ?? 0) * 1000 - (this.#o.clock.now() - record.startedAt);
    const tick = () => background(`${kind} probe`, this.#probe(w, container));
    w.timer = this.#o.clock.after(Math.max(delay, 0), () => {
      w.timer = this.#o.clock.every((probe.periodSeconds ?? 10) * 1000, tick);
      tick();
    });
    return w;
  }

  async #probe(w: Worker, container: Container): Promise<void> {
    // Liveness and readiness wait for the startup probe.
    if (w.busy || (w.kind !== 'startup' && !this.started(w.record.id)) || (w.kind === 'startup' && w.verdict)) return;
    w.busy = true;
    const { runtime, clock } = this.#o;
    const { success, output } = await runProbe(
      { runtime, clock, containerId: w.record.id, container, podIP: this.#podIP },
      w.probe,
    );
    w.busy = false;
    if (this.#workers.get(`${w.record.id}/${w.kind}`) !== w) return;
    if (!success) this.#o.onFailure(container, `${WORD[w.kind]} probe failed: ${output}`);
    if (w.last === success) w.run++;
    else Object.assign(w, { last: success, run: 1 });
    const threshold = success ? (w.probe.successThreshold ?? 1) : (w.probe.failureThreshold ?? 3);
    if (w.run < threshold || (w.verdict === success && !w.initial)) return;
    const changed = w.verdict !== success || w.initial;
    Object.assign(w, { verdict: success, initial: false });
    if (changed) this.#o.onChange();
  }
}
