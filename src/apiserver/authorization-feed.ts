/**
 * Keeps the RBAC policy index and the node graph equal to what is stored, from the watch caches. Changes arrive in the tick
 * they are committed in, so a binding holds for the very next request.
 */
import type { Logger } from '../base/log.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Stores } from '../registry/generic/stores.ts';
import type { ResourceTable } from '../registry/resources.ts';
import { GRAPH_RESOURCES, type NodeGraph } from './authz/node-graph.ts';
import { type PolicyIndex, RBAC_RESOURCES, type RbacResource } from './authz/rbac.ts';

interface Sink {
  put(object: KubeObject): void;
  delete(object: KubeObject): void;
}

export interface FeedOptions {
  table: ResourceTable;
  stores: Stores;
  policy: PolicyIndex;
  graph: NodeGraph;
  log: Logger;
  signal: AbortSignal;
}

/** Resolves when everything that was stored is in. */
export async function feedAuthorization(o: FeedOptions): Promise<void> {
  const feeds = [
    ...RBAC_RESOURCES.map((resource) =>
      feed(
        o,
        { group: 'rbac.authorization.k8s.io', version: 'v1', resource },
        {
          put: (object) => o.policy.put(resource, object as Parameters<PolicyIndex['put']>[1]),
          delete: (object) => o.policy.delete(resource as RbacResource, object),
        },
      ),
    ),
    ...GRAPH_RESOURCES.map((gvr) =>
      feed(o, gvr, {
        put: (object) => o.graph.put(gvr.resource, object),
        delete: (object) => o.graph.delete(gvr.resource, object),
      }),
    ),
  ];
  await Promise.all(feeds);
}

async function feed(
  o: FeedOptions,
  gvr: { group: string; version: string; resource: string },
  sink: Sink,
): Promise<void> {
  const row = o.table.get(gvr.group, gvr.version, gvr.resource);
  if (row === undefined) return;
  const store = o.stores.forRow(row);
  const watch = await store.cache.watch({
    initial: true,
    prefix: store.root,
    signal: o.signal,
    onBatch(batch) {
      for (const d of batch.deliveries) {
        const object = store.object(d.entry);
        if (d.type === 'DELETED') {
          sink.delete(object);
        } else {
          sink.put(object);
        }
      }
    },
    onClose(error) {
      if (error === undefined || o.signal.aborted) return;
      o.log.warn('authorization feed restarts', { resource: gvr.resource, err: error });
    },
  });
  for (const entry of watch.initial?.entries ?? []) {
    sink.put(store.glance(entry));
  }
  watch.initial = undefined;
  watch.resume();
}
