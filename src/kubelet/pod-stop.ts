/**
 * Stops all of a pod: preStop hooks of all containers at once, then the containers; sidecars wait for the main containers and for the
 * sidecars after them, within the grace period. The sandbox last.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainersWithSyncResult, kuberuntime_termination_order.go
 */
import type { Container, Pod } from '../api/core-v1.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { GracePeriod } from './grace-period.ts';
import { isSidecar } from './restart-policy.ts';
import type { ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';

export interface StopOptions {
  pod: Pod;
  record: PodRecord | undefined;
  deps: { runtime: ContainerRuntime; starter: ContainerStarter };
  podIP: string;
  grace: GracePeriod;
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
