/**
 * Rows of a Table as they are kept beside an entry: cells printed once, ages left open and filled in when the row is sent.
 * A row whose cells look at the time otherwise is not kept.
 */
import { encodeJson } from '../../machinery/codec/json.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { MetadataSpan } from '../../machinery/meta/resource-version.ts';
import { humanDuration } from '../../machinery/meta/time.ts';
import type { Printer } from '../../registry/generic/printer.ts';

/** `{"cells":[...]` of one object, without what follows. */
export interface Row {
  /** One more than there are ages; an age stands between each two. */
  readonly texts: readonly string[];
  readonly ages: readonly number[];
  readonly isKept: boolean;
  /** Of the object it was printed from. */
  readonly span?: MetadataSpan | undefined;
}

const MARK = /\\u0001(\d+)\\u0001/;
const MARK_START = '\\u0001';

export function printRow(printer: Printer, object: KubeObject, bytes: Buffer, now: number): Row {
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
  if (!isTimeless || bytes.includes(MARK_START)) return plainRow(printer, object, now);
  const parts = text.split(MARK);
  const texts = parts.filter((_, i) => i % 2 === 0);
  const order = parts.filter((_, i) => i % 2 === 1).map((index) => ages[Number(index)]!);
  if (order.length !== ages.length) return plainRow(printer, object, now);
  return { texts, ages: order, isKept: true };
}

/** Bytes it takes to keep a row. */
export function rowSize({ texts, ages }: Row): number {
  return texts.reduce((n, t) => n + t.length + 32, ages.length * 8 + 200);
}

export function rowAt({ texts, ages }: Row, now: number): string {
  let out = texts[0]!;
  for (let i = 0; i < ages.length; i++) out += humanDuration(now - ages[i]!) + texts[i + 1]!;
  return out;
}

/** Printed for now alone. */
export function plainRow(printer: Printer, object: KubeObject, now: number): Row {
  return { texts: [rowText(printer, object, { now })], ages: [], isKept: false };
}

function rowText(printer: Printer, object: KubeObject, options: { now: number; ages?: number[] }): string {
  const cells = printer.cells(object, options);
  const conditions = printer.conditions?.(object);
  const row = conditions !== undefined && conditions.length > 0 ? { cells, conditions } : { cells };
  return encodeJson(row).toString().slice(0, -1);
}
