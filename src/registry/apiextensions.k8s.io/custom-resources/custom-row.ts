/**
 * Rows of the table made from a CustomResourceDefinition, and what belongs to them: schema, strategy, printer. The API server
 * asks here when a row is not a built-in one. Upstream: apiextensions apiserver/customresource_handler.go
 */
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import type { JsonSchemaProps } from '../../../machinery/schema/structural.ts';
import { StructuralSource, schemaOfStructural } from '../../../machinery/schema/structural-schema.ts';
import { schemaHas } from '../../../machinery/schema/structural-walk.ts';
import type { Printer } from '../../generic/printer.ts';
import type { Strategy } from '../../generic/strategy.ts';
import type { ResourceRow, SubresourceRow, Verb } from '../../resource.ts';
import {
  type CustomResourceDefinition,
  type CustomResourceVersion,
  hasStatus,
  storageVersionOf,
} from '../customresourcedefinitions/custom-resource-definition.ts';
import { printerForCustomResource } from './printer.ts';
import { strategyForCustomResource } from './strategy.ts';

export interface CustomResource {
  strategy: Strategy;
  printer: Printer;
  /** As the definition has it. */
  schema: JsonSchemaProps | undefined;
  /** Sent as a warning with every request on a deprecated version. */
  deprecationWarning: string | undefined;
}

const customResources = new WeakMap<ResourceRow, CustomResource>();

/** What a custom row stands for; undefined for built-in rows. */
export function customResourceOf(row: ResourceRow): CustomResource | undefined {
  return customResources.get(row);
}

const VERBS: readonly Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

export interface RowOptions {
  /** Its definition is being deleted: nothing new is created. */
  terminating?: boolean;
}

/** Rows of all served versions, with the names that were accepted. */
export function rowsForCustomResource(crd: CustomResourceDefinition, options: RowOptions = {}): ResourceRow[] {
  return crd.spec.versions.filter((v) => v.served).map((v) => rowForCustomResource(crd, v, options));
}

function rowForCustomResource(
  crd: CustomResourceDefinition,
  version: CustomResourceVersion,
  options: RowOptions = {},
): ResourceRow {
  const { group } = crd.spec;
  const names = { ...crd.spec.names, ...crd.status?.acceptedNames };
  const storage = storageVersionOf(crd) ?? version;
  const definition = definitionNameOf(group, version.name, names.kind);
  const schema = version.schema?.openAPIV3Schema;
  const row: ResourceRow = Object.freeze({
    group,
    version: version.name,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: crd.spec.scope === 'Namespaced',
    verbs: VERBS,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: subresourcesOf(version, group, names.kind),
    servedByDefault: true,
    definition,
    schemas: new StructuralSource(definition, schemaOfStructural(schema), builtinSchemas()),
    storage: { group, version: storage.name, kind: names.kind, prefix: `${group}/${names.plural}` },
    ...(mustReadThrough(crd, version) ? { readThrough: `${crd.metadata.uid}/${crd.metadata.generation ?? 0}` } : {}),
  });
  customResources.set(row, {
    strategy: strategyForCustomResource(version, options.terminating ? { group, resource: names.plural } : undefined),
    printer: printerForCustomResource(version),
    schema,
    deprecationWarning: deprecationOf(crd, version),
  });
  return row;
}

/** `widgets.example.com/v1` Widget is `com.example.v1.Widget`. */
function definitionNameOf(group: string, version: string, kind: string): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

/**
 * Stored bytes are not what is served when objects may have been stored under another version or before a default came into
 * the schema, and selectable fields of a changed definition must be computed anew.
 */
function mustReadThrough(crd: CustomResourceDefinition, version: CustomResourceVersion): boolean {
  const stored = crd.status?.storedVersions ?? [];
  if (stored.length > 1 || (stored.length === 1 && stored[0] !== version.name)) return true;
  if (version.selectableFields?.length) return true;
  return schemaHas(version.schema?.openAPIV3Schema, (s) => s.default !== undefined);
}

function subresourcesOf(version: CustomResourceVersion, group: string, kind: string): SubresourceRow[] {
  const verbs: readonly Verb[] = ['get', 'patch', 'update'];
  const rows: SubresourceRow[] = [];
  if (hasStatus(version)) rows.push({ name: 'status', group, version: version.name, kind, verbs });
  if (version.subresources?.scale)
    rows.push({ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs });
  return rows;
}

function deprecationOf(crd: CustomResourceDefinition, version: CustomResourceVersion): string | undefined {
  if (!version.deprecated) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { group, names } = crd.spec;
  const own = `${group}/${version.name} ${names.kind} is deprecated`;
  const newer = crd.spec.versions.find((v) => v.served && !v.deprecated && isNewer(v.name, version.name));
  return newer ? `${own}; use ${group}/${newer.name} ${names.kind}` : own;
}

/** Stable before beta before alpha, then by number. */
function isNewer(a: string, b: string): boolean {
  const rank = (v: string): number[] => {
    const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(v);
    return m ? [m[2] === undefined ? 3 : m[2] === 'beta' ? 2 : 1, Number(m[1]), Number(m[3] ?? 0)] : [0, 0, 0];
  };
  const x = rank(a);
  const y = rank(b);
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i]! > y[i]!;
  return a > b;
}
