/**
 * Discovery and /version. Documents are made on first request after the table changed and served from bytes until it changes
 * again. Mounted by the server for /api, /apis, /apis/<group>, /api/v1, /apis/<group>/<version> and /version.
 */
// Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/discovery
import { encodeProtobufEnvelope } from '../../machinery/codec/protobuf.ts';
import { encodeYaml } from '../../machinery/codec/yaml.ts';
import { notAcceptable, type StatusError } from '../../machinery/errors/status-error.ts';
import type { ResourceTable } from '../../registry/resources.ts';
import { namesKnownType, noRepresentation } from '../handlers/output.ts';
import { type AcceptClause, accepts, parseAccept } from './accept.ts';
import { CachedDocument, type DocumentResponse } from './document.ts';
import { DocumentBody } from './document-body.ts';
import { apiGroup, apiGroupDiscoveryList, apiGroupList, apiResourceList, apiVersions } from './documents.ts';
import { versionInfo } from './version.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const TYPES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE];
const AGGREGATED_VERSIONS = ['v2'] as const;

export interface DiscoveryRequest {
  path: string;
  accept?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export class Discovery {
  readonly #table: ResourceTable;
  readonly #serverAddress: string;
  #generation = -1;
  readonly #documents = new Map<string, CachedDocument | undefined>();

  /** `serverAddress` (`host:port`) is what /api tells clients to use. */
  constructor(table: ResourceTable, options: { serverAddress?: string } = {}) {
    this.#table = table;
    this.#serverAddress = options.serverAddress ?? '127.0.0.1:6443';
  }

  /** Undefined when the path is none of discovery's (or a group that is not served). @throws StatusError 406 */
  respond(request: DiscoveryRequest): DocumentResponse | undefined {
    const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
    if (path === '/version') {
      const headers = { 'content-type': JSON_TYPE };
      const body = DocumentBody.plain(Buffer.from(JSON.stringify(versionInfo(), null, 2)));
      return { status: 200, headers, body };
    }
    const clauses = parseAccept(request.accept);
    if (path === '/api' || path === '/apis') {
      const aggregated = clauses.find(isServable(true));
      if (aggregated?.parameters.as !== undefined) return this.#aggregated(path, aggregated, request.ifNoneMatch);
    }
    const document = this.#document(path);
    if (document === undefined) return undefined;
    const clause = clauses.find(isServable(false));
    if (clause === undefined) throw this.#refusal(path, request.accept);
    const type = typeOf(clause);
    return { status: 200, headers: { 'content-type': type }, body: bodyOf(document, type) };
  }

  /** Group versions are answered by upstream's router for resources, which refuses in its own words. */
  #refusal(path: string, accept: string | undefined): StatusError {
    const isRouted = path.startsWith('/api/') || path.split('/').length === 4;
    return isRouted && accept !== undefined && !namesKnownType(accept)
      ? noRepresentation()
      : notAcceptable(onlyAccepted());
  }

  #aggregated(path: '/api' | '/apis', clause: AcceptClause, ifNoneMatch: string | undefined): DocumentResponse {
    const { v } = clause.parameters;
    const document = this.#document(`${path}#${v}`)!;
    const headers: Record<string, string> = { etag: document.etag, vary: 'Accept', 'cache-control': 'public' };
    if (ifNoneMatch === document.etag) return { status: 304, headers, body: DocumentBody.EMPTY };
    const type = typeOf(clause);
    headers['content-type'] = `${type};g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`;
    return { status: 200, headers, body: bodyOf(document, type) };
  }

  #document(key: string): CachedDocument | undefined {
    if (this.#generation !== this.#table.generation) {
      this.#documents.clear();
      this.#generation = this.#table.generation;
    }
    if (this.#documents.has(key)) return this.#documents.get(key);
    const make = this.#maker(key);
    const document = make && new CachedDocument(make);
    // Unknown paths are not remembered: clients could ask for any number of them.
    if (document !== undefined) this.#documents.set(key, document);
    return document;
  }

  #maker(key: string): (() => object) | undefined {
    const groups = this.#table.groups();
    if (key === '/api') return () => apiVersions(this.#serverAddress);
    if (key === '/apis') return () => apiGroupList(groups);
    for (const version of AGGREGATED_VERSIONS) {
      const of = (core: boolean) => () =>
        apiGroupDiscoveryList(
          groups.filter((g) => (g.name === '') === core),
          version,
        );
      if (key === `/api#${version}`) return of(true);
      if (key === `/apis#${version}`) return of(false);
    }
    const segments = key.split('/').slice(1);
    const isCore = segments[0] === 'api';
    if (!isCore && segments[0] !== 'apis') return undefined;
    const [name, versionName] = isCore ? ['', ...segments.slice(1)] : segments.slice(1);
    if (segments.length > (isCore ? 2 : 3)) return undefined;
    const group = groups.find((candidate) => candidate.name === name);
    if (group === undefined) return undefined;
    if (versionName === undefined) return isCore ? undefined : () => apiGroup(group);
    const version = group.versions.find((candidate) => candidate.name === versionName);
    return version && (() => apiResourceList(group, version));
  }
}

function isServable(aggregated: boolean): (clause: AcceptClause) => boolean {
  return (clause) => {
    if (!TYPES.some((type) => accepts(clause, type))) return false;
    const { as, g, v } = clause.parameters;
    if (as === undefined && g === undefined && v === undefined) return true;
    return (
      aggregated &&
      as === 'APIGroupDiscoveryList' &&
      g === 'apidiscovery.k8s.io' &&
      AGGREGATED_VERSIONS.some((version) => version === v)
    );
  };
}

function onlyAccepted(): string {
  return `only the following media types are accepted: ${TYPES.join(', ')}`;
}

function typeOf(clause: AcceptClause): string {
  return TYPES.find((type) => accepts(clause, type))!;
}

function bodyOf(document: CachedDocument, type: string): DocumentBody {
  switch (type) {
    case YAML_TYPE:
      return document.encoded(type, (object) => Buffer.from(encodeYaml(object)));
    case PROTOBUF_TYPE:
      return document.encoded(type, (object) => encodeProtobufEnvelope({ apiVersion: 'v1', ...object }));
    default:
      return document.json;
  }
}
