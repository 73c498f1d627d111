/**
 * /openapi/v2, /openapi/v3 and its documents. Hashes come from what a document is made of, so that the index needs no document. One
 * that was built at install is taken from there; any other (a custom resource in it, another --runtime-config) is made on first
 * request. Kept until the table or a custom schema changes.
 */
// Upstream: vendor/k8s.io/kube-openapi/pkg/{handler,handler3}/handler.go
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import type { ResourceTable } from '../../registry/resources.ts';
import { isBuiltin } from '../../registry/resources.ts';
import { type AcceptClause, accepts, parseAccept } from '../discovery/accept.ts';
import type { DocumentResponse } from '../discovery/document.ts';
import { DocumentBody } from '../discovery/document-body.ts';
import { GIT_VERSION } from '../discovery/version.ts';
import type { BuiltDocuments, DocumentForm } from './built-documents.ts';
import type { CustomSchema } from './custom.ts';
import { loadFingerprint } from './data.ts';
import { documentV2, documentV3 } from './documents.ts';
import { encodeGnostic } from './gnostic.ts';
import { groupVersionPath, type Operation, operationsOf, otherOperations } from './operations.ts';

const JSON_TYPE = 'application/json';
/** What is answered, and what clients ask for besides. */
const PROTOBUF: Readonly<Record<2 | 3, readonly [string, string]>> = {
  2: protobufTypes('v2'),
  3: protobufTypes('v3'),
};
const YEAR = 365 * 24 * 3600 * 1000;

export interface OpenApiRequest {
  path: string;
  /** Raw, without `?`. */
  query?: string;
  accept?: string | undefined;
  ifNoneMatch?: string | undefined;
}

/** A document of /openapi/v3: its operations, and what its hash is made of. */
interface Part {
  operations: Operation[];
  groupVersion?: { group: string; version: string };
  hash: string;
  bodies: Map<DocumentForm, DocumentBody>;
}

const NONE: BuiltDocuments = { find: () => undefined };

export class OpenApi {
  readonly #table: ResourceTable;
  readonly #clock: Clock;
  readonly #built: BuiltDocuments;
  readonly #custom = new Map<string, CustomSchema>();
  #generation = -1;
  #parts: Map<string, Part> | undefined;
  /** A row's share in hashes: rows and schemas are replaced, never changed. */
  readonly #hashes = new WeakMap<ResourceRow, { custom: CustomSchema | undefined; hash: string }>();
  readonly #v2 = new Map<DocumentForm, DocumentBody>();

  constructor(table: ResourceTable, clock: Clock, built: BuiltDocuments = NONE) {
    this.#table = table;
    this.#clock = clock;
    this.#built = built;
  }

  /** What a custom resource's rows refer to by `definition`. Call before the rows enter the table. */
  setSchemas(schemas: readonly CustomSchema[]): void {
    for (const schema of schemas) this.#custom.set(schema.definition, schema);
    this.#generation = -1;
  }

  removeSchemas(definitions: readonly string[]): void {
    for (const definition of definitions) this.#custom.delete(definition);
    this.#generation = -1;
  }

