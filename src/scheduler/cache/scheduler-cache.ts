/**
 * The nodes as the next pod will find them: what informers reported plus pods assumed to be where they are being bound.
 * The scheduling cycle is synchronous, so it reads this directly and needs no snapshot.
 *
 * A pod is in exactly one of: not here, assumed (bound by us, not yet seen bound), added (seen bound).
 * Upstream: pkg/scheduler/backend/cache/cache.go
 */
import type { Node, Pod } from '../../api/core-v1.ts';
import { NodeInfo, type PodInfo, podInfo } from '../framework/node-info.ts';

interface Placed {
  info: PodInfo;
  nodeName: string;
  assumed: boolean;
}

export class SchedulerCache {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, Placed>();
  /** Image name → number of nodes that have it. */
  readonly #imageNodes = new Map<string, number>();
  /** Nodes that exist, in order of name of arrival; rebuilt when one comes or goes. */
  #list: NodeInfo[] | undefined;

  /** All nodes that exist (not those known only by their pods). Valid until the next change. */
  nodes(): readonly NodeInfo[] {
    this.#list ??= [...this.#nodes.values()].filter((n) => n.node !== undefined);
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name);
    return info?.node === undefined ? undefined : info;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  setNode(node: Node): void {
    const info = this.#info(node.metadata.name ?? '');
    if (info.node === undefined) this.#list = undefined;
    this.#countImages(info, -1);
    info.setNode(node);
    this.#countImages(info, 1);
  }

  /** On how many nodes an image is. */
  nodesWithImage(image: string): number {
    return this.#imageNodes.get(image) ?? 0;
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    this.#countImages(info, -1);
    info.setNode(undefined);
    this.#list = undefined;
    if (info.pods.size === 0) this.#nodes.delete(name);
  }

  /** Takes the room on the node before the API server knows. */
  assume(info: PodInfo, nodeName: string): void {
    this.#place(info, nodeName, true);
  }

  /** Takes an assumption back; does nothing when the pod has been seen bound meanwhile. */
  forget(uid: string): void {
    if (this.#pods.get(uid)?.assumed) this.#remove(uid);
  }

  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.assumed ?? false;
  }

  /** A pod seen on a node: confirms an assumption, corrects it, or is new. */
  setPod(pod: Pod): void {
    this.#place(podInfo(pod), pod.spec?.nodeName ?? '', false);
  }

  removePod(uid: string): void {
    this.#remove(uid);
  }

  #place(info: PodInfo, nodeName: string, assumed: boolean): void {
    this.#remove(info.uid);
    this.#info(nodeName).addPod(info);
    this.#pods.set(info.uid, { info, nodeName, assumed });
  }

  #remove(uid: string): void {
    const placed = this.#pods.get(uid);
    if (placed === undefined) return;
    this.#pods.delete(uid);
    const node = this.#nodes.get(placed.nodeName);
    node?.removePod(uid);
    if (node !== undefined && node.node === undefined && node.pods.size === 0) this.#nodes.delete(placed.nodeName);
  }

  #countImages(info: NodeInfo, by: 1 | -1): void {
    for (const name of info.images.keys()) {
      const count = (this.#imageNodes.get(name) ?? 0) + by;
      if (count > 0) this.#imageNodes.set(name, count);
      else this.#imageNodes.delete(name);
    }
  }

  #info(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      this.#nodes.set(name, info);
    }
    return info;
  }
}
