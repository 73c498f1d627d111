/**
 * Pods that wait for a node. A pod is in exactly one place: active (next to be tried), backoff (tried lately, waits its time),
 * unschedulable (waits for a change in the cluster), gated (kept out by preEnqueue), or in flight (being scheduled).
 *
 * Changes that happen while a pod is in flight are remembered and judged when it comes back, so none is missed.
 * Upstream: pkg/scheduler/backend/queue/scheduling_queue.go
 */
import type { Pod } from '../../api/core-v1.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { type PodInfo, podInfo } from '../framework/node-info.ts';
import type { EventKind, Plugin } from '../framework/plugin.ts';
import type { Status } from '../framework/status.ts';
import { Heap } from './heap.ts';

export interface QueuedPod {
  readonly key: string;
  pod: PodInfo;
  /** When it entered the queue the last time, Unix ms. */
  enqueuedAt: number;
  /** Times it was tried. */
  attempts: number;
  /** Earliest time it may be tried again, Unix ms. */
  backoffUntil: number;
  /** Names of plugins that rejected it last time; empty after an error, which any event retries. */
  rejectedBy: ReadonlySet<string>;
}

export interface ClusterEvent {
  kind: EventKind;
  oldObject: unknown;
  newObject: unknown;
}

export interface SchedulingQueueOptions {
  clock: Clock;
  less: NonNullable<Plugin['less']>;
  /** All plugins that may reject pods, for their events. */
  plugins: readonly Plugin[];
  preEnqueue(pod: Pod): Status | undefined;
  /** First back-off, ms; doubles up to `maxBackoff`. */
  initialBackoff?: number;
  maxBackoff?: number;
  /** A pod does not stay unschedulable longer than this without being tried, ms. */
  maxUnschedulable?: number;
}

