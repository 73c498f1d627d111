/**
 * The API server's metrics under upstream's names. Requests are counted in plain maps, cheaper than any metrics library on the
 * request path; prom-client renders them when somebody asks. Upstream: apiserver/pkg/endpoints/metrics/metrics.go
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ResourceRow } from '../registry/resource.ts';
import { versionInfo } from './discovery/version.ts';
import { type Count, Counter, type Distribution, Gauge, Histogram } from './metric-families.ts';
import type { RequestContext } from './request/request-context.ts';

// Upstream: requestLatencies buckets
const REQUEST_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const SIZE_BUCKETS = [1000, 10000, 100000, 1e6, 1e7, 1e8, 1e9];
const REQUEST_LABELS = ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component', 'code'];
const LATENCY_LABELS = ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];

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

export interface LongRunning {
  end(): void;
}

export class ApiMetrics {
  readonly registry = new Registry();
  readonly #requests = new Counter(
    'apiserver_request_total',
    'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    REQUEST_LABELS,
  );
  readonly #durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    LATENCY_LABELS,
    REQUEST_BUCKETS,
  );
  readonly #series = new Map<string, { requests: Count; durations: Distribution | undefined }>();
  readonly #inflight = new Gauge(
    'apiserver_current_inflight_requests',
    'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
    ['request_kind'],
  );
  readonly #longRunning = new Gauge(
    'apiserver_longrunning_requests',
    'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
    ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'],
  );
  readonly #watchEvents = new Counter('apiserver_watch_events_total', 'Number of events sent in watch clients', [
    'group',
    'version',
    'resource',
  ]);
  readonly #watchSizes = new Histogram(
    'apiserver_watch_events_sizes',
    'Watch event size distribution in bytes',
    ['group', 'version', 'resource'],
    SIZE_BUCKETS,
  );
  readonly #rejected = new Counter(
    'apiserver_dropped_requests_total',
    "Number of requests dropped with 'Try again later' response",
    ['request_kind'],
  );
  readonly #aborted = new Counter(
    'apiserver_request_terminations_total',
    'Number of requests which apiserver terminated in self-defense.',
    ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component', 'code'],
  );
  readonly #storageDurations = new Histogram(
    'etcd_request_duration_seconds',
    'Etcd request latency in seconds for each operation and object type.',
    ['operation', 'group', 'resource'],
    REQUEST_BUCKETS,
  );
  readonly #objects = new Gauge(
    'apiserver_storage_objects',
    'Number of stored objects at the time of last check split by kind.',
    ['group', 'resource'],
  );

  readonly #deprecated = new Gauge(
    'apiserver_requested_deprecated_apis',
    'Deprecated APIs that were requested, by group, version, resource, subresource and the release that removes them.',
    ['group', 'version', 'resource', 'subresource', 'removed_release'],
  );
  readonly #build = new Gauge('kubernetes_build_info', 'Always 1; what runs is in the labels.', BUILD_LABELS);

  constructor(options: { process: boolean }) {
    for (const m of [
      this.#requests,
      this.#durations,
      this.#inflight,
      this.#longRunning,
      this.#watchEvents,
      this.#watchSizes,
      this.#rejected,
      this.#aborted,
      this.#storageDurations,
      this.#objects,
      this.#deprecated,
      this.#build,
    ])
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

  requestDone(context: RequestContext, code: number, seconds: number): void {
    const { info } = context;
    const verb = info.isResourceRequest ? verbLabel(context) : context.exchange.method;
    const dryRun = context.exchange.query.includes('dryRun=All') ? 'All' : '';
    const scope = scopeOf(context);
    const resource = info.resource;
    const labels = `${verb}\0${dryRun}\0${info.apiGroup}\0${info.apiVersion}\0${resource}\0${info.subresource}\0${scope}\0apiserver`;
    // One look-up, not two: putting the labels together and hashing them is most of what counting costs.
    const key = `${labels}\0${code}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { requests: this.#requests.series(key), durations: undefined };
      this.#series.set(key, series);
    }
    series.requests.value++;
    if (context.longRunning) return;
    series.durations ??= this.#durations.series(labels);
    series.durations.observe(seconds);
  }

  inflight(kind: 'readOnly' | 'mutating', n: number): void {
    this.#inflight.set(kind, n);
  }

  dropped(kind: 'readOnly' | 'mutating'): void {
    this.#rejected.inc(kind);
  }

  terminated(context: RequestContext): void {
    const { info } = context;
    this.#aborted.inc(
      `${verbLabel(context)}\0${info.apiGroup}\0${info.apiVersion}\0${info.resource}\0${info.subresource}\0${scopeOf(context)}\0apiserver\0${504}`,
    );
  }

  watchStarted(row: ResourceRow): LongRunning {
    const labels = `WATCH\0${row.group}\0${row.version}\0${row.resource}\0\0${row.namespaced ? 'namespace' : 'cluster'}\0apiserver`;
    this.#longRunning.add(labels, 1);
    return { end: () => this.#longRunning.add(labels, -1) };
  }

  watchEvents(row: ResourceRow, events: number, bytes: number): void {
    const labels = `${row.group}\0${row.version}\0${row.resource}`;
    this.#watchEvents.inc(labels, events);
    this.#watchSizes.observe(labels, bytes / events, events);
  }

  /** No release removes what is deprecated now: the label stays empty. */
  deprecated(row: ResourceRow, subresource: string): void {
    this.#deprecated.set(`${row.group}\0${row.version}\0${row.resource}\0${subresource}\0`, 1);
  }

  storageRequest(operation: string, group: string, resource: string, seconds: number): void {
    this.#storageDurations.observe(`${operation}\0${group}\0${resource}`, seconds);
  }

  storedObjects(group: string, resource: string, n: number): void {
    this.#objects.set(`${group}\0${resource}`, n);
  }
}

const VERB_LABELS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' };

/** Upstream: metrics.cleanVerb */
function verbLabel(context: RequestContext): string {
  const { verb } = context.info;
  if (verb === 'patch' && context.exchange.headers['content-type']?.startsWith('application/apply-patch'))
    return 'APPLY';
  return VERB_LABELS[verb] ?? verb.toUpperCase();
}

function scopeOf(context: RequestContext): string {
  const { info } = context;
  if (!info.isResourceRequest) return '';
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace !== '' ? 'namespace' : 'cluster';
}
