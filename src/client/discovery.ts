/**
 * Which resources a server serves: aggregated discovery where there is, else group by group. Groups that fail (an
 * extension server that is down) do not hide the others; they are named in `failed`. Upstream: client-go/discovery
 */
import type { Client, ResourceRef } from './client.ts';

export interface DiscoveredResource extends ResourceRef {
  verbs: readonly string[];
}

export interface Discovery {
  /** Each resource once, in its group's preferred version that has it. */
  resources: DiscoveredResource[];
  /** `group/version` -> why it could not be read. */
  failed: Map<string, string>;
}

interface AggregatedResource {
  resource: string;
  responseKind?: { kind?: string };
  scope: string;
  verbs: string[];
}
interface AggregatedList {
  kind: string;
  items?: {
    metadata?: { name?: string };
    versions?: { version: string; freshness?: string; resources?: AggregatedResource[] }[];
  }[];
}
interface LegacyResourceList {
  groupVersion: string;
  resources: { name: string; kind: string; namespaced: boolean; verbs?: string[] }[];
}
interface LegacyGroupList {
  groups: {
    name: string;
    versions: { groupVersion: string; version: string }[];
    preferredVersion?: { version: string };
  }[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

export async function discover(client: Client, signal?: AbortSignal): Promise<Discovery> {
  const options = signal ? { signal } : {};
  const aggregated = client.as({ accept: AGGREGATED });
  const [core, groups] = await Promise.all([
    aggregated.raw<AggregatedList>('GET', '/api', undefined, options),
    aggregated.raw<AggregatedList>('GET', '/apis', undefined, options),
  ]);
  if (core.kind !== 'APIGroupDiscoveryList' || groups.kind !== 'APIGroupDiscoveryList')
    return discoverLegacy(client, options);
  const found = new Collector();
  for (const item of [...(core.items ?? []), ...(groups.items ?? [])]) {
    const group = item.metadata?.name ?? '';
    for (const v of item.versions ?? []) {
      if (v.freshness === 'Stale')
        found.failed.set(group === '' ? v.version : `${group}/${v.version}`, 'stale GroupVersion discovery');
      for (const r of v.resources ?? []) {
        found.add({
          group,
          version: v.version,
          resource: r.resource,
          kind: r.responseKind?.kind ?? '',
          namespaced: r.scope === 'Namespaced',
          verbs: r.verbs,
        });
      }
    }
  }
  return found;
}

async function discoverLegacy(client: Client, options: { signal?: AbortSignal }): Promise<Discovery> {
  const found = new Collector();
  const { groups } = await client.raw<LegacyGroupList>('GET', '/apis', undefined, options);
  const versions = [{ group: '', version: 'v1', url: '/api/v1' }];
  for (const g of groups) {
    const preferred = g.preferredVersion?.version;
    const ordered = [...g.versions].sort((a, b) => Number(b.version === preferred) - Number(a.version === preferred));
    for (const v of ordered) versions.push({ group: g.name, version: v.version, url: `/apis/${v.groupVersion}` });
  }
  const lists = await Promise.allSettled(
    versions.map((v) => client.raw<LegacyResourceList>('GET', v.url, undefined, options)),
  );
  lists.forEach((result, i) => {
    const { group, version } = versions[i]!;
    if (result.status === 'rejected') {
      found.failed.set(group === '' ? version : `${group}/${version}`, (result.reason as Error).message);
      return;
    }
    for (const r of result.value.resources) {
      if (r.name.includes('/')) continue;
      found.add({ group, version, resource: r.name, kind: r.kind, namespaced: r.namespaced, verbs: r.verbs ?? [] });
    }
  });
  return found;
}

class Collector implements Discovery {
  readonly resources: DiscoveredResource[] = [];
  readonly failed = new Map<string, string>();
  readonly #seen = new Set<string>();
  /** The first version that has a resource is the preferred one. */
  add(resource: DiscoveredResource): void {
    const key = `${resource.resource}.${resource.group}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.resources.push(resource);
  }
}
