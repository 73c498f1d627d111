/**
 * Writes dist/definitions.json (what the machinery loads at start: names, types, marks; no descriptions, names of packages
 * abbreviated) and dist/descriptions.json (loaded when an OpenAPI document is asked for).
 */
import type { Definition, Field } from './definitions.ts';
import type { Overlay } from './read-overlay.ts';

export function definitionsFile(definitions: readonly Definition[], overlay: Overlay): string {
  const packages = [...overlay.packages.keys()];
  const short = (type: string): string =>
    type.replace(/@(.*)\.(\w+)$/, (_, name: string, last: string) => `@${packages.indexOf(name)}.${last}`);
  const field = (f: Field): unknown[] => {
    const entry: unknown[] = [f.name, short(f.type), f.required ? 1 : 0];
    if (Object.keys(f.marks).length > 0) entry.push(f.marks);
    return entry;
  };
  const types = definitions.map((definition) => {
    const { type } = definition;
    const entry: Record<string, unknown> = { n: short(`@${definition.name}`).slice(1) };
    if (type.kind !== 'none') entry.k = type.kind;
    if (type.scalar !== undefined) entry.s = type.scalar;
    else entry.f = definition.fields.map(field);
    if (type.marks.includes('atomic')) entry.m = 'atomic';
    if (type.unions.length > 0) entry.u = type.unions;
    return entry;
  });
  const groupVersions = packages.map((name) => overlay.packages.get(name)!);
  return JSON.stringify({ packages, groupVersions, registered: overlay.registered, types });
}

export function descriptionsFile(definitions: readonly Definition[]): string {
  const all: Record<string, [string, Record<string, string>]> = {};
  for (const definition of definitions) {
    const fields: Record<string, string> = {};
    for (const f of definition.fields) if (f.description !== undefined) fields[f.name] = f.description;
    all[definition.name] = [definition.description ?? '', fields];
  }
  return JSON.stringify(all);
}
