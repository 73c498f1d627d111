/** Counts and times what goes to storage, under the names upstream gives its etcd calls. Upstream: storage/etcd3/metrics */
import type { Clock } from '../base/clock.ts';
import type { Cacher } from '../storage/cacher/cacher.ts';
import type { ApiMetrics } from './metrics.ts';

/** Writes of `cacher` are measured from here on; reads are served by caches and cost no storage call. */
export function measureWrites(cacher: Cacher, metrics: ApiMetrics, clock: Clock): void {
  const measured =
    <A extends [string, ...unknown[]], R>(operation: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const began = clock.monotonic();
      try {
        return await call(...args);
      } finally {
        const { group, resource } = resourceOf(args[0]);
        metrics.storageRequest(operation, group, resource, (clock.monotonic() - began) / 1000);
      }
    };
  cacher.create = measured('create', cacher.create.bind(cacher));
  cacher.update = measured('update', cacher.update.bind(cacher));
  cacher.delete = measured('delete', cacher.delete.bind(cacher));
}

/** `/registry/pods/...`, `/registry/apiextensions.k8s.io/customresourcedefinitions/...`: groups carry a dot. */
function resourceOf(key: string): { group: string; resource: string } {
  const [, , first = '', second = ''] = key.split('/', 4);
  return first.includes('.') ? { group: first, resource: second } : { group: '', resource: first };
}
