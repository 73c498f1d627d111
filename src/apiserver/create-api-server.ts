/**
 * An API server put together from its rooms: storage behind watch caches, the resource table, strategies, admission,
 * authentication and authorization, the chain, and the ways in (HTTP, in-process). It owns what it makes; `close` ends all of it.
 */
import type { Admission } from '../admission/admission.ts';
import type { AdmissionData } from '../admission/data.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { inProcessTransport } from '../client/in-process-transport.ts';
import { createClient } from '../client/rest-client.ts';
import type { Transport } from '../client/transport.ts';
import type { RuleResolver } from '../machinery/authorization/authorizer.ts';
import { badRequest } from '../machinery/errors/status-error.ts';
import type { Printer } from '../registry/generic/printer.ts';
import { Stores } from '../registry/generic/stores.ts';
import type { Strategy } from '../registry/generic/strategy.ts';
import type { ResourceRow } from '../registry/resource.ts';
import { isBuiltin, ResourceTable } from '../registry/resources.ts';
import { type Cacher, openCacher } from '../storage/cacher/cacher.ts';
import type { Storage } from '../storage/storage.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { impersonate } from './authn/impersonation.ts';
import { feedAuthorization } from './authorization-feed.ts';
import { type AuthorizationMode, newAuthorization } from './authz/authorization.ts';
import { NodeGraph } from './authz/node-graph.ts';
import { PolicyIndex } from './authz/rbac.ts';
import { buildChain } from './chain.ts';
import { clusterView } from './cluster-view.ts';
import { CrdController } from './crd/crd-controller.ts';
import { Discovery } from './discovery/discovery.ts';
import { Dispatcher, type SubresourceHandlers } from './dispatcher.ts';
import { DeadlineSweeper } from './filters/deadline.ts';
import { DEFAULT_LIMITS, type InFlightLimits } from './filters/max-in-flight.ts';
import { RequestGate } from './filters/shutdown.ts';
import { componentStatusHandlers } from './handlers/component-statuses.ts';
import { writeError } from './handlers/errors.ts';
import { HealthChecks, startCheck } from './health.ts';
import { isLongRunning } from './long-running.ts';
import { ApiMetrics } from './metrics.ts';
import { type OpenApiDocuments, otherPaths } from './other-paths.ts';
import type { Exchange, UserInfo } from './request/exchange.ts';
import type { Handler } from './request/request-context.ts';
import { parseRequestInfo } from './request/request-info.ts';
import { ServedContext } from './request/served-context.ts';
import { Router } from './router/router.ts';
import { type Listening, type ListenOptions, listen } from './server.ts';
import { measureStorage } from './storage-metrics.ts';

/** What the makers of authentication and admission may build on. */
export interface ApiServices extends AdmissionData {
  readonly table: ResourceTable;
  readonly stores: Stores;
  readonly rules: RuleResolver;
  readonly policy: PolicyIndex;
  readonly metrics: ApiMetrics;
}

export interface ApiServerOptions {
  storage: Storage;
  clock: Clock;
  random: Random;
  log: Logger;
  table?: ResourceTable;
  strategyOf(row: ResourceRow): Strategy;
  printerOf(row: ResourceRow): Printer;
  admission(services: ApiServices): Admission;
  /** Who callers from outside are. */
  authenticator(services: ApiServices): Authenticator;
  /** Default Node, RBAC. */
  authorizationModes?: readonly AuthorizationMode[];
  openApi(table: ResourceTable, clock: Clock): OpenApiDocuments;
  /** Key: `<group>/<resource>/<subresource>`. */
  subresources(services: ApiServices): ReadonlyMap<string, SubresourceHandlers>;
  /** Key: `<group>/<resource>`: resources without storage. */
  virtual(services: ApiServices): ReadonlyMap<string, SubresourceHandlers>;
  documents?: ReadonlyMap<string, { contentType: string; cacheControl: string; body: string }>;
  /** `host:port` that /api tells clients. */
  serverAddress?: string;
  limits?: InFlightLimits;
  /** Upstream: --request-timeout. */
  requestTimeoutMs?: number;
  /** Upstream: --min-request-timeout. */
  minRequestTimeoutMs?: number;
  /** Metrics of the process besides the server's own. */
  processMetrics?: boolean;
}

