/**
 * Stops all of a pod: preStop hooks and containers at once, sidecars after them in reverse order, the sandbox last.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainersWithSyncResult
 */
import type { Container, Pod } from '../api/core-v1.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { ContainerRecord, ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';

export interface StopOptions {
  pod: Pod;
  record: PodRecord | undefined;
  deps: { runtime: ContainerRuntime; starter: ContainerStarter };
  podIP: string;
  /** The whole time allowed, ms; asked again when it changes. */
  graceMs(): number;
  /** Registers what is to be called when `graceMs` may have become shorter. */
  onGraceChange?(listener: () => void): void;
  onStopping?(container: Container): void;
}

export async function stopPod(options: StopOptions): Promise<void> {
  const { pod, record, deps } = options;
  const running = (record?.containers ?? []).filter(
    (r) => r.state === 'running' || r.state === 'created' || r.state === 'unknown',
  );
  const specs = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
    ...((pod.spec?.ephemeralContainers ?? []) as Container[]),
  ];
  const specOf = (r: ContainerRecord) => specs.find((c) => c.name === r.name);
  const sidecarNames = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name);
  const isSidecar = (r: ContainerRecord) => sidecarNames.includes(r.name);
  const stop = async (r: ContainerRecord) => {
    const c = specOf(r);
    if (c !== undefined) options.onStopping?.(c);
    await deps.starter.stop(pod, c, r, options.graceMs(), options.podIP);
  };
  // A shorter grace period reaches stops that are under way: the runtime takes the earlier deadline.
  options.onGraceChange?.(() => {
    for (const r of running) deps.runtime.stopContainer(r.id, options.graceMs()).catch(() => {});
  });
  await Promise.all(running.filter((r) => !isSidecar(r)).map(stop));
  for (const name of [...sidecarNames].reverse()) {
    const r = running.find((x) => x.name === name);
    if (r !== undefined) await stop(r);
  }
  for (const s of record?.sandboxes ?? []) if (s.ready) await deps.runtime.stopSandbox(s.id);
}
