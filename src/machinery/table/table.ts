/**
 * metav1.Table, put together from cells and from the bytes of objects that lie in the cache: a row never parses or encodes its object.
 * Upstream: apimachinery/pkg/apis/meta/v1/types.go Table, apiserver/pkg/endpoints/handlers/response.go asTable
 */
import { encodeJson } from '../codec/json.ts';
import { partialMetadata } from '../meta/resource-version.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: readonly unknown[];
  conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  /** Served JSON of the object. */
  object: Buffer;
}

export interface TableListMeta {
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

const COMMA = Buffer.from(',');
const OBJECT = Buffer.from(',"object":');
const NULL = Buffer.from('null');
const CLOSE_ROW = Buffer.from('}');
const CLOSE_TABLE = Buffer.from(']}');

/** Up to and including the opening bracket of `rows`. `columns` absent: the headers were sent before (watch). */
export function tableHead(
  metadata: TableListMeta,
  columns: readonly TableColumn[] | undefined,
  version: 'v1' | 'v1beta1' = 'v1',
): Buffer {
  const head = encodeJson({
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: columns ?? null,
  });
  return Buffer.concat([head.subarray(0, -1), Buffer.from(',"rows":[')]);
}

/** One row, in pieces. */
export function tableRowChunks(row: TableRow, include: IncludeObject): Buffer[] {
  const { cells, conditions } = row;
  const head = encodeJson(conditions !== undefined && conditions.length > 0 ? { cells, conditions } : { cells });
  const object = include === 'None' ? NULL : include === 'Object' ? row.object : partialMetadata(row.object);
  return [head.subarray(0, -1), OBJECT, object, CLOSE_ROW];
}

/** A whole Table, as chunks to be written one after the other. */
export function encodeTable(table: {
  metadata: TableListMeta;
  columns: readonly TableColumn[] | undefined;
  rows: Iterable<TableRow>;
  includeObject: IncludeObject;
}): Buffer[] {
  const chunks = [tableHead(table.metadata, table.columns)];
  let isFirst = true;
  for (const row of table.rows) {
    if (!isFirst) chunks.push(COMMA);
    isFirst = false;
    chunks.push(...tableRowChunks(row, table.includeObject));
  }
  chunks.push(CLOSE_TABLE);
  return chunks;
}
