/** ReplicationControllers: ReplicaSets with a plain map as selector, through the same code. Upstream: pkg/controller/replication */
import type { ReplicaSet } from '../../api/apps-v1.ts';
import type { LabelSelector } from '../../api/meta-v1.ts';
import { REPLICATIONCONTROLLERS } from '../../client/resources.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { startReplicaController } from '../replicaset/controller.ts';

const selectors = new WeakMap<object, LabelSelector>();

/** The selector in the form ReplicaSets have, one object for each map of the cache. */
function selectorOf(set: ReplicaSet): LabelSelector | undefined {
  const map = set.spec?.selector as Record<string, string> | undefined;
  if (!map) return undefined;
  let selector = selectors.get(map);
  if (!selector) {
    selector = { matchLabels: map };
    selectors.set(map, selector);
  }
  return selector;
}

export function startReplicationController(context: ControllerContext): Controller {
  return startReplicaController(context, {
    ref: REPLICATIONCONTROLLERS,
    queue: 'replicationmanager',
    component: 'replication-controller',
    workers: context.flags.concurrentRcSyncs,
    selector: selectorOf,
    countsTerminating: false,
  });
}
