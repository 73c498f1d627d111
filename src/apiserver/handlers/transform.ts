/**
 * The two other forms of an object: a Table row, printed by the kind's printer, and PartialObjectMetadata, its metadata alone.
 * Upstream: apiserver/pkg/endpoints/handlers/response.go asTable, asPartialObjectMetadata
 */
import { encodeJson } from '../../machinery/codec/json.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { partialMetadata } from '../../machinery/meta/resource-version.ts';
import type { ColumnDefinition } from '../../registry/generic/printer.ts';
import type { Endpoint } from '../endpoint.ts';
import type { TableRequest } from './table-request.ts';

export interface Printable {
  object: KubeObject;
  /** Served JSON of the object. */
  bytes: Buffer;
}

/** The PartialObjectMetadata of served JSON. */
export function partialObject(bytes: Buffer, version = 'v1'): Buffer {
  const v1 = partialMetadata(bytes);
  return version === 'v1' ? v1 : Buffer.from(v1.toString().replace('meta.k8s.io/v1', `meta.k8s.io/${version}`));
}

/** A whole Table. `metadata` is the list's, or the single object's. */
export function tableOf(
  endpoint: Endpoint,
  items: readonly Printable[],
  options: TableRequest,
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number },
  headers = true,
): Buffer {
  const { resourceVersion, remainingItemCount } = metadata;
  const listMeta = {
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(metadata.continue ? { continue: metadata.continue } : {}),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
  const head = JSON.stringify({
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: listMeta,
    columnDefinitions: headers ? endpoint.printer.columns.map(columnOf) : null,
  });
  const parts: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"rows":[`)];
  items.forEach((item, i) => {
    if (i > 0) parts.push(COMMA);
    parts.push(...tableRow(endpoint, item, options));
  });
  parts.push(CLOSE);
  return Buffer.concat(parts);
}

const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']}');
const CLOSE_ROW = Buffer.from('}');
const NULL_OBJECT = Buffer.from('null');

export function tableHead(endpoint: Endpoint, options: TableRequest, listMeta: Record<string, unknown>): string {
  const head = JSON.stringify({
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: listMeta,
    columnDefinitions: endpoint.printer.columns.map(columnOf),
  });
  return `${head.slice(0, -1)},"rows":[`;
}

/** The JSON of one row, in pieces. */
function tableRow(endpoint: Endpoint, item: Printable, options: TableRequest): Buffer[] {
  const { printer } = endpoint;
  const cells = printer.cells(item.object, { now: options.now });
  const conditions = printer.conditions?.(item.object);
  const row: Record<string, unknown> = { cells };
  if (conditions !== undefined && conditions.length > 0) row.conditions = conditions;
  const head = encodeJson(row);
  const object =
    options.includeObject === 'None'
      ? NULL_OBJECT
      : options.includeObject === 'Object'
        ? item.bytes
        : partialObject(item.bytes, options.version);
  return [head.subarray(0, head.length - 1), OBJECT_KEY, object, CLOSE_ROW];
}

const OBJECT_KEY = Buffer.from(',"object":');

function columnOf(c: ColumnDefinition): ColumnDefinition {
  return { name: c.name, type: c.type, format: c.format, description: c.description, priority: c.priority };
}
