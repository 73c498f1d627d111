/**
 * THE table: every resource that is served. Built-in rows come from openapi/dist/resources.json; custom resources are added
 * and removed at run time. Routes, discovery, storage keys, printing and OpenAPI derive from it; nothing else lists resources.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GroupVersionKind } from '../machinery/meta/object.ts';
import { builtinSchemas } from '../machinery/schema/builtin.ts';
import type { ResourceRow } from './resource.ts';
import { parseRuntimeConfig, type RuntimeConfig } from './runtime-config.ts';
import { compareVersions } from './version-priority.ts';

interface File {
  groups: { name: string; priority: number; versions: { name: string; priority: number }[] }[];
  rows: Omit<ResourceRow, 'schemas' | 'servedByDefault'>[];
}

/** A group and its versions, both in discovery order. */
export interface TableGroup {
  name: string;
  /** groupPriorityMinimum of its APIServices. */
  priority: number;
  versions: TableVersion[];
}

export interface TableVersion {
  name: string;
  /** versionPriority of its APIService. */
  priority: number;
  /** Sorted by plural. */
  rows: ResourceRow[];
}

/** What upstream gives groups and versions that come from custom resources. */
const CUSTOM_GROUP_PRIORITY = 1000;
const CUSTOM_VERSION_PRIORITY = 100;

let builtin: { rows: readonly ResourceRow[]; priorities: ReadonlyMap<string, number> } | undefined;

function load(): NonNullable<typeof builtin> {
  if (builtin !== undefined) return builtin;
  const path = fileURLToPath(import.meta.resolve('#openapi/resources.json'));
  const file = JSON.parse(readFileSync(path, 'utf8')) as File;
  const schemas = builtinSchemas();
  const priorities = new Map<string, number>();
  for (const group of file.groups) {
    priorities.set(group.name, group.priority);
    for (const version of group.versions) priorities.set(`${group.name}/${version.name}`, version.priority);
  }
  const rows = file.rows.map((row) =>
    // Upstream: pkg/controlplane/instance.go; since 1.24 only GA versions are on by default, and no beta is excepted in 1.36.
    Object.freeze({ ...row, servedByDefault: /^v\d+$/.test(row.version), schemas }),
  );
  builtin = { rows: Object.freeze(rows), priorities };
  return builtin;
}

/** All built-in rows, served by default or not. */
export function builtinRows(): readonly ResourceRow[] {
  return load().rows;
}

export interface ResourceTableOptions {
  /** Value of --runtime-config, e.g. `api/all=true,resource.k8s.io/v1beta1=false`. */
  runtimeConfig?: string;
  /** Rows to begin with instead of the built-in ones. */
  rows?: readonly ResourceRow[];
}

export class ResourceTable {
  /** Counts changes; whatever is derived from the table is current while this stays the same. */
  generation = 0;
  readonly #rows = new Map<string, ResourceRow>();
  readonly #kinds = new Map<string, ResourceRow>();
  readonly #listeners = new Set<() => void>();
  #groups: readonly TableGroup[] | undefined;

  constructor(options: ResourceTableOptions = {}) {
    const rows = options.rows ?? builtinRows();
    const served: RuntimeConfig = parseRuntimeConfig(options.runtimeConfig ?? '', rows);
    for (const row of rows) if (served(row)) this.#put(row);
  }

  get(group: string, version: string, resource: string): ResourceRow | undefined {
    return this.#rows.get(`${group}/${version}/${resource}`);
  }

  byKind(gvk: GroupVersionKind): ResourceRow | undefined {
    return this.#kinds.get(`${gvk.group}/${gvk.version}/${gvk.kind}`);
  }

  /** Served versions of a resource, the preferred one first. */
  versionsOf(group: string, resource: string): ResourceRow[] {
    const found = this.groups().find((g) => g.name === group);
    return (found?.versions ?? []).flatMap((version) => version.rows.filter((row) => row.resource === resource));
  }

  /** Served rows, in no particular order. */
  rows(): Iterable<ResourceRow> {
    return this.#rows.values();
  }

  /** Served groups in discovery order: by priority, then name; versions by priority, then stability and number. */
  groups(): readonly TableGroup[] {
    this.#groups ??= this.#group();
    return this.#groups;
  }

  /** Adds or replaces rows (a custom resource's versions) and tells the listeners once. */
  add(rows: readonly ResourceRow[]): void {
    this.update({ add: rows });
  }

  remove(rows: readonly Pick<ResourceRow, 'group' | 'version' | 'resource'>[]): void {
    this.update({ remove: rows });
  }

  /** Both at once, so that nobody sees a state between. */
  update(change: {
    add?: readonly ResourceRow[];
    remove?: readonly Pick<ResourceRow, 'group' | 'version' | 'resource'>[];
  }): void {
    for (const { group, version, resource } of change.remove ?? []) {
      const row = this.get(group, version, resource);
      if (row === undefined) continue;
      this.#rows.delete(`${group}/${version}/${resource}`);
      this.#kinds.delete(`${group}/${version}/${row.kind}`);
    }
    for (const row of change.add ?? []) this.#put(row);
    this.#groups = undefined;
    this.generation++;
    for (const listener of this.#listeners) listener();
  }

  /** Called after every change, synchronously. Returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put(row: ResourceRow): void {
    this.#rows.set(`${row.group}/${row.version}/${row.resource}`, row);
    this.#kinds.set(`${row.group}/${row.version}/${row.kind}`, row);
  }

  #group(): TableGroup[] {
    const { priorities } = load();
    const result = [...Map.groupBy(this.#rows.values(), (row) => row.group)].map(([name, rows]) => ({
      name,
      priority: priorities.get(name) ?? CUSTOM_GROUP_PRIORITY,
      versions: [...Map.groupBy(rows, (row) => row.version)]
        .map(([version, list]) => ({
          name: version,
          priority: priorities.get(`${name}/${version}`) ?? CUSTOM_VERSION_PRIORITY,
          rows: list.sort((a, b) => compare(a.resource, b.resource)),
        }))
        .sort((a, b) => b.priority - a.priority || compareVersions(b.name, a.name)),
    }));
    return result.sort((a, b) => b.priority - a.priority || compare(a.name, b.name));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** False for rows that were added at run time (custom resources). */
export function isBuiltin(row: ResourceRow): boolean {
  return row.schemas === builtinSchemas();
}
