/**
 * Which resources are the same objects under another name: other versions, and events in both their groups. For webhooks with
 * matchPolicy Equivalent. Upstream: apimachinery/pkg/runtime/mapper.go EquivalentResourceMapper
 */
import type { GroupVersionKind, GroupVersionResource } from '../machinery/meta/object.ts';
import type { ResourceTable } from '../registry/resources.ts';

export interface Equivalent {
  resource: GroupVersionResource;
  kind: GroupVersionKind;
}

/** A function of the table as it is at each call; what it finds is kept until the table changes. */
export function equivalentResources(table: ResourceTable): (of: GroupVersionResource) => readonly Equivalent[] {
  const found = new Map<string, readonly Equivalent[]>();
  let generation = table.generation;
  return ({ group, version, resource }) => {
    if (generation !== table.generation) {
      found.clear();
      generation = table.generation;
    }
    const key = `${group}/${version}/${resource}`;
    let others = found.get(key);
    if (others === undefined) {
      const own = table.get(group, version, resource);
      others = [...table.rows()]
        .filter((row) => own !== undefined && row !== own && row.storage.prefix === own.storage.prefix)
        .map(({ kind, resource, group, version }) => ({
          resource: { group, version, resource },
          kind: { group, version, kind },
        }));
      found.set(key, others);
    }
    return others;
  };
}