export class SchedulingQueue {
  readonly #o: Required<SchedulingQueueOptions>;
  readonly #active: Heap<QueuedPod>;
  readonly #backoff: Heap<QueuedPod>;
  readonly #unschedulable = new Map<string, QueuedPod>();
  readonly #gated = new Map<string, QueuedPod>();
  /** Pods being scheduled, each with the changes since it was taken. */
  readonly #inFlight = new Map<string, { item: QueuedPod; events: ClusterEvent[]; deleted: boolean }>();
  #waiting: ((item: QueuedPod | undefined) => void) | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: SchedulingQueueOptions) {
    this.#o = { initialBackoff: 1000, maxBackoff: 10_000, maxUnschedulable: 300_000, ...options };
    this.#active = new Heap<QueuedPod>((p) => p.key, this.#o.less);
    this.#backoff = new Heap<QueuedPod>(
      (p) => p.key,
      (a, b) => a.backoffUntil < b.backoffUntil,
    );
    this.#flushUnschedulableLater();
  }

  /** How many pods are where; for metrics and tests. */
  get sizes(): { active: number; backoff: number; unschedulable: number; gated: number; inFlight: number } {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size,
      unschedulable: this.#unschedulable.size,
      gated: this.#gated.size,
      inFlight: this.#inFlight.size,
    };
  }

  add(pod: Pod): void {
    const now = this.#o.clock.now();
    const info = podInfo(pod);
    if (this.#inFlight.has(info.key)) return this.update(pod);
    this.#enqueue({ key: info.key, pod: info, enqueuedAt: now, attempts: 0, backoffUntil: now, rejectedBy: new Set() });
  }

  /** The waiting pod changed: keeps its place, and may be tried again if the change can matter to who rejected it. */
  update(pod: Pod): void {
    const info = podInfo(pod);
    const flying = this.#inFlight.get(info.key);
    if (flying) {
      flying.events.push({ kind: 'PodUpdate', oldObject: flying.item.pod.pod, newObject: pod });
      flying.item.pod = info;
      return;
    }
    const gated = this.#gated.get(info.key);
    if (gated) {
      gated.pod = info;
      this.#gated.delete(info.key);
      return this.#enqueue(gated);
    }
    const waiting = this.#active.get(info.key) ?? this.#backoff.get(info.key);
    if (waiting) {
      waiting.pod = info;
      if (this.#active.has(info.key)) this.#active.set(waiting);
      return;
    }
    const item = this.#unschedulable.get(info.key);
    if (item === undefined) return this.add(pod);
    const event: ClusterEvent = { kind: 'PodUpdate', oldObject: item.pod.pod, newObject: pod };
    const specChanged = item.pod.pod.metadata.generation !== pod.metadata.generation || !sameMeta(item.pod.pod, pod);
    item.pod = info;
    if (specChanged || this.#mayHelp(item, event)) {
      this.#unschedulable.delete(info.key);
      this.#requeue(item);
    }
  }

  delete(key: string): void {
    this.#active.delete(key);
    this.#backoff.delete(key);
    this.#unschedulable.delete(key);
    this.#gated.delete(key);
    const flying = this.#inFlight.get(key);
    if (flying) flying.deleted = true;
  }

  /** The next pod to try; undefined once closed. One caller at a time. Every pod taken must go to `done` or `failed`. */
  pop(): Promise<QueuedPod | undefined> {
    const item = this.#closed ? undefined : this.#take();
    if (item !== undefined || this.#closed) return Promise.resolve(item);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** The pod was bound, or is no longer ours. */
  done(key: string): void {
    this.#inFlight.delete(key);
  }

  /** The pod could not be placed; `rejectedBy` as in QueuedPod. Returns false when it was deleted meanwhile. */
  failed(key: string, rejectedBy: ReadonlySet<string>): boolean {
    const flying = this.#inFlight.get(key);
    if (flying === undefined || flying.deleted) {
      this.#inFlight.delete(key);
      return false;
    }
    this.#inFlight.delete(key);
    const item = flying.item;
    item.rejectedBy = rejectedBy;
    item.enqueuedAt = this.#o.clock.now();
    item.backoffUntil = item.enqueuedAt + this.#backoffOf(item.attempts);
    // Without a rejecting plugin it was an error: nothing in the cluster needs to change for another try.
    if (rejectedBy.size === 0 || flying.events.some((e) => this.#mayHelp(item, e))) this.#requeue(item);
    else this.#unschedulable.set(key, item);
    return true;
  }

  /** Something changed in the cluster: moves the pods it may help. */
  moveAll(event: ClusterEvent): void {
    for (const flying of this.#inFlight.values()) flying.events.push(event);
    for (const [key, item] of this.#unschedulable) {
      if (!this.#mayHelp(item, event)) continue;
      this.#unschedulable.delete(key);
      this.#requeue(item);
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }

  #mayHelp(item: QueuedPod, event: ClusterEvent): boolean {
    for (const plugin of this.#o.plugins) {
      if (!item.rejectedBy.has(plugin.name)) continue;
      for (const e of plugin.events ?? []) {
        if (e.event === event.kind && (e.hint?.(item.pod.pod, event.oldObject, event.newObject) ?? true)) return true;
      }
    }
    return false;
  }

  #enqueue(item: QueuedPod): void {
    const gate = this.#o.preEnqueue(item.pod.pod);
    if (gate !== undefined) {
      this.#gated.set(item.key, item);
      return;
    }
    this.#active.set(item);
    this.#wake();
  }

  #requeue(item: QueuedPod): void {
    if (item.backoffUntil <= this.#o.clock.now()) return this.#enqueue(item);
    this.#backoff.set(item);
    this.#armTimer();
    this.#wake();
  }

  #take(): QueuedPod | undefined {
    const item = this.#active.pop() ?? this.#takeFromBackoff();
    if (item === undefined) return undefined;
    item.attempts++;
    this.#inFlight.set(item.key, { item, events: [], deleted: false });
    return item;
  }

  /** With nothing else to do, a pod that was rejected need not sit out its back-off; one that failed with an error must. */
  #takeFromBackoff(): QueuedPod | undefined {
    const next = this.#backoff.values().find((p) => p.rejectedBy.size > 0);
    return next === undefined ? undefined : this.#backoff.delete(next.key);
  }

  #wake(): void {
    if (this.#waiting === undefined) return;
    const item = this.#take();
    if (item === undefined) return;
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve(item);
  }

  #backoffOf(attempts: number): number {
    return Math.min(this.#o.initialBackoff * 2 ** Math.max(attempts - 1, 0), this.#o.maxBackoff);
  }

  #armTimer(): void {
    const next = this.#backoff.peek();
    if (next === undefined || next.backoffUntil >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = next.backoffUntil;
    this.#timer = this.#o.clock.after(Math.max(next.backoffUntil - this.#o.clock.now(), 0), () => this.#flushBackoff());
  }

  #flushBackoff(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#o.clock.now();
    for (let p = this.#backoff.peek(); p !== undefined && p.backoffUntil <= now; p = this.#backoff.peek()) {
      this.#backoff.delete(p.key);
      this.#enqueue(p);
    }
    this.#armTimer();
  }

  /** A missed event must not strand a pod for ever. */
  #flushUnschedulableLater(): void {
    this.#o.clock.after(30_000, () => {
      if (this.#closed) return;
      const limit = this.#o.clock.now() - this.#o.maxUnschedulable;
      for (const [key, item] of this.#unschedulable) {
        if (item.enqueuedAt > limit) continue;
        this.#unschedulable.delete(key);
        this.#requeue(item);
      }
      this.#flushUnschedulableLater();
    });
  }
}

/** Labels, annotations and everything else of metadata that a user changes; status updates leave it alone. */
function sameMeta(a: Pod, b: Pod): boolean {
  return (
    JSON.stringify(a.metadata.labels) === JSON.stringify(b.metadata.labels) &&
    JSON.stringify(a.spec) === JSON.stringify(b.spec)
  );
}
