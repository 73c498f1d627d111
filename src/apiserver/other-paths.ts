/**
 * Everything that is served and is no resource: discovery, OpenAPI, health, metrics, the token issuer's documents.
 * Upstream: apiserver/pkg/server/routes
 */
import type { ResourceTable } from '../registry/resources.ts';
import type { SchemaPublisher } from './crd/crd-controller.ts';
import type { Discovery } from './discovery/discovery.ts';
import type { DocumentResponse } from './discovery/document.ts';
import type { OtherPaths } from './dispatcher.ts';
import { serializeDocument } from './document-response.ts';
import type { HealthChecks } from './health.ts';
import type { ApiMetrics } from './metrics.ts';
import type { RequestContext } from './request/request-context.ts';

export interface OpenApiDocuments extends SchemaPublisher {
  respond(request: {
    path: string;
    query: string;
    accept?: string | undefined;
    ifNoneMatch?: string | undefined;
  }): DocumentResponse | undefined;
}

export interface OtherPathsOptions {
  discovery: Discovery;
  openApi: OpenApiDocuments;
  health: HealthChecks;
  metrics: ApiMetrics;
  table: ResourceTable;
  /** Static documents by path (`/.well-known/openid-configuration`, `/openid/v1/jwks`). */
  documents: ReadonlyMap<string, { contentType: string; cacheControl: string; body: string }>;
}

export function otherPaths(o: OtherPathsOptions): OtherPaths {
  return async (context) => {
    const { exchange } = context;
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') return false;
    const { path, headers } = exchange;
    if (await o.health.handle(context)) {
      if (HEALTH_ROOTS.includes(path)) context.counted = o.metrics.requests.ofPath(path);
      return true;
    }
    const registry = path === '/metrics' ? o.metrics.registry : path === '/metrics/slis' ? o.health.results : undefined;
    if (registry !== undefined) {
      exchange.respond(200, { 'Content-Type': registry.contentType }, await registry.metrics());
      return true;
    }
    const document = o.documents.get(path.endsWith('/') ? path.slice(0, -1) : path);
    if (document !== undefined) {
      exchange.respond(
        200,
        { 'Content-Type': document.contentType, 'Cache-Control': document.cacheControl },
        document.body,
      );
      return true;
    }
    if (path === '/') return rootPaths(context, o);
    const request = { path, query: exchange.query, accept: headers.accept, ifNoneMatch: headers['if-none-match'] };
    const response = path.startsWith('/openapi/') ? o.openApi.respond(request) : o.discovery.respond(request);
    if (response === undefined) return false;
    if (path.startsWith(OPENAPI_V3)) {
      context.counted = o.metrics.requests.ofPath(path === OPENAPI_V3 ? 'openapi/v3' : 'openapi/v3/');
    }
    await serializeDocument(exchange, response);
    return true;
  };
}

const OPENAPI_V3 = '/openapi/v3';
/** All checks together: upstream counts these and no single one. */
const HEALTH_ROOTS = ['/healthz', '/livez', '/readyz'];

const PATHS = [
  '/.well-known/openid-configuration',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/version',
];

/** What there is, for people who look around. */
function rootPaths({ exchange }: RequestContext, { health, table }: OtherPathsOptions): boolean {
  const paths = new Set(PATHS);
  for (const { name, versions } of table.groups()) {
    if (name === '') continue;
    paths.add(`/apis/${name}`);
    for (const version of versions) paths.add(`/apis/${name}/${version.name}`);
  }
  for (const door of ['healthz', 'livez', 'readyz'] as const) {
    paths.add(`/${door}`);
    for (const name of health.names(door)) paths.add(`/${door}/${name}`);
  }
  exchange.respond(
    200,
    { 'Content-Type': 'application/json' },
    JSON.stringify({ paths: [...paths].sort() }, undefined, 2),
  );
  return true;
}
