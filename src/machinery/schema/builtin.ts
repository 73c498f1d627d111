/**
 * The built-in types as schema nodes, read from openapi/dist/definitions.json (written by openapi/compile.ts from the official
 * client package and the overlay). The file is parsed once; nodes are made on first use and then shared.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GroupVersionKind, parseApiVersion } from '../meta/object.ts';
import type { ListSchema, ObjectSchema, Schema, SchemaSource } from './schema.ts';

/** Marks of a field, as in the overlay. */
export interface FieldMarks {
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: string[];
  mapType?: 'granular' | 'atomic';
  patchStrategy?: 'merge' | 'retainKeys' | 'merge,retainKeys' | 'replace';
  patchMergeKey?: string;
  default?: unknown;
  /**
   * Whether OpenAPI v3 shows the zero value as default, where that is not as usual (required fields do, optional ones do not).
   * Of no meaning to defaulting; to a list's keys it has: nodes carry it for optional strings.
   */
  zero?: boolean;
  /** Values the innermost string may have, as OpenAPI shows them; validation knows its own. */
  enum?: string[];
}

/** `[name, type code, required, marks]`; a type code is `[]`/`{}` prefixes, then a scalar code or `@package.Name`. */
export type FieldEntry = readonly [name: string, type: string, required: 0 | 1, marks?: FieldMarks];

export interface DefinitionEntry {
  /** Full definition name. */
  name: string;
  /** A kind of its package's group version, or of every one. */
  kind?: 'own' | 'all';
  /** Group version of the package; undefined for packages that are none. */
  groupVersion?: { group: string; version: string };
  /** Code of a definition that is no struct. */
  scalar?: string;
  fields: readonly FieldEntry[];
  mapType?: 'atomic';
  unions?: readonly { discriminator?: string; fields: Readonly<Record<string, string>> }[];
}

interface File {
  packages: string[];
  groupVersions: string[];
  registered: string[];
  types: { n: string; k?: 'own' | 'all'; s?: string; f?: FieldEntry[]; m?: 'atomic'; u?: DefinitionEntry['unions'] }[];
}

let loaded: BuiltinSchemas | undefined;

/** The one source of all built-in types of this process. */
export function builtinSchemas(): BuiltinSchemas {
  loaded ??= new BuiltinSchemas();
  return loaded;
}

/** Full definition name of a built-in kind; undefined when there is none. Lists too (`PodList`). */
export function definitionName(gvk: GroupVersionKind): string | undefined {
  return builtinSchemas().nameOf(gvk);
}

export function definitionNames(): string[] {
  return builtinSchemas().names();
}

export class BuiltinSchemas implements SchemaSource {
  /** Group versions the client scheme knows without having types in them. */
  readonly registered: readonly string[];
  readonly #packages: readonly string[];
  readonly #entries = new Map<string, DefinitionEntry>();
  readonly #nodes = new Map<string, Schema>();
  readonly #byGroupVersion = new Map<string, string>();

