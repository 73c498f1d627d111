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
    store: StoreCore,
    key: string,
    options: { minRevision?: number },
  ): Promise<T | undefined> => {
    const entry = await store.cache.get(key, options);
    return entry && (store.object(entry) as T);
  };
  // Caches just have no object of a name that cannot be one.
  const cacheOf = (resource: GroupResource, name: string): StoreCore | undefined =>
    pathSegmentProblem(name) === undefined ? storeOf(resource) : undefined;
  const readAll = async <T extends KubeObject>(store: StoreCore, prefix: string): Promise<readonly T[]> => {
    const { entries } = await store.cache.list({ prefix, minRevision: 0 });
    return entries.map((entry) => store.object(entry) as T);
  };
  return {
    peek: <T extends KubeObject>(resource: GroupResource, namespace: string, name: string) => {
      const store = cacheOf(resource, name);
      const entry = store?.cache.peek(store.key(namespace, name));
      return entry && (store!.object(entry) as T);
    },
    get<T extends KubeObject>(resource: GroupResource, namespace: string, name: string) {
      const store = cacheOf(resource, name);
      if (store === undefined) return undefined;
      const key = store.key(namespace, name);
      const entry = store.cache.getNow(key, 0);
      return entry === 'wait' ? read<T>(store, key, { minRevision: 0 }) : entry && (store.object(entry) as T);
    },
    async getLive<T extends KubeObject>(resource: GroupResource, namespace: string, name: string) {
      const store = storeOf(resource);
      if (store === undefined) return undefined;
      const problem = pathSegmentProblem(name);
      // A client would refuse to ask for it.
      if (problem !== undefined) throw new Error(`invalid resource name ${JSON.stringify(name)}: [${problem}]`);
      return read<T>(store, store.key(namespace, name), {});
    },
    list<T extends KubeObject>(resource: GroupResource, namespace: string) {
      const store = storeOf(resource);
      if (store === undefined) return [];
      const prefix = store.prefix(namespace);
      const entries = store.cache.listNow(prefix);
      return entries === 'wait' ? readAll<T>(store, prefix) : entries.map((entry) => store.object(entry) as T);
    },
  };
}
