/**
 * Deletes pods from nodes with NoExecute taints they do not tolerate (any longer). A deletion is a timer; it is called
 * off when the taint goes. Upstream: pkg/controller/tainteviction
 */

import type { Node, Pod } from '../../api/core-v1.ts';
import { background } from '../../base/background.ts';
import type { Timer } from '../../base/clock.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import { NODES, PODS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { changedCondition, patchPodStatus } from '../pod-status.ts';
import { BY_NODE, nodeIndex } from '../pods.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { noExecuteTaints, toleratedFor } from './plan.ts';

const RETRIES = 5;
const RETRY_MS = 10;

interface Eviction {
  /** Monotonic time at which the pod first had to leave. */
  since: number;
  at: number;
  /** Undefined once it has been carried out. */
  timer: Timer | undefined;
}

export function startTaintEvictionController(context: ControllerContext): Controller {
  return new TaintEviction(context);
}

class TaintEviction implements Controller {
  readonly #c: ControllerContext;
  readonly #pods;
  readonly #nodes;
  readonly #recorder;
  readonly #evictions = new Map<string, Eviction>();
  #signal: AbortSignal | undefined;

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('taint-eviction-controller');
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#nodes = context.informers.informer<Node>(NODES);
    this.#pods.addIndex(BY_NODE, nodeIndex);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const nodes = this.#nodes.addHandler({
      added: (node) => this.#nodeChanged(node),
      updated: (old, node) => {
        if (!semanticEqual(noExecuteTaints(old), noExecuteTaints(node))) this.#nodeChanged(node);
      },
    });
    const pods = this.#pods.addHandler({
      added: (pod) => this.#podChanged(pod),
      updated: (old, pod) => {
        if (old.spec?.nodeName !== pod.spec?.nodeName || !semanticEqual(old.spec?.tolerations, pod.spec?.tolerations))
          this.#podChanged(pod);
      },
      deleted: (pod) => this.#cancel(pod),
    });
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    nodes.remove();
    pods.remove();
    for (const e of this.#evictions.values()) e.timer?.cancel();
    this.#evictions.clear();
  }

  #nodeChanged(node: Node): void {
    for (const pod of this.#pods.lister.byIndex(BY_NODE, node.metadata.name!)) this.#consider(pod, node);
  }

  #podChanged(pod: Pod): void {
    if (!pod.spec?.nodeName) return;
    const node = this.#nodes.lister.get(undefined, pod.spec.nodeName);
    if (noExecuteTaints(node).length > 0) this.#consider(pod, node);
  }

  #consider(pod: Pod, node: Node | undefined): void {
    const tolerated = toleratedFor(noExecuteTaints(node), pod.spec?.tolerations ?? []);
    if (tolerated === 'never') {
      this.#cancel(pod);
      return;
    }
    const now = this.#c.clock.monotonic();
    const existing = this.#evictions.get(keyOf(pod));
    if (tolerated > 0 && existing) {
      // An earlier start stands: taints that come later do not prolong the stay.
      if (existing.since + tolerated < now + tolerated) return;
    }
    this.#cancel(pod);
    this.#schedule(keyOf(pod), now, tolerated);
  }

  #schedule(key: string, since: number, delay: number): void {
    const eviction: Eviction = { since, at: since + delay, timer: undefined };
    this.#evictions.set(key, eviction);
    const fire = () => {
      eviction.timer = undefined;
      background('taint eviction', this.#evict(key, eviction), this.#c.log);
    };
    if (delay === 0) fire();
    else eviction.timer = this.#c.clock.after(delay, fire);
  }

  #cancel(pod: Pod): void {
    const key = keyOf(pod);
    const eviction = this.#evictions.get(key);
    if (!eviction) return;
    this.#evictions.delete(key);
    if (!eviction.timer) return;
    eviction.timer.cancel();
    this.#event(key, 'Cancelling deletion of Pod');
  }

  #event(key: string, what: string): void {
    const { namespace, name } = splitKey(key);
    this.#recorder.event(
      { apiVersion: 'v1', kind: 'Pod', namespace: namespace!, name },
      'Normal',
      'TaintManagerEviction',
      `${what} ${key}`,
    );
  }

  async #evict(key: string, eviction: Eviction): Promise<void> {
    const signal = this.#signal!;
    this.#event(key, 'Marking for deletion Pod');
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        await this.#markAndDelete(key, signal);
        return;
      } catch (err) {
        if (isNotFound(err) || signal.aborted) return;
        if (tries >= RETRIES) {
          // Forgotten, so that the next change of pod or node tries again.
          if (this.#evictions.get(key) === eviction) this.#evictions.delete(key);
          throw err;
        }
        await this.#c.clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async #markAndDelete(key: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#c;
    const { namespace, name } = splitKey(key);
    const pod = await client.get<Pod>(PODS, name, { namespace: namespace!, signal });
    const condition = changedCondition(
      pod,
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
      },
      formatTime(clock.now()),
    );
    if (condition) await patchPodStatus(client, pod, { conditions: [condition] }, signal);
    await client.delete(PODS, name, { namespace: namespace!, signal });
  }
}