  /** The v2 document of what is served now, as an object. */
  get document(): Record<string, unknown> {
    return documentV2(this.#operations(), this.#custom);
  }

  /** Undefined when the path is not one of OpenAPI's. */
  respond(request: OpenApiRequest): DocumentResponse | undefined {
    const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
    if (path !== '/openapi/v2' && path !== '/openapi/v3' && !path.startsWith('/openapi/v3/')) return undefined;
    this.#refresh();
    if (path === '/openapi/v2') return this.#respondV2(request);
    if (path === '/openapi/v3') return this.#respondIndex(request);
    const name = decodeURIComponent(path.slice('/openapi/v3/'.length));
    const part = this.#parts!.get(name);
    return part && this.#respondV3(name, part, request);
  }

  #respondV2(request: OpenApiRequest): DocumentResponse {
    const form = formOf(request, 2);
    if (form === undefined) return NOT_ACCEPTABLE;
    const hash = hashOf('v2', form, ...[...this.#parts!.values()].map((part) => part.hash));
    const etag = `"${hash}"`;
    const headers: Record<string, string> = { etag, vary: 'Accept' };
    if (request.ifNoneMatch === etag) return notModified(headers);
    headers['content-type'] = form === 'json' ? JSON_TYPE : PROTOBUF[2][0];
    let body = this.#v2.get(form);
    if (body === undefined) {
      body = this.#built.find('v2', hash, form) ?? encode(2, this.document, form);
      this.#v2.set(form, body);
    }
    return { status: 200, headers, body };
  }

  #respondIndex(request: OpenApiRequest): DocumentResponse {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [name, { hash }] of this.#parts!) paths[name] = { serverRelativeURL: urlOf(name, hash) };
    const index = JSON.stringify({ paths });
    const etag = `"${hashOf(index)}"`;
    if (request.ifNoneMatch === etag) return notModified({ etag });
    return { status: 200, headers: { etag, 'content-type': JSON_TYPE }, body: DocumentBody.plain(Buffer.from(index)) };
  }

  #respondV3(name: string, part: Part, request: OpenApiRequest): DocumentResponse {
    const form = formOf(request, 3);
    if (form === undefined) return NOT_ACCEPTABLE;
    const etag = `"${part.hash}"`;
    const headers: Record<string, string> = { etag, vary: 'Accept' };
    const asked = new URLSearchParams(request.query ?? '').get('hash');
    if (asked !== null && asked !== '') {
      if (asked !== part.hash) {
        return { status: 301, headers: { location: urlOf(name, part.hash) }, body: DocumentBody.EMPTY };
      }
      headers['cache-control'] = 'public, immutable';
      headers.expires = new Date(this.#clock.now() + YEAR).toUTCString();
    }
    if (request.ifNoneMatch === etag) return notModified(headers);
    headers['content-type'] = form === 'json' ? JSON_TYPE : PROTOBUF[3][0];
    let body = part.bodies.get(form);
    if (body === undefined) {
      const make = (): DocumentBody => encode(3, documentV3(part.operations, this.#custom, part.groupVersion), form);
      body = this.#built.find(name, part.hash, form) ?? make();
      part.bodies.set(form, body);
    }
    return { status: 200, headers, body };
  }

  #refresh(): void {
    if (this.#parts !== undefined && this.#generation === this.#table.generation) return;
    const before = this.#parts;
    this.#parts = this.#split();
    this.#generation = this.#table.generation;
    this.#v2.clear();
    for (const [name, part] of this.#parts) {
      const old = before?.get(name);
      if (old?.hash === part.hash) part.bodies = old.bodies;
    }
  }

  #operations(): Operation[] {
    return [...[...this.#table.rows()].flatMap(documented), ...otherOperations(this.#builtinGroups())];
  }

  #hashOfRow(row: ResourceRow): string {
    const custom = isBuiltin(row) ? undefined : this.#custom.get(row.definition);
    const known = this.#hashes.get(row);
    if (known !== undefined && known.custom === custom) return known.hash;
    const { schemas: _, ...rest } = row;
    const hash = hashOf(JSON.stringify([rest, custom]));
    this.#hashes.set(row, { custom, hash });
    return hash;
  }

  /** Discovery of groups and versions that hold custom resources alone is served, but in no document. */
  #builtinGroups(): { name: string; versions: { name: string }[] }[] {
    const groups = this.#table.groups().map(({ name, versions }) => ({
      name,
      versions: versions.filter(({ rows }) => rows.some(isBuiltin)),
    }));
    return groups.filter(({ versions }) => versions.length > 0);
  }

  /** The documents of /openapi/v3, sorted by name. */
  #split(): Map<string, Part> {
    const parts = new Map<string, Part>();
    const fingerprint = `${GIT_VERSION} ${loadFingerprint()}`;
    for (const group of this.#table.groups()) {
      for (const version of group.versions) {
        const groupVersion = { group: group.name, version: version.name };
        const hashes = version.rows.map((row) => this.#hashOfRow(row));
        parts.set(groupVersionPath(groupVersion).slice(1), {
          operations: version.rows.flatMap(documented),
          groupVersion,
          hash: hashOf(fingerprint, ...hashes),
          bodies: new Map(),
        });
      }
    }
    for (const operation of otherOperations(this.#builtinGroups())) {
      const name = rootOf(operation.path);
      const part = parts.get(name);
      if (part !== undefined) part.operations.push(operation);
      else parts.set(name, { operations: [operation], hash: hashOf(fingerprint, name), bodies: new Map() });
    }
    return new Map([...parts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The watch/ paths of custom resources are served, but upstream does not document them. */
function documented(row: ResourceRow): Operation[] {
  const operations = operationsOf(row);
  return isBuiltin(row) ? operations : operations.filter(({ action }) => action !== 'watch' && action !== 'watchlist');
}

/** `/apis/apps/` -> `apis/apps`, `/logs/{logpath}` -> `logs`. */
function rootOf(path: string): string {
  return path.replace(/\{.*$/, '').replace(/^\/|\/$/g, '');
}

function urlOf(name: string, hash: string): string {
  return `/openapi/v3/${name}?hash=${hash}`;
}

function hashOf(...parts: string[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').toUpperCase();
}

function protobufTypes(version: string): readonly [string, string] {
  const [before, after] = ['application/com.github.proto-openapi.spec', 'v1.0+protobuf'];
  return [`${before}.${version}.${after}`, `${before}.${version}@${after}`];
}

function encode(version: 2 | 3, document: Record<string, unknown>, form: DocumentForm): DocumentBody {
  const bytes = form === 'json' ? Buffer.from(JSON.stringify(document)) : encodeGnostic(version, document);
  return DocumentBody.plain(bytes);
}

/** The first that the client wants and there is. */
function formOf({ accept }: OpenApiRequest, version: 2 | 3): DocumentForm | undefined {
  const choose = (clause: AcceptClause): DocumentForm | undefined =>
    accepts(clause, JSON_TYPE) ? 'json' : PROTOBUF[version].includes(clause.mediaType) ? 'protobuf' : undefined;
  return parseAccept(accept)
    .map(choose)
    .find((chosen) => chosen !== undefined);
}

/** Without a word, as upstream. */
const NOT_ACCEPTABLE: DocumentResponse = { status: 406, headers: { vary: 'Accept' }, body: DocumentBody.EMPTY };

function notModified(headers: Record<string, string>): DocumentResponse {
  return { status: 304, headers, body: DocumentBody.EMPTY };
}
