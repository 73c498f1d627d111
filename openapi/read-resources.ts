/**
 * Reads openapi/overlay/resources.txt into the rows of dist/resources.json (the shape src/registry/resources.ts loads).
 */
const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

interface Subresource {
  name: string;
  group: string;
  version: string;
  kind: string;
  verbs: string[];
  connect?: string[];
  connectPath?: true;
}

interface Row {
  group: string;
  version: string;
  resource: string;
  singular: string;
  kind: string;
  listKind: string;
  namespaced: boolean;
  verbs: string[];
  shortNames: string[];
  categories: string[];
  subresources: Subresource[];
  definition: string;
  returnsDeleted?: true;
  storage: { group: string; version: string; kind: string; prefix: string };
}

export interface Resources {
  /** In discovery order. */
  groups: { name: string; priority: number; versions: { name: string; priority: number }[] }[];
  rows: Row[];
}

export function readResources(text: string): Resources {
  const resources: Resources = { groups: [], rows: [] };
  let prefix = '';
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const depth = line.search(/\S/);
    const words = line.trim().split(' ');
    const group = resources.groups.at(-1)!;
    if (depth === 0) {
      resources.groups.push({ name: words[1] === 'core' ? '' : words[1]!, priority: Number(words[2]), versions: [] });
    } else if (depth === 1) {
      group.versions.push({ name: words[0]!, priority: Number(words[1]) });
      prefix = words[2]!;
    } else if (depth === 2) {
      resources.rows.push(row(words, group.name, group.versions.at(-1)!.name, prefix));
    } else {
      const parent = resources.rows.at(-1)!;
      parent.subresources.push(subresource(words, parent));
    }
  }
  return resources;
}

function options(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => [word.split('=', 1)[0]!, word.slice(word.indexOf('=') + 1)]));
}

function row(words: string[], group: string, version: string, prefix: string): Row {
  const [resource, kind, scope] = words as [string, string, string];
  const o = options(words.slice(3));
  const [storedGroup, storedVersion] = o.get('stored')?.split('/') ?? [group, version];
  return {
    group,
    version,
    resource,
    singular: o.get('singular') ?? kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    namespaced: scope === 'namespaced',
    verbs: o.get('verbs')?.split(',') ?? ALL,
    shortNames: o.get('short')?.split(',') ?? [],
    categories: o.get('cat')?.split(',') ?? [],
    subresources: [],
    definition: `${prefix}.${kind}`,
    ...(o.has('deleted') && { returnsDeleted: true as const }),
    storage: { group: storedGroup!, version: storedVersion!, kind, prefix: o.get('prefix') ?? resource },
  };
}

function subresource(words: string[], parent: Row): Subresource {
  const o = options(words.slice(1));
  const kind = o.get('kind')?.split('/') ?? [parent.kind];
  const [group, version] = kind.length === 3 ? (kind as [string, string]) : [parent.group, parent.version];
  const result: Subresource = {
    name: words[0]!.slice(1),
    group,
    version,
    kind: kind.at(-1)!,
    verbs: o.get('verbs')?.split(',') ?? ['get', 'patch', 'update'],
  };
  const connect = o.get('connect');
  if (connect !== undefined) result.connect = connect.split(',');
  if (o.has('path')) result.connectPath = true;
  return result;
}
