/**
 * What admission, authentication and authorization may read of the cluster: the server's own watch caches, no requests.
 * Reads are of the preferred served version of a resource.
 */
import type { ClusterView } from '../admission/data.ts';
import type { GroupResource } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { pathSegmentProblem, type StoreCore } from '../registry/generic/store-core.ts';
import type { Stores } from '../registry/generic/stores.ts';
import type { ResourceRow } from '../registry/resource.ts';
import type { ResourceTable } from '../registry/resources.ts';

export function clusterView(table: ResourceTable, stores: Stores): ClusterView {
  /** By resource, then group: both are literals of whoever asks. */
  const rows = new Map<string, Map<string, ResourceRow | undefined>>();
  table.onChange(() => rows.clear());
  const storeOf = ({ group, resource }: GroupResource): StoreCore | undefined => {
    let named = rows.get(resource);
    if (named === undefined) {
      named = new Map();
      rows.set(resource, named);
    }
    let row = named.get(group);
    if (row === undefined && !named.has(group)) {
      row = table.versionsOf(group, resource)[0];
      named.set(group, row);
    }
    return row && stores.forRow(row);
  };
  const read = async <T extends KubeObject>(
    resource: GroupResource,
    namespace: string,
    name: string,
    options: { minRevision?: number },
  ): Promise<T | undefined> => {
    const store = storeOf(resource);
    if (store === undefined) return undefined;
    const problem = pathSegmentProblem(name);
    if (problem !== undefined) {
      // Caches just have no such object; a client would refuse to ask for it.
      if (options.minRevision !== undefined) return undefined;
      throw new Error(`invalid resource name ${JSON.stringify(name)}: [${problem}]`);
    }
    const entry = await store.cache.get(store.key(namespace, name), options);
    return entry && (store.object(entry) as T);
  };
  return {
    peek: <T extends KubeObject>(resource: GroupResource, namespace: string, name: string) => {
      const store = storeOf(resource);
      if (store === undefined || pathSegmentProblem(name) !== undefined) return undefined;
      const entry = store.cache.peek(store.key(namespace, name));
      return entry && (store.object(entry) as T);
    },
    get: (resource, namespace, name) => read(resource, namespace, name, { minRevision: 0 }),
    getLive: (resource, namespace, name) => read(resource, namespace, name, {}),
    async list<T extends KubeObject>(resource: GroupResource, namespace: string): Promise<readonly T[]> {
      const store = storeOf(resource);
      if (store === undefined) return [];
      const { entries } = await store.cache.list({ prefix: store.prefix(namespace), minRevision: 0 });
      return entries.map((entry) => store.object(entry) as T);
    },
  };
}
