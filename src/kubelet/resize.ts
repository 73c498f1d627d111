/**
 * Changes of a running container's cpu and memory: in place, or by a restart where its resizePolicy says so. Remembers what each
 * container runs with; what a kubelet before this one did is read from the pod's status. KEP-1287
 * Upstream: kuberuntime_manager.go computePodResizeAction
 */
import type { Container, Pod, PodStatus } from '../api/core-v1.ts';
import { resourceAmount } from '../machinery/pods/pod-resources.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { ContainerRecord, ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';

type Resources = NonNullable<Container['resources']>;

export class ContainerResize {
  readonly #runtime: ContainerRuntime;
  readonly #starter: ContainerStarter;
  /** By container id: what it runs with, while the spec asks for something else, and how to change that. */
  readonly #pending = new Map<string, { actual: Resources; change: 'update' | 'restart' }>();

  constructor(runtime: ContainerRuntime, starter: ContainerStarter) {
    this.#runtime = runtime;
    this.#starter = starter;
  }

  /** Compares the spec with what runs. `previous`: the status as last reported, before this look. */
  look(pod: Pod, record: PodRecord | undefined, previous: PodStatus): void {
    for (const c of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
      const r = record?.containers.find((x) => x.name === c.name);
      if (r?.state !== 'running') continue;
      const actual = this.#pending.get(r.id)?.actual ?? reported(c, r, previous);
      const changed = actual === undefined ? [] : differing(actual, c.resources ?? {});
      if (actual === undefined || changed.length === 0) {
        this.#pending.delete(r.id);
        continue;
      }
      const restarts = c.resizePolicy?.some(
        (p) => p.restartPolicy === 'RestartContainer' && changed.includes(p.resourceName),
      );
      this.#pending.set(r.id, { actual, change: restarts ? 'restart' : 'update' });
    }
  }

  /** What a container runs with when that is not what its spec asks for. */
  actual(containerId: string): Resources | undefined {
    return this.#pending.get(containerId)?.actual;
  }

  change(containerId: string): 'update' | 'restart' | undefined {
    return this.#pending.get(containerId)?.change;
  }

  async apply(pod: Pod, c: Container, r: ContainerRecord): Promise<void> {
    await this.#runtime.updateResources(r.id, this.#starter.resources(pod, c));
    this.#pending.delete(r.id);
  }
}

function reported(c: Container, r: ContainerRecord, status: PodStatus): Resources | undefined {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  const s = all.find((x) => x.name === c.name);
  return s?.containerID?.endsWith(`//${r.id}`) ? s.resources : undefined;
}

/** Of cpu and memory, those with another request or limit. */
function differing(a: Resources, b: Resources): string[] {
  const amount = (list: Readonly<Record<string, string>> | undefined, name: string) =>
    list?.[name] === undefined ? 0 : resourceAmount(name, list[name]);
  return ['cpu', 'memory'].filter(
    (n) => amount(a.requests, n) !== amount(b.requests, n) || amount(a.limits, n) !== amount(b.limits, n),
  );
}
