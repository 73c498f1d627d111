/**
 * From a routed request to its handler. Endpoints are made once per row, on first use; rows that leave the table take theirs along.
 * Subresources that write the same kind go through the strategy's doors, all others through `subresources/index.ts`.
 */

import { notFound } from '../machinery/errors/status-error.ts';
import { customResourceOf } from '../registry/apiextensions.k8s.io/custom-resources/custom-row.ts';
import type { Printer } from '../registry/generic/printer.ts';
import type { Stores } from '../registry/generic/stores.ts';
import type { ResourceRow } from '../registry/resource.ts';
import type { ResourceTable } from '../registry/resources.ts';
import { Endpoint, type ResourceHandler, type ResourceRequest, type ServerContext } from './endpoint.ts';
import { runThen } from './filters/run-then.ts';
import { handleCreate } from './handlers/create.ts';
import { handleDelete, handleDeleteCollection } from './handlers/delete.ts';
import { handleGet } from './handlers/get.ts';
import { handleList, handleWatch } from './handlers/list.ts';
import { methodNotAllowed, resourceNotFound } from './handlers/not-found.ts';
import { handlePatch } from './handlers/patch.ts';
import { handleUpdate } from './handlers/update.ts';
import type { Action, Operation } from './openapi/operations.ts';
import { parseQuery } from './request/query-options.ts';
import type { RequestContext } from './request/request-context.ts';
import { splitPath } from './request/request-info.ts';
import type { OperationMetrics } from './request-metrics.ts';
import type { RouteMatch, Router } from './router/router.ts';

/** Handlers of a subresource by action; `connect` for everything that is not REST. */
export type SubresourceHandlers = Partial<Record<Action, ResourceHandler>>;

/** Paths that are no resources (discovery, health, OpenAPI ...): false when none of them. */
export type OtherPaths = (context: RequestContext) => boolean | Promise<boolean>;

export interface DispatcherOptions {
  router: Router;
  table: ResourceTable;
  stores: Stores;
  printerOf(row: ResourceRow): Printer;
  isCustom(row: ResourceRow): boolean;
  /** Key: `<group>/<resource>/<subresource>`. */
  subresources: ReadonlyMap<string, SubresourceHandlers>;
  /** Key: `<group>/<resource>`: resources without storage (TokenReview, SubjectAccessReview ...). */
  virtual: ReadonlyMap<string, SubresourceHandlers>;
  otherPaths: OtherPaths;
}

