/**
 * What a URL asks for, before any routing: the verb, the resource it names, or that it is no resource at all. Made once per
 * request by `parseRequestInfo`; authentication, authorization, flow control, metrics and handlers read it.
 * Upstream: apiserver/pkg/endpoints/request/requestinfo.go
 */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** Path as received, without query. */
  readonly path: string;
  /** API verb (get, list, watch, create, update, patch, delete, deletecollection, proxy), or the HTTP method in lower case for other URLs. */
  readonly verb: string;
  /** `api`, `apis` or ''. */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Path segments from the resource on. */
  readonly parts: readonly string[];
  /** Of list, watch and deletecollection; '' otherwise. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

interface Mutable {
  isResourceRequest: boolean;
  path: string;
  verb: string;
  apiPrefix: string;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  parts: string[];
  fieldSelector: string;
  labelSelector: string;
}

/** `path` is percent-encoded as received; segments come back decoded. */
export function parseRequestInfo(method: string, path: string, query: string): RequestInfo {
  const info: Mutable = {
    isResourceRequest: false,
    path,
    verb: '',
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
    fieldSelector: '',
    labelSelector: '',
  };
  let parts = splitPath(path);
  const [prefix] = parts;
  const isResource = prefix === 'api' ? parts.length >= 3 : prefix === 'apis' && parts.length >= 4;
  if (!isResource) {
    info.verb = method.toLowerCase();
    if (prefix === 'apis' && parts.length === 3) info.apiPrefix = prefix;
    return info;
  }
  info.apiPrefix = prefix!;
  if (prefix === 'apis') {
    info.apiGroup = parts[1]!;
    info.apiVersion = parts[2]!;
    parts = parts.slice(3);
  } else {
    info.apiVersion = parts[1]!;
    parts = parts.slice(2);
  }
  info.isResourceRequest = true;
  if (parts[0] === 'proxy' || parts[0] === 'watch') {
    if (parts.length < 2) throw new Error(`unable to determine kind and namespace from url, ${path}`);
    info.verb = parts[0]!;
    parts = parts.slice(1);
  } else info.verb = verbOf(method);

  if (parts[0] === 'namespaces') {
    if (parts.length > 1) {
      info.namespace = parts[1]!;
      // A third segment that is no subresource of the namespace itself names a resource inside it.
      if (parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') parts = parts.slice(2);
    }
  }
  info.parts = parts;
  info.resource = parts[0] ?? '';
  info.name = parts[1] ?? '';
  if (parts.length >= 3 && info.verb !== 'proxy') info.subresource = parts[2]!;

  if (info.name === '' && info.verb === 'get') readCollectionQuery(info, query);
  else if (info.name === '' && info.verb === 'delete') {
    info.verb = 'deletecollection';
    readSelectors(info, query);
  }
  return info;
}

function verbOf(method: string): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'GET':
    case 'HEAD':
      return 'get';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    default:
      return '';
  }
}

function readCollectionQuery(info: Mutable, query: string): void {
  info.verb = 'list';
  if (query === '') return;
  const q = new URLSearchParams(query);
  const watch = q.get('watch');
  if (watch !== null && isTrue(watch)) info.verb = 'watch';
  readSelectors(info, query, q);
  // A watch or list narrowed to one name is authorized like a get of that name.
  const m = /(?:^|,)metadata\.name==?([^,=!]+)(?:,|$)/.exec(info.fieldSelector);
  if (m) info.name = m[1]!;
}

function readSelectors(info: Mutable, query: string, parsed?: URLSearchParams): void {
  if (query === '') return;
  const q = parsed ?? new URLSearchParams(query);
  info.fieldSelector = q.get('fieldSelector') ?? '';
  info.labelSelector = q.get('labelSelector') ?? '';
}

/** A boolean query parameter: present counts as true unless it says 0 or false. Upstream: conversion Convert_Slice_string_To_bool */
export function isTrue(value: string): boolean {
  return value !== '0' && value.toLowerCase() !== 'false';
}

export function splitPath(path: string): string[] {
  const out: string[] = [];
  let start = 0;
  const end = path.length;
  while (start < end) {
    if (path.charCodeAt(start) === 47) {
      start++;
      continue;
    }
    let slash = path.indexOf('/', start);
    if (slash < 0) slash = end;
    const part = path.slice(start, slash);
    out.push(part.includes('%') ? decode(part) : part);
    start = slash;
  }
  return out;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
