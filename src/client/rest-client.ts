/**
 * Client over any Transport: builds URLs, sends and reads JSON, turns failure responses into StatusError. It keeps no
 * state and never retries: reconcilers, informers and recorders each know best when to try again.
 */

import { encodeJson } from '../machinery/codec/json.ts';
import type { Status } from '../machinery/errors/status-error.ts';
import { StatusError } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { apiVersionOf } from '../machinery/meta/object.ts';
import type {
  Client,
  ClientWatchEvent,
  DeleteRequest,
  ListRequest,
  ObjectList,
  PatchType,
  RequestOptions,
  ResourceRef,
  WatchRequest,
  WriteRequest,
} from './client.ts';
import { jsonFrames, readAll } from './frames.ts';
import type { Transport, TransportResponse } from './transport.ts';

const PATCH_MEDIA_TYPES: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // The server reads YAML here, of which JSON is a part.
  apply: 'application/apply-patch+yaml',
};

type Query = Record<string, string | number | boolean | undefined>;

function queryString(query: Query): string {
  let s = '';
  for (const [k, v] of Object.entries(query)) {
    if (v === undefined || v === '' || v === false) continue;
    s += `${s === '' ? '?' : '&'}${k}=${encodeURIComponent(String(v))}`;
  }
  return s;
}

/** Path and query of a resource, or of one object of it. */
export function requestUrl(
  ref: ResourceRef,
  at: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined; query?: Query },
): string {
  let url = ref.group === '' ? `/api/${ref.version}` : `/apis/${ref.group}/${ref.version}`;
  if (ref.namespaced && at.namespace) url += `/namespaces/${encodeURIComponent(at.namespace)}`;
  url += `/${ref.resource}`;
  if (at.name !== undefined) url += `/${encodeURIComponent(at.name)}`;
  if (at.subresource) url += `/${at.subresource}`;
  return at.query ? url + queryString(at.query) : url;
}

function writeQuery(o: WriteRequest): Query {
  return { dryRun: o.dryRun ? 'All' : undefined, fieldManager: o.fieldManager };
}

function listQuery(o: ListRequest): Query {
  return {
    labelSelector: o.labelSelector,
    fieldSelector: o.fieldSelector,
    limit: o.limit,
    continue: o.continue,
    resourceVersion: o.resourceVersion,
    resourceVersionMatch: o.resourceVersionMatch,
  };
}