/** Built-in kinds that warn whoever uses them. Upstream: APILifecycleDeprecated of their Go types */
const DEPRECATED: ReadonlyMap<string, string> = new Map([
  ['componentstatuses', 'v1 ComponentStatus is deprecated in v1.19+'],
  ['endpoints', 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
]);

function deprecationOf(row: ResourceRow): string | undefined {
  return row.group === '' ? DEPRECATED.get(row.resource) : undefined;
}

const MAIN: Readonly<Partial<Record<Action, ResourceHandler>>> = {
  get: handleGet,
  list: handleList,
  post: handleCreate,
  put: (request) => handleUpdate(request),
  patch: (request) => handlePatch(request),
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
  watch: handleWatch,
  watchlist: handleWatch,
};

interface Resolved {
  readonly endpoint: Endpoint;
  readonly subresource: string;
  readonly handler: ResourceHandler | undefined;
  readonly deprecated: string | undefined;
  readonly counted: OperationMetrics | undefined;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #endpoints = new Map<ResourceRow, Endpoint>();
  /** What the table says of an operation, looked up once; forgotten when the table changes. */
  readonly #resolved = new Map<Operation, Resolved>();
  server!: ServerContext;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    options.table.onChange(() => this.#forget());
    this.dispatch = this.dispatch.bind(this);
  }

  dispatch(context: RequestContext): Promise<void> | void {
    const { exchange } = context;
    const { router } = this.#options;
    const match =
      router.match(exchange.method, exchange.path) ??
      (exchange.method === 'HEAD' ? this.#matchHead(exchange.path) : undefined);
    if (match !== undefined) {
      const resolved = this.#resolve(match.operation);
      if (resolved !== undefined) return this.#resource(context, match, resolved);
    }
    return this.#noResource(context, match);
  }

  /** Where a request is counted whose handler will not be asked. */
  countedOf({ exchange }: RequestContext): OperationMetrics | undefined {
    const match = this.#options.router.match(exchange.method, exchange.path);
    return match && this.#resolve(match.operation)?.counted;
  }

  /** HEAD is GET without its body, save for built-in resources: upstream's router has it for proxies alone. */
  #matchHead(path: string): RouteMatch | undefined {
    const match = this.#options.router.match('GET', path);
    const row = match?.operation.row;
    return row === undefined || this.#options.isCustom(row) ? match : undefined;
  }

  async #noResource(context: RequestContext, match: RouteMatch | undefined): Promise<void> {
    const { exchange } = context;
    const { router } = this.#options;
    if (await this.#options.otherPaths(context)) return;
    this.#refuseCustomSubresource(context);
    if (match === undefined && router.methods(withSlash(exchange.path)) !== undefined) throw methodNotAllowed();
    if (this.#isOfBuiltinGroup(exchange.path)) throw resourceNotFound();
    exchange.respond(
      404,
      { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
      '404 page not found\n',
    );
  }

  endpoint(row: ResourceRow): Endpoint {
    let endpoint = this.#endpoints.get(row);
    if (endpoint === undefined) {
      const { stores, printerOf, isCustom } = this.#options;
      endpoint = new Endpoint(row, stores.forRow(row), printerOf(row), isCustom(row));
      this.#endpoints.set(row, endpoint);
    }
    return endpoint;
  }

  #resolve(operation: Operation): Resolved | undefined {
    let resolved = this.#resolved.get(operation);
    if (resolved !== undefined) return resolved;
    const { row, action } = operation;
    if (row === undefined || action === undefined) return undefined;
    const endpoint = this.endpoint(row);
    const subresource = operation.subresource?.name ?? '';
    resolved = {
      endpoint,
      subresource,
      handler: this.#handler(endpoint, subresource, action),
      counted: this.server.metrics.requests.ofOperation(operation),
      deprecated: endpoint.isCustom ? customResourceOf(row)?.deprecationWarning : deprecationOf(row),
    };
    if (resolved.deprecated !== undefined) this.server.metrics.deprecated(row, subresource);
    this.#resolved.set(operation, resolved);
    return resolved;
  }

  #resource(context: RequestContext, match: RouteMatch, resolved: Resolved): Promise<void> | void {
    const { endpoint, subresource, handler, deprecated, counted } = resolved;
    if (handler === undefined) throw methodNotAllowed();
    context.counted = counted;
    if (deprecated !== undefined) context.warn(deprecated);
    const request: ResourceRequest = {
      server: this.server,
      context,
      endpoint,
      namespace: match.namespace ?? '',
      name: match.name ?? '',
      subresource,
      subpath: match.subpath ?? '',
      query: parseQuery(context.exchange.query),
    };
    if (match.operation.action !== 'connect' || counted === undefined) return handler(request);
    return runThen(() => handler(request), context, counted.running(context));
  }

  #handler(endpoint: Endpoint, subresource: string, action: Action): ResourceHandler | undefined {
    const { row } = endpoint;
    const { virtual, subresources } = this.#options;
    if (subresource === '') return (virtual.get(`${row.group}/${row.resource}`) ?? MAIN)[action];
    const own =
      subresources.get(`${row.group}/${row.resource}/${subresource}`) ?? subresources.get(`*/*/${subresource}`);
    const door = endpoint.store.strategy.subresources?.[subresource];
    const special = own?.[action];
    if (special !== undefined && (door === undefined || own !== subresources.get(`*/*/${subresource}`))) return special;
    if (door === undefined) return undefined;
    switch (action) {
      case 'get':
        return handleGet;
      case 'put':
        return (request: ResourceRequest) => handleUpdate(request, door);
      case 'patch':
        return (request: ResourceRequest) => handlePatch(request, door);
      default:
        return special;
    }
  }

  /** A subresource that a custom resource has not is an object that is not there. @throws StatusError 404 */
  #refuseCustomSubresource({ info }: RequestContext): void {
    if (!info.isResourceRequest || info.subresource === '') return;
    const { apiGroup: group, apiVersion, resource, name } = info;
    const row = this.#options.table.get(group, apiVersion, resource);
    if (row !== undefined && this.#options.isCustom(row)) throw notFound({ group, resource }, name);
  }

  /** Groups of custom resources have no tree of their own upstream: what they do not serve is no path at all. */
  #isOfBuiltinGroup(path: string): boolean {
    const [prefix, group, more] = splitPath(path);
    if (prefix === 'api') return group !== undefined;
    if (prefix !== 'apis' || more === undefined) return false;
    const versions = this.#options.table.groups().find((g) => g.name === group)?.versions;
    return versions?.some((v) => v.rows.some((row) => !this.#options.isCustom(row))) === true;
  }

  #forget(): void {
    this.#resolved.clear();
    const served = new Set(this.#options.table.rows());
    const gone = [...this.#endpoints.keys()].filter((row) => !served.has(row));
    if (gone.length === 0) return;
    const stores = this.#options.stores.drop(gone);
    for (const [row, endpoint] of this.#endpoints) {
      if (stores.has(endpoint.store) || !served.has(row)) this.#endpoints.delete(row);
    }
  }
}

/** Paths that are no resources are routed with their trailing slash. */
function withSlash(path: string): string {
  return path.startsWith('/api') || path.endsWith('/') ? path : `${path}/`;
}