export interface ApiServer extends AsyncDisposable {
  readonly table: ResourceTable;
  readonly stores: Stores;
  readonly services: ApiServices;
  readonly health: HealthChecks;
  readonly metrics: ApiMetrics;
  /** Aborts when the server begins to shut down. */
  readonly shutdownSignal: AbortSignal;
  /** Serves one request; neither throws nor rejects. */
  handle(exchange: Exchange): Promise<void> | void;
  listen(options: ListenOptions): Promise<Listening>;
  transport(user?: UserInfo): Transport;
  client(user?: UserInfo, headers?: Record<string, string>): Client;
  /** The storage was compacted: caches forget what was before. */
  compacted(revision: number): void;
  /** How many requests it has begun to serve. */
  readonly requests: number;
  /** There is nothing to do now, until the signal: memory that is not needed for what is stored can go. */
  giveBack(signal: AbortSignal): Promise<void>;
  /** Ends watches, waits for requests, closes listeners and storage. Idempotent. */
  close(): Promise<void>;
}

// Upstream: user.APIServerUser, the loopback client
export const LOOPBACK_USER: UserInfo = {
  username: 'system:apiserver',
  groups: ['system:masters', 'system:authenticated'],
};

export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, random, log } = options;
  const table = options.table ?? new ResourceTable();
  const cacher = openCacher(options.storage, { clock, log });
  const stores = new Stores({
    cacher,
    clock,
    random,
    strategyOf: options.strategyOf,
    storageRowOf: (row) => storageRowOf(table, row),
  });
  const metrics = new ApiMetrics({ process: options.processMetrics ?? false });
  measureStorage({ registry: metrics.registry, cacher, stores, table, clock });
  const gate = new RequestGate();
  const policy = new PolicyIndex();
  const graph = new NodeGraph();
  const authorizer = newAuthorization({ modes: options.authorizationModes ?? ['Node', 'RBAC'], policy, graph });
  const handler: { serve: Handler } = { serve: () => Promise.reject(new Error('the server is not put together yet')) };
  const entry = entrance(handler, { clock, random, log, gate });
  const transport = (user: UserInfo = LOOPBACK_USER) => inProcessTransport(entry, user);
  const client = (user?: UserInfo, headers?: Record<string, string>) =>
    createClient(transport(user), headers === undefined ? {} : { headers });
  const services: ApiServices = {
    ...clusterView(table, stores),
    client: client(undefined, { 'user-agent': 'kube-apiserver' }),
    authorizer,
    rules: authorizer,
    policy,
    clock,
    random,
    log,
    table,
    stores,
    metrics,
  };
  const health = new HealthChecks();
  health.add({ name: 'etcd', check: () => options.storage.healthy() });
  const openApi = options.openApi(table, clock);
  const dispatcher = new Dispatcher({
    router: new Router(table),
    table,
    stores,
    printerOf: options.printerOf,
    isCustom: (row) => !isBuiltin(row),
    subresources: options.subresources(services),
    virtual: new Map([
      ['/componentstatuses', componentStatusHandlers({ 'etcd-0': () => options.storage.healthy() })],
      ...options.virtual(services),
    ]),
    otherPaths: otherPaths({
      discovery: new Discovery(
        table,
        options.serverAddress === undefined ? {} : { serverAddress: options.serverAddress },
      ),
      openApi,
      health,
      metrics,
      table,
      documents: options.documents ?? new Map(),
    }),
  });
  dispatcher.server = {
    stores,
    authorizer,
    clock,
    random,
    log,
    metrics,
    admission: options.admission(services),
    minRequestTimeoutMs: options.minRequestTimeoutMs ?? 1_800_000,
    endpointOf({ group, version, resource }) {
      const row = table.get(group, version, resource);
      return row && dispatcher.endpoint(row);
    },
  };
  const deadlines = new DeadlineSweeper(clock, options.requestTimeoutMs);
  handler.serve = buildChain(dispatcher.dispatch, {
    authenticator: options.authenticator(services),
    authorizer,
    impersonate,
    deadlines,
    gate,
    limits: options.limits ?? DEFAULT_LIMITS,
    metrics: {
      inflight: (kind, n) => metrics.inflight(kind, n),
      countedOf: (context) => dispatcher.countedOf(context),
    },
    log,
  });
  startCheck(health, ['start-apiserver-admission-initializer']).done();
  const informers = startCheck(health, ['generic-apiserver-start-informers']);
  health.add({ name: 'informer-sync', on: ['readyz'], check: informers.check });
  await feedAuthorization({ table, stores, policy, graph, log, signal: gate.shutdown });
  informers.done();
  if (table.get('apiextensions.k8s.io', 'v1', 'customresourcedefinitions') !== undefined) {
    const definitions = startCheck(health, [
      'start-apiextensions-informers',
      'start-apiextensions-controllers',
      'crd-informer-synced',
    ]);
    await new CrdController({ client: services.client, table, openApi, clock, random, log }).start(gate.shutdown);
    definitions.done();
  }
  return assemble({ table, stores, services, health, metrics, entry, transport, client, gate, deadlines, cacher, log });
}

