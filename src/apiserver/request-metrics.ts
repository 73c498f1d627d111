/**
 * What is counted and timed of requests, under upstream's names. Only what is served is counted, operation by operation, so that
 * no client can make series by asking for what does not exist. An operation's series are found once and kept (docs/decisions/009).
 * Upstream: apiserver/pkg/endpoints/metrics/metrics.go InstrumentRouteFunc, MonitorRequest
 */
import type { Registry } from 'prom-client';
import { type Count, Counter, type Distribution, Gauge, Histogram } from '../base/metric-families.ts';
import type { Action, Operation } from './openapi/operations.ts';
import type { Exchange } from './request/exchange.ts';
import type { RequestInfo } from './request/request-info.ts';

// Upstream: requestLatencies, watchListLatencies, responseSizes
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const WATCH_LIST_SECONDS = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60];
const SIZES = [1000, 10000, 100000, 1e6, 1e7, 1e8, 1e9];
/** In the order of the keys below. */
const PLACE_LABELS = ['group', 'version', 'resource', 'subresource', 'scope', 'component'];

/** Where requests go, for labels. */
interface Place {
  verb: string;
  /** group, version, resource, subresource, scope, component joined with NUL. */
  labels: string;
  /** The same without subresource and component. */
  watchListLabels: string;
  /** Sizes are of interest for reads alone. */
  isRead: boolean;
}

export class RequestMetrics {
  readonly #requests = new Counter(
    'apiserver_request_total',
    'Requests that were served, by what they asked for and the code of the answer.',
    ['verb', 'dry_run', ...PLACE_LABELS, 'code'],
  );
  readonly #durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Seconds from a request to the end of its answer, by what it asked for.',
    ['verb', 'dry_run', ...PLACE_LABELS],
    SECONDS,
  );
  readonly #sizes = new Histogram(
    'apiserver_response_sizes',
    'Bytes of the answers to reads, by what they asked for.',
    ['verb', ...PLACE_LABELS],
    SIZES,
  );
  readonly #longRunning = new Gauge(
    'apiserver_longrunning_requests',
    'Requests open now that stay open: watches, and connections through the server.',
    ['verb', ...PLACE_LABELS],
  );
  readonly #terminations = new Counter(
    'apiserver_request_terminations_total',
    'Requests that were ended because they took too long.',
    ['verb', ...PLACE_LABELS, 'code'],
  );
  readonly #watchLists = new Histogram(
    'apiserver_watch_list_duration_seconds',
    'Seconds until a watch that begins with a list had sent the list.',
    ['group', 'version', 'resource', 'scope'],
    WATCH_LIST_SECONDS,
  );
  readonly #paths = new Map<string, OperationMetrics>();

  register(registry: Registry): void {
    for (const family of [
      this.#requests,
      this.#durations,
      this.#sizes,
      this.#longRunning,
      this.#terminations,
      this.#watchLists,
    ])
      family.register(registry);
  }

  /** Undefined for operations without a row: discovery and the like are not counted upstream either. */
  ofOperation(operation: Operation): OperationMetrics | undefined {
    const { row, action, subresource } = operation;
    if (row === undefined || action === undefined) return undefined;
    const { group, version, resource } = row;
    const scope = scopeOf(operation);
    return new OperationMetrics(this, {
      verb: verbOf(action, subresource?.name),
      labels: `${group}\0${version}\0${resource}\0${subresource?.name ?? ''}\0${scope}\0apiserver`,
      watchListLabels: `${group}\0${version}\0${resource}\0${scope}`,
      isRead: action === 'get' || action === 'list',
    });
  }

  /** Of the few other paths that upstream counts; `name` is one of a fixed set. */
  ofPath(name: string): OperationMetrics {
    let found = this.#paths.get(name);
    if (found === undefined) {
      const labels = `\0\0\0${name}\0\0`;
      found = new OperationMetrics(this, { verb: 'GET', labels, watchListLabels: '', isRead: true });
      this.#paths.set(name, found);
    }
    return found;
  }

  series(place: Place, verb: string, dryRun: string): Series {
    const { labels, isRead } = place;
    return {
      requests: (code) => this.#requests.series(`${verb}\0${dryRun}\0${labels}\0${code}`),
      durations: this.#durations.series(`${verb}\0${dryRun}\0${labels}`),
      sizes: isRead ? this.#sizes.series(`${verb}\0${labels}`) : undefined,
      byCode: new Map(),
    };
  }

  running(place: Place, verb: string, n: number): void {
    this.#longRunning.add(`${verb}\0${place.labels}`, n);
  }
  terminated(place: Place, verb: string, code: number): void {
    this.#terminations.inc(`${verb}\0${place.labels}\0${code}`);
  }
  watchListed(place: Place, seconds: number): void {
    this.#watchLists.observe(place.watchListLabels, seconds);
  }
}

