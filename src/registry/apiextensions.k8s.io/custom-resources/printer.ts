/**
 * Table columns of a custom resource: the name, then its additionalPrinterColumns, or the age when it has none.
 * Upstream: apiextensions pkg/registry/customresource/tableconvertor
 */
import { type JsonPath, parseJsonPath, printJsonPathValue } from '../../../machinery/jsonpath/jsonpath.ts';
import { humanDuration, parseTimeOrUndefined } from '../../../machinery/meta/time.ts';
import { columnDescription } from '../../generic/column-descriptions.ts';
import type { Cell, ColumnDefinition, Printer } from '../../generic/printer.ts';
import type {
  CustomResourceColumn,
  CustomResourceVersion,
} from '../customresourcedefinitions/custom-resource-definition.ts';

interface Column {
  type: string;
  path: JsonPath | undefined;
}

export function printerForCustomResource(version: CustomResourceVersion): Printer {
  const asked = version.additionalPrinterColumns?.length ? version.additionalPrinterColumns : [ageColumn()];
  const columns: Column[] = asked.map((c) => ({ type: c.type, path: tryParse(c.jsonPath) }));
  return {
    columns: [nameColumn(), ...asked.map(definitionOf)],
    cells: (object, { now }) => [object.metadata.name ?? '', ...columns.map((c) => cellOf(object, c, now))],
  };
}

function nameColumn(): ColumnDefinition {
  return { name: 'Name', type: 'string', format: 'name', description: columnDescription('*', 'Name'), priority: 0 };
}

function ageColumn(): CustomResourceColumn {
  return {
    name: 'Age',
    type: 'date',
    description: columnDescription('*', 'Age'),
    jsonPath: '.metadata.creationTimestamp',
  };
}

function definitionOf(column: CustomResourceColumn): ColumnDefinition {
  return {
    name: column.name,
    type: column.type,
    format: column.format ?? '',
    description: column.description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
    priority: column.priority ?? 0,
  };
}

function tryParse(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text);
  } catch {
    return undefined;
  }
}

function cellOf(object: object, { type, path }: Column, now: number): Cell {
  let value: unknown;
  try {
    [value] = path?.find(object) ?? [];
  } catch {
    return null;
  }
  if (value === undefined) return null;
  if (type === 'string') return value === null ? '<nil>' : printJsonPathValue(value);
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : typeof value === 'bigint' ? Number(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? age(value, now) : null;
    default:
      return null;
  }
}

function age(text: string, now: number): string {
  const time = parseTimeOrUndefined(text);
  if (time === undefined) return '<invalid>';
  return humanDuration(now - time);
}
