/**
 * The typed client every component uses: verbs on resources over a Transport, JSON on the wire. Failures are StatusError
 * (`isNotFound`, `isConflict` ... tell them apart); a response that is no Status becomes one with the HTTP code.
 * Objects returned are the caller's own, except from an informer's cache, which nobody mutates.
 */
import type { KubeObject } from '../machinery/meta/object.ts';

/** A resource as addressed in URLs. Constants for the built-in ones: resources.ts. */
export interface ResourceRef {
  group: string;
  version: string;
  /** URL plural. */
  resource: string;
  kind: string;
  namespaced: boolean;
}

export interface RequestOptions {
  /** Required for namespaced resources, except where a list or watch is meant for all namespaces. */
  namespace?: string;
  subresource?: string;
  signal?: AbortSignal;
}

export interface ListRequest extends RequestOptions {
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchRequest extends RequestOptions {
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'NotOlderThan';
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  /** The caller changes nothing of what it gets: objects may be shared with others of this process. */
  isReadOnly?: boolean;
  timeoutSeconds?: number;
}

export interface WriteRequest extends RequestOptions {
  dryRun?: boolean;
  fieldManager?: string;
}

export interface DeleteRequest extends RequestOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export interface ObjectList<T> {
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

export type ClientWatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: KubeObject };

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** Reading half; a component that does not write asks for no more than this. */
export interface Reader {
  get<T extends KubeObject>(
    ref: ResourceRef,
    name: string,
    options?: RequestOptions & { resourceVersion?: string },
  ): Promise<T>;
  list<T extends KubeObject>(ref: ResourceRef, options?: ListRequest): Promise<ObjectList<T>>;
  /** Ends when the server ends it or the signal aborts. An ERROR event is thrown as StatusError. */
  watch<T extends KubeObject>(ref: ResourceRef, options: WatchRequest): AsyncIterable<ClientWatchEvent<T>>;
}

export interface Writer {
  create<T extends KubeObject>(ref: ResourceRef, object: T, options?: WriteRequest): Promise<T>;
  /** Create on a subresource of a named object (binding, eviction, token). */
  createSubresource<T>(
    ref: ResourceRef,
    name: string,
    subresource: string,
    body: unknown,
    options?: WriteRequest,
  ): Promise<T>;
  update<T extends KubeObject>(ref: ResourceRef, object: T, options?: WriteRequest): Promise<T>;
  patch<T extends KubeObject>(
    ref: ResourceRef,
    name: string,
    type: PatchType,
    patch: unknown,
    options?: WriteRequest & { force?: boolean },
  ): Promise<T>;
  delete(ref: ResourceRef, name: string, options?: DeleteRequest): Promise<void>;
  deleteCollection(
    ref: ResourceRef,
    options?: DeleteRequest & { labelSelector?: string; fieldSelector?: string },
  ): Promise<void>;
}

export interface Client extends Reader, Writer {
  /** A request below the resource level (discovery, /version, logs, proxies): parsed JSON, or text as it is. */
  raw<T>(method: string, url: string, body?: unknown, options?: { signal?: AbortSignal }): Promise<T>;
  /** The same server under other headers (`user-agent`, impersonation). */
  as(headers: Record<string, string>): Client;
}
