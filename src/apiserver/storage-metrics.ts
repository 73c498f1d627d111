/**
 * What is known of the storage, under upstream's names: writes are timed, contents and size are asked for when somebody looks.
 * Upstream: apiserver/pkg/storage/etcd3/metrics
 */
import type { Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import { Computed, type Distribution, Histogram } from '../base/metric-families.ts';
import { groupResourceString } from '../machinery/errors/status-error.ts';
import { storageRoot } from '../registry/generic/store-core.ts';
import type { Stores } from '../registry/generic/stores.ts';
import type { ResourceTable } from '../registry/resources.ts';
import type { Cacher } from '../storage/cacher/cacher.ts';

// Upstream: etcdRequestLatency
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

export interface StorageMetricsOptions {
  registry: Registry;
  cacher: Cacher;
  stores: Stores;
  table: ResourceTable;
  clock: Clock;
}

/** Writes of the cacher are timed from here on; reads are served by caches and cost no storage call. */
export function measureStorage({ registry, cacher, stores, table, clock }: StorageMetricsOptions): void {
  timeWrites(cacher, table, clock).register(registry);
  const families = [
    new Computed(
      { name: 'apiserver_storage_objects', type: 'gauge', labelNames: ['resource'] },
      'Objects that are stored; apiserver_resource_objects says the same.',
      () => Array.from(stores.held(), ({ resource, objects }) => [groupResourceString(resource), objects] as const),
    ),
    new Computed(
      { name: 'apiserver_resource_objects', type: 'gauge', labelNames: ['group', 'resource'] },
      'Objects that are stored, by resource.',
      () =>
        Array.from(
          stores.held(),
          ({ resource, objects }) => [`${resource.group}\0${resource.resource}`, objects] as const,
        ),
    ),
    new Computed(
      { name: 'apiserver_storage_events_received_total', type: 'counter', labelNames: ['group', 'resource'] },
      'Changes that came from the storage, by resource.',
      () =>
        Array.from(
          stores.held(),
          ({ resource, received }) => [`${resource.group}\0${resource.resource}`, received] as const,
        ),
    ),
    new Computed(
      { name: 'apiserver_storage_size_bytes', type: 'gauge', labelNames: ['storage_cluster_id'] },
      'Bytes that the storage takes on disk.',
      // A store that does not answer must not take the other metrics along.
      () =>
        cacher.size().then(
          (size) => [['etcd-0', size] as const],
          () => [],
        ),
    ),
  ];
  for (const family of families) family.register(registry);
}

function timeWrites(cacher: Cacher, table: ResourceTable, clock: Clock): Histogram {
  const durations = new Histogram(
    'etcd_request_duration_seconds',
    'Seconds a request to the storage took, by operation and resource.',
    ['operation', 'group', 'resource'],
    SECONDS,
  );
  const measured = <A extends [string, ...unknown[]], R>(operation: string, call: (...args: A) => Promise<R>) => {
    const series = new Map<string, Distribution>();
    const seriesOf = (key: string): Distribution => {
      const root = rootOf(key);
      let found = series.get(root);
      if (found === undefined) {
        const row = [...table.rows()].find((r) => storageRoot(r) === root);
        // What is no resource (allocators, leases of the store itself) is one series.
        found = durations.series(`${operation}\0${row?.storage.group ?? ''}\0${row?.resource ?? ''}`);
        series.set(root, found);
      }
      return found;
    };
    table.onChange(() => series.clear());
    return (...args: A): Promise<R> => {
      const began = clock.monotonic();
      const done = () => seriesOf(args[0]).observe((clock.monotonic() - began) / 1000);
      const running = call(...args);
      running.then(done, done);
      return running;
    };
  };
  cacher.create = measured('create', cacher.create.bind(cacher));
  cacher.update = measured('update', cacher.update.bind(cacher));
  cacher.delete = measured('delete', cacher.delete.bind(cacher));
  return durations;
}

/** `/registry/pods/`, `/registry/services/specs/`, `/registry/apiextensions.k8s.io/customresourcedefinitions/`: groups carry a dot. */
function rootOf(key: string): string {
  const start = '/registry/'.length;
  let end = key.indexOf('/', start);
  const first = key.slice(start, end);
  if (first === 'services' || first.includes('.')) end = key.indexOf('/', end + 1);
  return key.slice(0, end + 1);
}
