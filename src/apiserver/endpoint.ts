/**
 * What a request on one resource needs, worked out once per row: its store, kind, schema, printer and constant bytes.
 * The dispatcher hands one to every verb handler; nothing here is made per request.
 */

import type { Admission } from '../admission/admission.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Authorizer } from '../machinery/authorization/authorizer.ts';
import { canonicalObject } from '../machinery/codec/canonical.ts';
import { hasWireMessage } from '../machinery/codec/protobuf.ts';
import {
  apiVersionOf,
  type GroupVersionKind,
  type GroupVersionResource,
  type KubeObject,
} from '../machinery/meta/object.ts';
import { builtinSchemas } from '../machinery/schema/builtin.ts';
import type { Schema, SchemaSource } from '../machinery/schema/schema.ts';
import type { Printer } from '../registry/generic/printer.ts';
import type { StoreCore } from '../registry/generic/store-core.ts';
import type { Stores } from '../registry/generic/stores.ts';
import type { ResourceRow } from '../registry/resource.ts';
import type { ApiMetrics } from './metrics.ts';
import type { RequestContext } from './request/request-context.ts';

/** What all handlers share. */
export interface ServerContext {
  readonly stores: Stores;
  readonly admission: Admission;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: ApiMetrics;
  /** Of a built-in row by group, version and resource. */
  endpointOf(gvr: GroupVersionResource): Endpoint | undefined;
  /** Upstream: --min-request-timeout, ms. */
  readonly minRequestTimeoutMs: number;
}

/** One request, routed. */
export interface ResourceRequest {
  readonly server: ServerContext;
  readonly context: RequestContext;
  readonly endpoint: Endpoint;
  /** '' for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows the subresource (proxy). */
  readonly subpath: string;
  readonly query: URLSearchParams;
}

/** What a body may be: the endpoint's own kind, or a subresource's (Scale, Binding, Eviction). */
export interface BodyKind {
  kind: GroupVersionKind;
  schema: Schema;
  source: SchemaSource;
  /**
   * Into upstream's typed form: field order, zero values, one spelling of quantities and times. Absent for custom resources. What
   * the object has from `known`, which is in that form, it keeps.
   */
  canonical: ((object: KubeObject, known?: KubeObject) => KubeObject) | undefined;
  /** Of a CustomResourceDefinition: decoded without a Go type. */
  isCustom?: boolean;
  /** Other group versions that are taken as well (Eviction: policy/v1beta1). */
  accepts?: readonly { group: string; version: string }[];
}

export function bodyKind(kind: GroupVersionKind, definition: string, source: SchemaSource): BodyKind {
  const canonical =
    source === builtinSchemas() && hasWireMessage(definition)
      ? (object: KubeObject, known?: KubeObject) => canonicalOf(object, definition, known)
      : undefined;
  return { kind, schema: source.definition(definition), source, canonical };
}

function canonicalOf(object: KubeObject, definition: string, known?: KubeObject): KubeObject {
  const out = canonicalObject(object, definition, known) as unknown as KubeObject;
  // An empty list says something here alone: forget who owns what.
  const entries = object.metadata?.managedFields as unknown;
  if (Array.isArray(entries) && entries.length === 0) out.metadata.managedFields = [];
  return out;
}

export type ResourceHandler = (request: ResourceRequest) => Promise<void> | void;

export class Endpoint {
  readonly row: ResourceRow;
  readonly store: StoreCore;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly apiVersion: string;
  readonly schema: Schema;
  readonly printer: Printer;
  /** What bodies of the main door are decoded into. */
  readonly body: BodyKind;
  /** Of a CustomResourceDefinition: no Go type upstream, so no strategic merge and no protobuf. */
  readonly isCustom: boolean;
  /** Where `{"kind":...,"apiVersion":...,` ends, which a list leaves out of its items; 0 for custom resources, which keep theirs. */
  readonly itemHead: number;
  /** Where in that the name of the second key begins. */
  readonly kindEnd: number;
  /** Under which names an entry keeps its forms in this version. */
  readonly protobufForm: string;
  readonly rowForm: string;
  readonly spanForm: string;
  #empty: KubeObject | undefined;

  constructor(row: ResourceRow, store: StoreCore, printer: Printer, isCustom = false) {
    this.isCustom = isCustom;
    this.row = row;
    this.store = store;
    this.kind = { group: row.group, version: row.version, kind: row.kind };
    this.resource = { group: row.group, version: row.version, resource: row.resource };
    this.apiVersion = apiVersionOf(row);
    this.schema = row.schemas.definition(row.definition);
    this.printer = printer;
    this.protobufForm = `protobuf ${this.apiVersion}`;
    this.rowForm = `row ${this.apiVersion}`;
    this.spanForm = `span ${this.apiVersion}`;
    const kindJson = Buffer.byteLength(`{"kind":${JSON.stringify(row.kind)},"`);
    this.kindEnd = kindJson;
    this.itemHead = isCustom ? 0 : kindJson + Buffer.byteLength(`apiVersion":${JSON.stringify(this.apiVersion)},`);
    this.body = bodyKind(this.kind, row.definition, row.schemas);
    if (isCustom) this.body.isCustom = true;
  }

  /** An object of the kind with nothing set but what its type cannot leave out; nobody may change it. Absent for custom resources. */
  get empty(): KubeObject | undefined {
    if (this.#empty === undefined && this.body.canonical !== undefined) {
      this.#empty = this.body.canonical({ apiVersion: this.apiVersion, kind: this.row.kind, metadata: {} });
    }
    return this.#empty;
  }
}