interface Series {
  requests(code: number): Count;
  durations: Distribution;
  sizes: Distribution | undefined;
  byCode: Map<number, Count>;
}

/** What of a request its metrics look at. */
interface Counted {
  readonly exchange: Pick<Exchange, 'query' | 'headers' | 'sent'>;
  readonly info: Pick<RequestInfo, 'verb'>;
}

/** The series of one operation. */
export class OperationMetrics {
  readonly #families: RequestMetrics;
  readonly #place: Place;
  /** Of its own verb and no dry run: nearly all requests. */
  #usual: Series | undefined;
  #others: Map<string, Series> | undefined;

  constructor(families: RequestMetrics, place: Place) {
    this.#families = families;
    this.#place = place;
  }

  done(context: Counted, code: number, seconds: number): void {
    const { exchange } = context;
    const verb = this.#verb(context);
    const dryRun = exchange.query.includes('dryRun') ? dryRunOf(exchange.query) : '';
    const series = verb === this.#place.verb && dryRun === '' ? this.#ofUsual() : this.#other(verb, dryRun);
    let requests = series.byCode.get(code);
    if (requests === undefined) {
      requests = series.requests(code);
      series.byCode.set(code, requests);
    }
    requests.value++;
    series.durations.observe(seconds);
    series.sizes?.observe(exchange.sent);
  }

  /** One more that stays; call what is returned when it ends. */
  running(context: Counted): () => void {
    const verb = this.#verb(context);
    this.#families.running(this.#place, verb, 1);
    return () => this.#families.running(this.#place, verb, -1);
  }
  terminated(context: Counted, code: number): void {
    this.#families.terminated(this.#place, this.#verb(context), code);
  }
  /** The initial events of a watch were sent. */
  watchListed(seconds: number): void {
    this.#families.watchListed(this.#place, seconds);
  }

  #ofUsual(): Series {
    this.#usual ??= this.#families.series(this.#place, this.#place.verb, '');
    return this.#usual;
  }

  #other(verb: string, dryRun: string): Series {
    const key = `${verb}\0${dryRun}`;
    this.#others ??= new Map();
    let series = this.#others.get(key);
    if (series === undefined) {
      series = this.#families.series(this.#place, verb, dryRun);
      this.#others.set(key, series);
    }
    return series;
  }

  /** What the request does where one operation does two things. Upstream: cleanVerb */
  #verb({ info, exchange }: Counted): string {
    const { verb } = this.#place;
    if (verb === 'LIST') return info.verb === 'watch' ? 'WATCH' : verb;
    if (verb === 'PATCH') return exchange.headers['content-type'] === 'application/apply-patch+yaml' ? 'APPLY' : verb;
    return verb;
  }
}

const VERBS: Readonly<Record<Action, string>> = {
  get: 'GET',
  list: 'LIST',
  post: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
  watch: 'WATCH',
  watchlist: 'WATCH',
  connect: 'CONNECT',
};

function verbOf(action: Action, subresource: string | undefined): string {
  return subresource === 'log' ? 'CONNECT' : VERBS[action];
}

// Upstream: endpoints/installer.go requestScope
function scopeOf({ path, action, row, allNamespaces }: Operation): string {
  if (action === 'post' || path.includes('{name}')) return 'resource';
  return row?.namespaced === true && allNamespaces !== true ? 'namespace' : 'cluster';
}

/** Whatever else a client says is one value. Upstream: cleanDryRun */
function dryRunOf(query: string): string {
  const values = new URLSearchParams(query).getAll('dryRun');
  if (values.length === 0) return '';
  return values.every((v) => v === 'All') ? 'All' : 'invalid';
}
