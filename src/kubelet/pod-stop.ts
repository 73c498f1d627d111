/**
 * Stops all of a pod: preStop hooks of all containers at once, then the containers; sidecars wait for the main containers and for the
 * sidecars after them, within the grace period. The sandbox last.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainersWithSyncResult, kuberuntime_termination_order.go
 */
import type { Container, Pod } from '../api/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { ContainerStarter } from './container-starter.ts';
import { isSidecar } from './restart-policy.ts';
import type { ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';

export interface StopOptions {
  pod: Pod;
  record: PodRecord | undefined;
  deps: { runtime: ContainerRuntime; starter: ContainerStarter };
  podIP: string;
  grace: GracePeriod;
}

/** Until when a pod may take to end. It can only become shorter, also while the pod is ending. */
export class GracePeriod {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #deadline: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#deadline = clock.now() + ms;
  }

  /** Ms that are left; never negative. */
  left(): number {
    return Math.max(this.#deadline - this.#clock.now(), 0);
  }

  shorten(ms: number): void {
    const deadline = this.#clock.now() + ms;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    for (const listener of [...this.#listeners]) listener();
  }

  onShorter(listener: () => void): { remove(): void } {
    this.#listeners.add(listener);
    return { remove: () => this.#listeners.delete(listener) };
  }

  /** Runs something until it is done or the time is up. @throws GraceOver when it is up */
  async within(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    const over = Promise.withResolvers<never>();
    const expire = () => {
      over.reject(new GraceOver());
      limit.abort(new GraceOver());
    };
    let timer = this.#clock.after(this.left(), expire);
    const listener = this.onShorter(() => {
      timer.cancel();
      timer = this.#clock.after(this.left(), expire);
    });
    try {
      await Promise.race([work(limit.signal), over.promise]);
    } finally {
      timer.cancel();
      listener.remove();
    }
  }
}

export class GraceOver extends Error {
  constructor() {
    super('the grace period is over');
  }
}

export async function stopPod({ pod, record, deps, podIP, grace }: StopOptions): Promise<void> {
  const running = (record?.containers ?? []).filter((r) => r.state !== 'exited');
  const init = pod.spec?.initContainers ?? [];
  const ephemeral = (pod.spec?.ephemeralContainers ?? []) as Container[];
  const specs = [...(pod.spec?.containers ?? []), ...init, ...ephemeral];
  const stopped = new Map(running.map((r) => [r.name, Promise.withResolvers<void>()]));
  const over = (names: readonly string[]) => Promise.all(names.map((n) => stopped.get(n)?.promise));
  /** What has to be over before a container's turn comes. */
  const before = (name: string): readonly string[] => {
    const index = init.findIndex((c) => c.name === name && isSidecar(c));
    if (index < 0) return [];
    return [...(pod.spec?.containers ?? []), ...init.slice(index + 1).filter(isSidecar)].map((c) => c.name);
  };
  await Promise.all(
    running.map(async (r) => {
      try {
        const container = specs.find((c) => c.name === r.name);
        const turn = over(before(r.name));
        await deps.starter.stop({
          pod,
          container,
          record: r,
          grace,
          podIP,
          turn,
          message: `Stopping container ${r.name}`,
        });
      } finally {
        stopped.get(r.name)?.resolve();
      }
    }),
  );
  for (const s of record?.sandboxes ?? []) if (s.ready) await deps.runtime.stopSandbox(s.id);
}