  constructor() {
    const path = fileURLToPath(import.meta.resolve('#openapi/definitions.json'));
    const file = JSON.parse(readFileSync(path, 'utf8')) as File;
    this.registered = file.registered;
    this.#packages = file.packages;
    file.packages.forEach((name, i) => {
      const groupVersion = file.groupVersions[i]!;
      if (groupVersion !== '' && !name.endsWith('.meta.v1')) this.#byGroupVersion.set(groupVersion, name);
    });
    for (const type of file.types) {
      const dot = type.n.indexOf('.');
      const index = Number(type.n.slice(0, dot));
      const name = `${file.packages[index]}.${type.n.slice(dot + 1)}`;
      const entry: DefinitionEntry = { name, fields: type.f ?? [] };
      if (type.k !== undefined) entry.kind = type.k;
      const groupVersion = file.groupVersions[index]!;
      if (groupVersion !== '') entry.groupVersion = parseApiVersion(groupVersion.replace(/^\//, ''));
      if (type.s !== undefined) entry.scalar = type.s;
      if (type.m !== undefined) entry.mapType = type.m;
      if (type.u !== undefined) entry.unions = type.u;
      this.#entries.set(name, entry);
    }
  }

  definition(name: string): Schema {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      const entry = this.#entries.get(name);
      if (entry === undefined) throw new Error(`unknown definition ${name}`);
      node = Object.freeze(this.#build(entry));
      this.#nodes.set(name, node);
    }
    return node;
  }

  /** The definition as the overlay has it, for the OpenAPI documents. */
  entry(name: string): DefinitionEntry | undefined {
    return this.#entries.get(name);
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  nameOf(gvk: GroupVersionKind): string | undefined {
    const prefix = this.#byGroupVersion.get(`${gvk.group}/${gvk.version}`);
    if (prefix !== undefined) {
      const name = `${prefix}.${gvk.kind}`;
      if (this.#entries.get(name)?.kind === 'own') return name;
    }
    const meta = `io.k8s.apimachinery.pkg.apis.meta.v1.${gvk.kind}`;
    const entry = this.#entries.get(meta);
    if (entry?.kind === 'all') return meta;
    return entry?.kind === 'own' && gvk.group === '' && gvk.version === 'v1' ? meta : undefined;
  }

  /** Every group version the client scheme knows, those without types too. */
  groupVersions(): { group: string; version: string }[] {
    return [...this.#byGroupVersion.keys(), ...this.registered].map((name) => parseApiVersion(name.replace(/^\//, '')));
  }

  /** Definition a `@package.Name` code stands for. */
  expand(code: string): string {
    const dot = code.indexOf('.');
    return `${this.#packages[Number(code.slice(1, dot))]}.${code.slice(dot + 1)}`;
  }

  #build(entry: DefinitionEntry): Schema {
    if (entry.scalar !== undefined) return scalar(entry.scalar);
    const node: ObjectSchema = {
      type: 'object',
      name: entry.name,
      fields: new Map(entry.fields.map(([name, type, , marks]) => [name, this.#field(type, marks)])),
      required: new Set(entry.fields.filter(([, , required]) => required === 1).map(([name]) => name)),
    };
    if (entry.mapType !== undefined) node.mapType = entry.mapType;
    return node;
  }

  #field(code: string, marks: FieldMarks | undefined): Schema {
    const node = this.#type(code);
    if (marks === undefined) return Object.freeze(node);
    if (marks.default !== undefined) node.default = marks.default;
    else if (marks.zero === true && node.type === 'string') node.default = '';
    if (node.type === 'list') markList(node, marks);
    else if (node.type === 'map' || node.type === 'ref') {
      if (marks.mapType !== undefined) node.mapType = marks.mapType;
      if (node.type === 'ref' && marks.patchStrategy?.includes('retainKeys')) node.retainKeys = true;
    }
    return Object.freeze(node);
  }

  #type(code: string): Schema {
    if (code.startsWith('[]')) return { type: 'list', items: Object.freeze(this.#type(code.slice(2))) };
    if (code.startsWith('{}')) return { type: 'map', values: Object.freeze(this.#type(code.slice(2))) };
    if (code.startsWith('@')) return { type: 'ref', ref: this.expand(code) };
    return scalar(code);
  }
}

function markList(node: ListSchema, marks: FieldMarks): void {
  if (marks.listType !== undefined) node.listType = marks.listType;
  if (marks.listMapKeys !== undefined) node.listMapKeys = marks.listMapKeys;
  if (marks.patchStrategy !== undefined) node.patchStrategy = marks.patchStrategy;
  if (marks.patchMergeKey !== undefined) node.patchMergeKey = marks.patchMergeKey;
}

function scalar(code: string): Schema {
  switch (code) {
    case 'string':
    case 'boolean':
    case 'integer':
      return { type: code };
    case 'int32':
    case 'int64':
      return { type: 'integer', format: code };
    case 'double':
      return { type: 'number', format: code };
    case 'raw':
      return { type: 'any', embedded: true };
    case 'object':
    case 'fields':
    case 'json':
    case 'props-or-bool':
    case 'props-or-array':
    case 'props-or-strings':
      return { type: 'any' };
    default:
      return { type: 'string', format: code };
  }
}
