/**
 * The discovery documents of a table as plain objects: legacy (APIVersions, APIGroupList, APIGroup, APIResourceList) and
 * aggregated (APIGroupDiscoveryList). Fields in upstream's order. Called by discovery.ts, which caches their bytes.
 */
import { createHash } from 'node:crypto';
import type { ResourceRow, SubresourceRow } from '../../registry/resource.ts';
import { isBuiltin, type TableGroup, type TableVersion } from '../../registry/resources.ts';

interface GroupVersionForDiscovery {
  groupVersion: string;
  version: string;
}

export interface APIGroup {
  kind?: 'APIGroup';
  apiVersion?: 'v1';
  name: string;
  versions: GroupVersionForDiscovery[];
  preferredVersion: GroupVersionForDiscovery;
}

interface APIResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
  storageVersionHash?: string;
}

export function apiVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

export function apiGroupList(groups: readonly TableGroup[]): object {
  const named = groups.filter((group) => group.name !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map((group) => groupOf(group)) };
}

export function apiGroup(group: TableGroup): APIGroup {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) };
}

function groupOf(group: TableGroup): APIGroup {
  const versions = group.versions.map(({ name }) => ({ groupVersion: `${group.name}/${name}`, version: name }));
  return { name: group.name, versions, preferredVersion: versions[0]! };
}

export function apiResourceList(group: TableGroup, version: TableVersion): object {
  const resources = version.rows.flatMap((row) => [resource(row), ...row.subresources.map(subresource(row))]);
  const groupVersion = group.name === '' ? version.name : `${group.name}/${version.name}`;
  // The legacy group's list carries no apiVersion.
  const typeMeta = group.name === '' ? { kind: 'APIResourceList' } : { kind: 'APIResourceList', apiVersion: 'v1' };
  return { ...typeMeta, groupVersion, resources };
}

function resource(row: ResourceRow): APIResource {
  const entry: APIResource = {
    name: row.resource,
    singularName: row.singular,
    namespaced: row.namespaced,
    kind: row.kind,
    verbs: row.verbs,
  };
  if (row.shortNames.length > 0) entry.shortNames = row.shortNames;
  if (row.categories.length > 0) entry.categories = row.categories;
  // What cannot be listed is not stored.
  if (row.verbs.includes('list') && row.verbs.includes('create')) entry.storageVersionHash = storageVersionHash(row);
  return entry;
}

function subresource(row: ResourceRow): (sub: SubresourceRow) => APIResource {
  return (sub) => ({
    name: `${row.resource}/${sub.name}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(isForeign(row, sub) && { group: sub.group, version: sub.version }),
    kind: sub.kind,
    verbs: sub.verbs,
  });
}

function isForeign(row: ResourceRow, sub: SubresourceRow): boolean {
  return sub.group !== row.group || sub.version !== row.version;
}

// Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/discovery/storageversionhash.go
function storageVersionHash({ storage }: ResourceRow): string {
  const hash = createHash('sha256').update(`${storage.group}/${storage.version}/${storage.kind}`).digest();
  return hash.subarray(0, 8).toString('base64');
}

/** For /api the core group alone, for /apis all others. */
export function apiGroupDiscoveryList(groups: readonly TableGroup[], version: 'v2' | 'v2beta1'): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: group.name === '' ? {} : { name: group.name },
      versions: group.versions.map((groupVersion) => ({
        version: groupVersion.name,
        resources: groupVersion.rows.map(resourceDiscovery),
        freshness: 'Current',
      })),
    })),
  };
}

function resourceDiscovery(row: ResourceRow): object {
  const subresources = row.subresources.map((sub) => ({
    subresource: sub.name,
    responseKind: responseKind(row, sub, isForeign(row, sub)),
    verbs: sub.verbs,
  }));
  return {
    resource: row.resource,
    responseKind: responseKind(row, row, false),
    scope: row.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: row.singular,
    verbs: row.verbs,
    ...(row.shortNames.length > 0 && { shortNames: row.shortNames }),
    ...(row.categories.length > 0 && { categories: row.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}

/** Built-in resources leave group and version empty where they are the list's own; custom resources always say them. */
function responseKind(
  row: ResourceRow,
  of: { group: string; version: string; kind: string },
  foreign: boolean,
): { group: string; version: string; kind: string } {
  if (foreign || !isBuiltin(row)) return { group: of.group, version: of.version, kind: of.kind };
  return { group: '', version: '', kind: of.kind };
}