/** The failure a response stands for; one that carries no Status gets one with the HTTP code. */
async function failure(response: TransportResponse): Promise<StatusError> {
  const text = (await readAll(response.body)).toString('utf8');
  const retryAfter = Number(response.headers['retry-after']);
  const retry = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined;
  try {
    const body = JSON.parse(text) as Partial<Status>;
    if (body?.kind === 'Status') {
      const details =
        retry !== undefined && body.details?.retryAfterSeconds === undefined
          ? { ...body.details, retryAfterSeconds: retry }
          : body.details;
      return new StatusError({ ...body, code: body.code ?? response.status, ...(details ? { details } : {}) });
    }
  } catch {
    // Not JSON: a proxy or a plain-text error.
  }
  return new StatusError({
    code: response.status,
    reason: REASONS[response.status] ?? (response.status >= 500 ? 'InternalError' : 'Unknown'),
    message: text.trim() || `the server responded with the status code ${response.status}`,
    ...(retry !== undefined ? { details: { retryAfterSeconds: retry } } : {}),
  });
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

class RestClient implements Client {
  readonly #transport: Transport;
  readonly #headers: Record<string, string>;

  constructor(transport: Transport, headers: Record<string, string>) {
    this.#transport = transport;
    this.#headers = headers;
  }

  as(headers: Record<string, string>): Client {
    return new RestClient(this.#transport, { ...this.#headers, ...headers });
  }

  get<T extends KubeObject>(
    ref: ResourceRef,
    name: string,
    o: RequestOptions & { resourceVersion?: string } = {},
  ): Promise<T> {
    const url = requestUrl(ref, { ...o, name, query: { resourceVersion: o.resourceVersion } });
    return this.#json<T>('GET', url, undefined, o.signal);
  }

  async list<T extends KubeObject>(ref: ResourceRef, o: ListRequest = {}): Promise<ObjectList<T>> {
    const list = await this.#json<ObjectList<T>>(
      'GET',
      requestUrl(ref, { ...o, query: listQuery(o) }),
      undefined,
      o.signal,
    );
    list.items ??= [];
    // Typed lists leave them out; who is handed an object from a list should not have to know.
    for (const item of list.items) {
      item.apiVersion ||= apiVersionOf(ref);
      item.kind ||= ref.kind;
    }
    return list;
  }

  async *watch<T extends KubeObject>(ref: ResourceRef, o: WatchRequest): AsyncIterable<ClientWatchEvent<T>> {
    const query: Query = {
      watch: 'true',
      labelSelector: o.labelSelector,
      fieldSelector: o.fieldSelector,
      resourceVersion: o.resourceVersion,
      resourceVersionMatch: o.resourceVersionMatch,
      allowWatchBookmarks: o.allowWatchBookmarks,
      sendInitialEvents: o.sendInitialEvents,
      timeoutSeconds: o.timeoutSeconds,
    };
    const url = requestUrl(ref, { ...o, query });
    const response = await this.#send('GET', url, undefined, undefined, o.signal, o.isReadOnly);
    type Event = ClientWatchEvent<T> | { type: 'ERROR'; object: Status };
    const events = (response.objects as AsyncIterable<Event> | undefined) ?? jsonFrames<Event>(response.body);
    for await (const event of events) {
      if (event.type === 'ERROR') throw new StatusError({ ...event.object, code: event.object.code ?? 500 });
      yield event;
    }
  }

  create<T extends KubeObject>(ref: ResourceRef, object: T, o: WriteRequest = {}): Promise<T> {
    const namespace = o.namespace ?? object.metadata.namespace;
    return this.#json<T>('POST', requestUrl(ref, { namespace, query: writeQuery(o) }), typed(ref, object), o.signal);
  }

  createSubresource<T>(
    ref: ResourceRef,
    name: string,
    subresource: string,
    body: unknown,
    o: WriteRequest = {},
  ): Promise<T> {
    return this.#json<T>('POST', requestUrl(ref, { ...o, name, subresource, query: writeQuery(o) }), body, o.signal);
  }

  update<T extends KubeObject>(ref: ResourceRef, object: T, o: WriteRequest = {}): Promise<T> {
    const namespace = o.namespace ?? object.metadata.namespace;
    const url = requestUrl(ref, {
      namespace,
      name: object.metadata.name,
      subresource: o.subresource,
      query: writeQuery(o),
    });
    return this.#json<T>('PUT', url, typed(ref, object), o.signal);
  }

  patch<T extends KubeObject>(
    ref: ResourceRef,
    name: string,
    type: PatchType,
    patch: unknown,
    o: WriteRequest & { force?: boolean } = {},
  ): Promise<T> {
    const url = requestUrl(ref, { ...o, name, query: { ...writeQuery(o), force: o.force } });
    return this.#json<T>('PATCH', url, patch, o.signal, PATCH_MEDIA_TYPES[type]);
  }

  async delete(ref: ResourceRef, name: string, o: DeleteRequest = {}): Promise<void> {
    await this.#json('DELETE', requestUrl(ref, { ...o, name }), deleteOptions(o), o.signal);
  }

  async deleteCollection(
    ref: ResourceRef,
    o: DeleteRequest & { labelSelector?: string; fieldSelector?: string } = {},
  ): Promise<void> {
    const url = requestUrl(ref, { ...o, query: { labelSelector: o.labelSelector, fieldSelector: o.fieldSelector } });
    await this.#json('DELETE', url, deleteOptions(o), o.signal);
  }

  raw<T>(method: string, url: string, body?: unknown, options: { signal?: AbortSignal } = {}): Promise<T> {
    return this.#json<T>(method, url, body, options.signal);
  }

  async #json<T>(
    method: string,
    url: string,
    body: unknown,
    signal: AbortSignal | undefined,
    contentType?: string,
  ): Promise<T> {
    const response = await this.#send(method, url, body, contentType, signal);
    const bytes = await readAll(response.body);
    // Logs, /healthz and /metrics are text.
    if (response.headers['content-type']?.startsWith('text/')) return bytes.toString('utf8') as T;
    return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'))) as T;
  }

  async #send(
    method: string,
    url: string,
    body: unknown,
    contentType: string | undefined,
    signal: AbortSignal | undefined,
    acceptsObjects = false,
  ): Promise<TransportResponse> {
    const headers: Record<string, string> = { accept: 'application/json', ...this.#headers };
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
    const response = await this.#transport.send({
      method,
      url,
      headers,
      ...(body !== undefined ? { body: encodeJson(body) } : {}),
      ...(acceptsObjects ? { acceptsObjects } : {}),
      ...(signal ? { signal } : {}),
    });
    if (response.status >= 400) throw await failure(response);
    return response;
  }
}

/** Items of lists carry no kind; what is written must. */
function typed<T extends KubeObject>(ref: ResourceRef, object: T): T {
  if (object.apiVersion && object.kind) return object;
  return { ...object, apiVersion: apiVersionOf(ref), kind: ref.kind };
}

function deleteOptions(o: DeleteRequest): unknown {
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(o.gracePeriodSeconds !== undefined ? { gracePeriodSeconds: o.gracePeriodSeconds } : {}),
    ...(o.propagationPolicy ? { propagationPolicy: o.propagationPolicy } : {}),
    ...(o.preconditions ? { preconditions: o.preconditions } : {}),
  };
}

/** A Client that sends everything over `transport`, with `headers` (lower case; say who you are in `user-agent`) on each request. */
export function createClient(transport: Transport, options: { headers?: Record<string, string> } = {}): Client {
  return new RestClient(transport, options.headers ?? {});
}
