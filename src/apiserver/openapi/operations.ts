/**
 * The operations a table row stands for: method, path, operationId and action of each, as upstream's installer makes them. The
 * router compiles its trie from these and the OpenAPI documents describe them, so neither can know a path the other does not.
 */
// Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/installer.go registerResourceHandlers
import type { ResourceRow, SubresourceRow } from '../../registry/resource.ts';

export type Action =
  | 'get'
  | 'list'
  | 'post'
  | 'put'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'watch'
  | 'watchlist'
  | 'connect';

export interface Operation {
  /** Lower case. */
  method: string;
  /** With `{namespace}`, `{name}`, `{path}`. */
  path: string;
  operationId: string;
  /** x-kubernetes-action; absent for discovery and other non-resource paths. */
  action?: Action;
  row?: ResourceRow;
  subresource?: SubresourceRow;
  /** Path goes over all namespaces of a namespaced resource. */
  allNamespaces?: boolean;
}

/** `CoreV1`, `AppsV1`, `RbacAuthorizationV1`. */
function operationPrefix(group: string, version: string): string {
  return groupWord(group) + capital(version);
}

export function groupWord(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capital)
    .join('');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** `/api/v1` or `/apis/apps/v1`. */
export function groupVersionPath(gv: { group: string; version: string }): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}

const OBJECT_METHODS = [
  ['get', 'get', 'get', 'read'],
  ['update', 'put', 'put', 'replace'],
  ['patch', 'patch', 'patch', 'patch'],
  ['delete', 'delete', 'delete', 'delete'],
] as const;

export function operationsOf(row: ResourceRow): Operation[] {
  const operations: Operation[] = [];
  const prefix = operationPrefix(row.group, row.version);
  const root = groupVersionPath(row);
  const scope = row.namespaced ? '/namespaces/{namespace}' : '';
  const kind = (row.namespaced ? 'Namespaced' : '') + row.kind;
  const collection = `${root}${scope}/${row.resource}`;
  const has = (verb: ResourceRow['verbs'][number]): boolean => row.verbs.includes(verb);
  const add = (method: string, path: string, operationId: string, action: Action, allNamespaces?: true): void => {
    operations.push({ method, path, operationId, action, row, ...(allNamespaces && { allNamespaces }) });
  };

  if (has('list')) add('get', collection, `list${prefix}${kind}`, 'list');
  if (has('create')) add('post', collection, `create${prefix}${kind}`, 'post');
  if (has('deletecollection')) add('delete', collection, `delete${prefix}Collection${kind}`, 'deletecollection');
  for (const [verb, method, action, word] of OBJECT_METHODS) {
    if (has(verb)) add(method, `${collection}/{name}`, `${word}${prefix}${kind}`, action);
  }
  if (row.namespaced && has('list')) {
    add('get', `${root}/${row.resource}`, `list${prefix}${row.kind}ForAllNamespaces`, 'list', true);
  }
  if (has('watch')) {
    add('get', `${root}/watch${scope}/${row.resource}`, `watch${prefix}${kind}List`, 'watchlist');
    add('get', `${root}/watch${scope}/${row.resource}/{name}`, `watch${prefix}${kind}`, 'watch');
    if (row.namespaced) {
      const operationId = `watch${prefix}${row.kind}ListForAllNamespaces`;
      add('get', `${root}/watch/${row.resource}`, operationId, 'watchlist', true);
    }
  }
  for (const subresource of row.subresources) {
    for (const operation of subresourceOperations(row, subresource, `${collection}/{name}`, prefix, kind)) {
      operations.push(operation);
    }
  }
  return operations;
}

function subresourceOperations(
  row: ResourceRow,
  subresource: SubresourceRow,
  object: string,
  prefix: string,
  kind: string,
): Operation[] {
  const path = `${object}/${subresource.name}`;
  const name = kind + capital(subresource.name);
  const base = { row, subresource };
  if (subresource.connect !== undefined) {
    return subresource.connect.flatMap((method) => {
      const operationId = `connect${prefix}${capital(method)}${name}`;
      const operation: Operation = { method, path, operationId, action: 'connect', ...base };
      if (subresource.connectPath !== true) return [operation];
      return [operation, { ...operation, path: `${path}/{path}`, operationId: `${operationId}WithPath` }];
    });
  }
  const operations: Operation[] = [];
  for (const [verb, method, action, word] of OBJECT_METHODS) {
    if (!subresource.verbs.includes(verb)) continue;
    operations.push({ method, path, operationId: `${word}${prefix}${name}`, action, ...base });
  }
  if (subresource.verbs.includes('create')) {
    operations.push({ method: 'post', path, operationId: `create${prefix}${name}`, action: 'post', ...base });
  }
  return operations;
}

/** Operations of the paths that are no resources: discovery, version, logs, and the issuer's documents. */
export function otherOperations(
  groups: readonly { name: string; versions: readonly { name: string }[] }[],
): Operation[] {
  const get = (path: string, operationId: string): Operation => ({ method: 'get', path, operationId });
  const operations = [
    get('/.well-known/openid-configuration/', 'getServiceAccountIssuerOpenIDConfiguration'),
    get('/openid/v1/jwks/', 'getServiceAccountIssuerOpenIDKeyset'),
    get('/api/', 'getCoreAPIVersions'),
    get('/apis/', 'getAPIVersions'),
    get('/logs/', 'logFileListHandler'),
    get('/logs/{logpath}', 'logFileHandler'),
    get('/version/', 'getCodeVersion'),
  ];
  for (const { name, versions } of groups) {
    if (name !== '') operations.push(get(`/apis/${name}/`, `get${groupWord(name)}APIGroup`));
    for (const version of versions) {
      const path = `${groupVersionPath({ group: name, version: version.name })}/`;
      operations.push(get(path, `get${operationPrefix(name, version.name)}APIResources`));
    }
  }
  return operations;
}
