/**
 * Reads openapi/overlay/columns.txt into dist/columns.json: kind -> column -> description. What stands there for a field becomes
 * the field's description, which the client package brings. Called by compile.ts only.
 */
import type { Definition } from './definitions.ts';

export function readColumns(text: string, definitions: readonly Definition[]): Record<string, Record<string, string>> {
  const byName = new Map(definitions.map((d) => [d.name, d]));
  const describe = (reference: string): string => {
    const dot = reference.lastIndexOf('.');
    const field = byName
      .get(`io.k8s.${reference.slice(0, dot)}`)
      ?.fields.find((f) => f.name === reference.slice(dot + 1));
    if (field?.description === undefined)
      throw new Error(`openapi/overlay/columns.txt: ${reference} has no description`);
    return field.description;
  };
  const kinds: Record<string, Record<string, string>> = {};
  let columns: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const column = /^ {2}(.+?)( = |: )(.+)$/.exec(line);
    if (column !== null) columns[column[1]!] = column[2] === ': ' ? column[3]! : describe(column[3]!);
    else {
      columns = {};
      kinds[line] = columns;
    }
  }
  return kinds;
}
