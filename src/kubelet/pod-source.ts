/** Where a kubelet learns of its pods: one watch filtered by node, or one watch shared by many nodes of a process. */
import type { Pod } from '../api/core-v1.ts';
import type { Informer } from '../client/informer.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { PODS } from '../client/resources.ts';

export interface PodHandlers {
  set(pod: Pod): void;
  deleted(pod: Pod): void;
}

export interface PodSource {
  /** Calls back for all pods bound to the node, present and future. */
  subscribe(nodeName: string, handlers: PodHandlers): { remove(): void };
}

/** For a kubelet of its own: only its pods cross the wire. */
export function nodePodSource(informers: InformerFactory): PodSource {
  return {
    subscribe(nodeName, handlers) {
      const informer = informers.informer<Pod>(PODS, { fieldSelector: `spec.nodeName=${nodeName}` });
      return informer.addHandler({
        added: handlers.set,
        updated: (_old, pod) => handlers.set(pod),
        deleted: handlers.deleted,
      });
    },
  };
}

/** For many simulated nodes: one watch of all pods, handed out by node name. */
export class SharedPodSource implements PodSource {
  readonly #informer: Informer<Pod>;
  readonly #nodes = new Map<string, PodHandlers>();

  constructor(informers: InformerFactory) {
    this.#informer = informers.informer<Pod>(PODS);
    const set = (pod: Pod) => this.#of(pod)?.set(pod);
    this.#informer.addHandler({
      added: set,
      updated: (_old, pod) => set(pod),
      deleted: (pod) => this.#of(pod)?.deleted(pod),
    });
  }

  subscribe(nodeName: string, handlers: PodHandlers): { remove(): void } {
    this.#nodes.set(nodeName, handlers);
    for (const pod of this.#informer.lister.list()) if (pod.spec?.nodeName === nodeName) handlers.set(pod);
    return { remove: () => this.#nodes.delete(nodeName) };
  }

  #of(pod: Pod): PodHandlers | undefined {
    return pod.spec?.nodeName ? this.#nodes.get(pod.spec.nodeName) : undefined;
  }
}
