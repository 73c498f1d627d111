/**
 * The API server's metrics under upstream's names, put together. They are counted in plain maps, cheaper than any metrics library on
 * the request path; prom-client renders them when somebody asks.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type Count, Counter, type Distribution, Gauge, Histogram } from '../base/metric-families.ts';
import type { ResourceRow } from '../registry/resource.ts';
import { versionInfo } from './discovery/version.ts';
import { RequestMetrics } from './request-metrics.ts';

// Upstream: apiserver/pkg/endpoints/metrics/metrics.go WatchEventsSizes
const WATCH_EVENT_SIZES = Array.from({ length: 8 }, (_, i) => 1024 * 2 ** i);

const BUILD_LABELS = [
  'build_date',
  'compiler',
  'git_commit',
  'git_tree_state',
  'git_version',
  'go_version',
  'major',
  'minor',
  'platform',
];

/** What the watches of a resource count their events in. */
export class WatchMetrics {
  readonly #count: Count;
  readonly #sizes: Distribution;

  constructor(count: Count, sizes: Distribution) {
    this.#count = count;
    this.#sizes = sizes;
  }
  sent(events: number, bytes: number): void {
    this.#count.value += events;
    this.#sizes.observe(bytes / events, events);
  }
}

export class ApiMetrics {
  readonly registry = new Registry();
  readonly requests = new RequestMetrics();
  readonly #inflight = new Gauge(
    'apiserver_current_inflight_requests',
    'The most requests that were served at once in the last second, reading and changing ones.',
    ['request_kind'],
  );
  readonly #watchEvents = new Counter('apiserver_watch_events_total', 'Events that were sent to watchers.', [
    'group',
    'version',
    'resource',
  ]);
  readonly #watchSizes = new Histogram(
    'apiserver_watch_events_sizes',
    'Bytes of events that were sent to watchers.',
    ['group', 'version', 'resource'],
    WATCH_EVENT_SIZES,
  );
  readonly #watches = new Map<string, WatchMetrics>();
  readonly #deprecated = new Gauge(
    'apiserver_requested_deprecated_apis',
    'Deprecated APIs that were requested, by group, version, resource, subresource and the release that removes them.',
    ['group', 'version', 'resource', 'subresource', 'removed_release'],
  );
  readonly #build = new Gauge('kubernetes_build_info', 'Always 1; what runs is in the labels.', BUILD_LABELS);

  constructor(options: { process: boolean }) {
    this.requests.register(this.registry);
    for (const m of [this.#inflight, this.#watchEvents, this.#watchSizes, this.#deprecated, this.#build])
      m.register(this.registry);
    const v = versionInfo();
    const build = [
      v.buildDate,
      v.compiler,
      v.gitCommit,
      v.gitTreeState,
      v.gitVersion,
      v.goVersion,
      v.major,
      v.minor,
      v.platform,
    ];
    this.#build.set(build.join('\0'), 1);
    if (options.process) collectDefaultMetrics({ register: this.registry });
  }

  inflight(kind: 'readOnly' | 'mutating', n: number): void {
    this.#inflight.set(kind, n);
  }

  /** The same for all watches of a resource. */
  watch({ group, version, resource }: ResourceRow): WatchMetrics {
    const labels = `${group}\0${version}\0${resource}`;
    let found = this.#watches.get(labels);
    if (found === undefined) {
      found = new WatchMetrics(this.#watchEvents.series(labels), this.#watchSizes.series(labels));
      this.#watches.set(labels, found);
    }
    return found;
  }

  /** No release removes what is deprecated now: the label stays empty. */
  deprecated(row: ResourceRow, subresource: string): void {
    this.#deprecated.set(`${row.group}\0${row.version}\0${row.resource}\0${subresource}\0`, 1);
  }
}
