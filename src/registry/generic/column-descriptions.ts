/**
 * What a column of a Table is said to mean (openapi/overlay/columns.txt). Read when the first Table is printed, so that starting
 * the server pays nothing for it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ColumnDefinition } from './printer.ts';

let descriptions: Record<string, Record<string, string>> | undefined;

/** `kind` '*': of columns that many kinds have. '' when nobody says. */
export function columnDescription(kind: string, column: string): string {
  descriptions ??= JSON.parse(
    readFileSync(fileURLToPath(import.meta.resolve('#openapi/columns.json')), 'utf8'),
  ) as NonNullable<typeof descriptions>;
  return descriptions[kind]?.[column] ?? descriptions['*']?.[column] ?? '';
}

export function describeColumns(kind: string, columns: readonly ColumnDefinition[]): readonly ColumnDefinition[] {
  return columns.map((c) => ({ ...c, description: columnDescription(kind, c.name) }));
}