interface Parts {
  table: ResourceTable;
  stores: Stores;
  services: ApiServices;
  health: HealthChecks;
  metrics: ApiMetrics;
  entry: (exchange: Exchange) => Promise<void> | void;
  transport: ApiServer['transport'];
  client: ApiServer['client'];
  gate: RequestGate;
  deadlines: DeadlineSweeper;
  cacher: Cacher;
  log: Logger;
}

function assemble(parts: Parts): ApiServer {
  const { table, stores, services, health, metrics, entry, transport, client, gate, deadlines, cacher, log } = parts;
  const listeners: Listening[] = [];
  let closing: Promise<void> | undefined;
  health.add({
    name: 'shutdown',
    on: ['readyz'],
    check() {
      if (gate.closing) throw new Error('process is shutting down');
    },
  });
  const close = async () => {
    await gate.close();
    deadlines.close();
    await Promise.all(listeners.map((l) => l.close()));
    await cacher[Symbol.asyncDispose]();
  };
  const server: ApiServer = {
    table,
    stores,
    services,
    health,
    metrics,
    shutdownSignal: gate.shutdown,
    compacted: (revision) => cacher.compacted(revision),
    get requests() {
      return gate.entered;
    },
    giveBack: (signal) => cacher.giveBack(signal),
    handle: entry,
    transport,
    client,
    async listen(options) {
      const listening = await listen(entry, options, log);
      listeners.push(listening);
      return listening;
    },
    close() {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
  return server;
}

interface EntranceOptions {
  clock: Clock;
  random: Random;
  log: Logger;
  gate: RequestGate;
}

/** Makes the context of a request and sends it through the chain. */
function entrance(
  handler: { serve: Handler },
  { clock, random, log, gate }: EntranceOptions,
): (exchange: Exchange) => Promise<void> | void {
  return (exchange) => {
    const failed = (err: unknown) => void writeError(exchange, err, log);
    try {
      const info = requestInfoOf(exchange);
      const auditID = exchange.headers['audit-id'] ?? random.uuid();
      exchange.setHeader('Audit-Id', auditID);
      const context = new ServedContext(exchange, info, clock, auditID, isLongRunning(info), gate.shutdown);
      return handler.serve(context)?.catch(failed);
    } catch (err) {
      failed(err);
    }
  };
}

function requestInfoOf(exchange: Exchange) {
  try {
    return parseRequestInfo(exchange.method, exchange.path, exchange.query);
  } catch (err) {
    throw badRequest(err instanceof Error ? err.message : String(err));
  }
}

/** The served row whose version the row's bytes in storage are in. */
function storageRowOf(table: ResourceTable, row: ResourceRow): ResourceRow | undefined {
  const { group, version, kind } = row.storage;
  return table.byKind({ group, version, kind });
}
