/**
 * Rows of a Table as they are kept beside an entry: cells printed once, ages left open and filled in when the row is sent.
 * A row whose cells look at the time otherwise is not kept. A kept row is bytes:
 *   where the object's metadata begin and end (4 each, both 0 when there are none), how many ages there are (1),
 *   for each age its place in the text (4) and its instant (8), and the text, `{"cells":[...]` without what follows
 */
import { encodeJson } from '../../machinery/codec/json.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { MetadataSpan } from '../../machinery/meta/resource-version.ts';
import { humanDuration } from '../../machinery/meta/time.ts';
import type { Printer } from '../../registry/generic/printer.ts';
import type { Slabs } from './slabs.ts';

const MARK = /\\u0001(\d+)\\u0001/;
const MARK_START = '\\u0001';
const HEAD = 9;
const COUNT_AT = 8;
const AGE = 12;
const MOST_AGES = 255;

/** The row of the object in `json`, to be kept; undefined: it says nothing about later. */
export function printRow(
  printer: Printer,
  object: KubeObject,
  { json, span, now }: { json: Buffer; span: MetadataSpan | undefined; now: number },
): Buffer | undefined {
  const ages: number[] = [];
  let isTimeless = true;
  const options = {
    get now() {
      isTimeless = false;
      return now;
    },
    ages,
  };
  const text = rowText(printer, object, options);
  // What the object itself says might look like a mark.
  if (!isTimeless || json.includes(MARK_START)) return undefined;
  const parts = text.split(MARK);
  const texts = parts.filter((_, i) => i % 2 === 0);
  const order = parts.filter((_, i) => i % 2 === 1).map((index) => ages[Number(index)]!);
  if (order.length !== ages.length || ages.length > MOST_AGES) return undefined;
  const bytes = texts.map((t) => Buffer.from(t));
  const start = HEAD + order.length * AGE;
  const row = Buffer.allocUnsafe(bytes.reduce((n, b) => n + b.length, start));
  row.writeUInt32LE(span?.start ?? 0, 0);
  row.writeUInt32LE(span?.end ?? 0, 4);
  row[COUNT_AT] = order.length;
  let at = start;
  bytes.forEach((b, i) => {
    at += b.copy(row, at);
    if (i === order.length) return;
    row.writeUInt32LE(at, HEAD + i * AGE);
    row.writeDoubleLE(order[i]!, HEAD + i * AGE + 4);
  });
  return row;
}

/** Where the metadata of the row's object lie in its JSON. */
export function spanOfRow(row: Buffer): Pick<MetadataSpan, 'start' | 'end'> | undefined {
  const end = row.readUInt32LE(4);
  return end === 0 ? undefined : { start: row.readUInt32LE(0), end };
}

/** Writes a kept row as it is at `now`. */
export function putRow(slabs: Slabs, row: Buffer, now: number): void {
  const count = row[COUNT_AT]!;
  let from = HEAD + count * AGE;
  for (let i = 0; i < count; i++) {
    const place = row.readUInt32LE(HEAD + i * AGE);
    slabs.put(row, from, place);
    slabs.putText(humanDuration(now - row.readDoubleLE(HEAD + i * AGE + 4)));
    from = place;
  }
  slabs.put(row, from);
}

/** Printed for now alone. */
export function plainRow(printer: Printer, object: KubeObject, now: number): string {
  return rowText(printer, object, { now });
}

function rowText(printer: Printer, object: KubeObject, options: { now: number; ages?: number[] }): string {
  const cells = printer.cells(object, options);
  const conditions = printer.conditions?.(object);
  const row = conditions !== undefined && conditions.length > 0 ? { cells, conditions } : { cells };
  return encodeJson(row).toString().slice(0, -1);
}
