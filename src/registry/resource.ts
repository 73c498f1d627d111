/**
 * One row of the table: everything that is derived from a resource (routes, discovery, storage key, codecs, printing,
 * RBAC and quota names, OpenAPI) is derived from this. Built-in rows come from openapi/dist (resources.ts), custom
 * resources add rows at run time through the same type.
 */
import type { SchemaSource } from '../machinery/schema/schema.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface SubresourceRow {
  /** `status`, `scale`, `binding`, `log` ... */
  name: string;
  /** Kind in requests and responses where it differs from the parent's (Scale, Eviction, Binding). */
  group: string;
  version: string;
  kind: string;
  verbs: readonly Verb[];
  /** Takes the connection over (exec, proxy ...) for these HTTP methods; requests carry options in the query, no object. */
  connect?: readonly string[];
  /** A path of any depth may follow (`proxy/{path}`). */
  connectPath?: boolean;
}

export interface ResourceRow {
  group: string;
  version: string;
  /** URL plural. */
  resource: string;
  singular: string;
  kind: string;
  listKind: string;
  namespaced: boolean;
  verbs: readonly Verb[];
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: readonly SubresourceRow[];
  /** DELETE answers with the deleted object instead of a Status. */
  returnsDeleted?: boolean;
  /** Served without --runtime-config. */
  servedByDefault: boolean;
  /** Full definition name of the kind in `schemas`: `io.k8s.api.core.v1.Pod`. */
  definition: string;
  schemas: SchemaSource;
  /**
   * Group, version and kind that bytes in storage carry, and the key segment (`pods`, `apps/...` → upstream's layout). Several rows
   * (versions, also core and events.k8s.io events) may share one storage; `convert` in registry/<group> goes between them.
   */
  storage: { group: string; version: string; kind: string; prefix: string };
  /**
   * Set on custom resources whose stored bytes may differ from what is served (another stored version, defaults that came
   * later): what is derived from a stored object is derived by parsing it, and is only good for rows with this same text.
   */
  readThrough?: string;
}
