/**
 * Every 20 s removes pods that nobody else will: of nodes that are gone, terminating ones that were never scheduled or
 * whose node is out of service, and finished ones beyond a limit. Upstream: pkg/controller/podgc
 */
import type { Node, Pod } from '../../api/core-v1.ts';
import { NODES, PODS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { periodically } from '../controller.ts';
import { changedCondition, patchPodStatus } from '../pod-status.ts';
import {
  missingNodes,
  needsFailedPhase,
  terminatedBeyond,
  terminatingOutOfService,
  unscheduledTerminating,
} from './plan.ts';

const CHECK_PERIOD_MS = 20_000;
const QUARANTINE_MS = 40_000;

export function startPodGcController(context: ControllerContext): Controller {
  const gc = new PodGc(context);
  return periodically(context, 'pod-garbage-collector', CHECK_PERIOD_MS, (signal) => gc.collect(signal));
}

class PodGc {
  readonly #c: ControllerContext;
  readonly #pods;
  readonly #nodes;
  /** Since when (monotonic) a node that pods name has been missing. */
  readonly #missingSince = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#nodes = context.informers.informer<Node>(NODES);
  }

  async collect(signal: AbortSignal): Promise<void> {
    const pods = this.#pods.lister.list();
    const nodes = new Map(this.#nodes.lister.list().map((n) => [n.metadata.name!, n]));
    const doomed = [
      ...terminatedBeyond(pods, this.#c.flags.terminatedPodGcThreshold),
      ...terminatingOutOfService(pods, nodes),
      ...unscheduledTerminating(pods),
    ];
    await Promise.all(doomed.map((p) => this.#remove(p, signal)));
    await this.#collectOrphans(pods, nodes, signal);
  }

  async #collectOrphans(pods: readonly Pod[], nodes: ReadonlyMap<string, Node>, signal: AbortSignal): Promise<void> {
    const now = this.#c.clock.monotonic();
    const missing = missingNodes(pods, nodes);
    for (const name of this.#missingSince.keys()) if (!missing.has(name)) this.#missingSince.delete(name);
    for (const name of missing) {
      const since = this.#missingSince.get(name);
      if (since === undefined) this.#missingSince.set(name, now);
      // The cache of nodes may be behind that of pods: only a node the server does not know either is gone.
      if (since === undefined || now - since < QUARANTINE_MS || (await this.#nodeExists(name, signal))) continue;
      for (const pod of pods) if (pod.spec?.nodeName === name) await this.#remove(pod, signal, true);
    }
  }

  async #nodeExists(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#c.client.get(NODES, name, { signal });
      return true;
    } catch (err) {
      if (!isNotFound(err)) throw err;
      return false;
    }
  }

  async #remove(pod: Pod, signal: AbortSignal, orphaned = false): Promise<void> {
    const { client, clock, log } = this.#c;
    const { name, namespace } = pod.metadata;
    try {
      if (needsFailedPhase(pod)) {
        const condition = orphaned
          ? changedCondition(
              pod,
              {
                type: 'DisruptionTarget',
                status: 'True',
                reason: 'DeletionByPodGC',
                message: 'PodGC: node no longer exists',
              },
              formatTime(clock.now()),
            )
          : undefined;
        await patchPodStatus(
          client,
          pod,
          { phase: 'Failed', ...(condition ? { conditions: [condition] } : {}) },
          signal,
        );
      }
      await client.delete(PODS, name!, { namespace: namespace!, gracePeriodSeconds: 0, signal });
      log.info('PodGC is force deleting Pod', { pod: `${namespace}/${name}` });
    } catch (err) {
      if (!isNotFound(err)) log.warn('failed to delete pod', { pod: `${namespace}/${name}`, err });
    }
  }
}
