/**
 * How a kind is printed as a Table: columns as in openapi/overlay (upstream's printers), cells by a pure function.
 * Upstream: pkg/printers/internalversion/printers.go
 */
import type { KubeObject } from '../../machinery/meta/object.ts';

export interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  /** 0 is shown always, above only with -o wide. */
  priority: number;
}

export type Cell = string | number | boolean | null;

export interface PrintOptions {
  /** Unix milliseconds. A cell that looks at it is printed anew for every request; see `age` in cells.ts. */
  readonly now: number;
  /** Present: ages are not printed but left as marks, their instants collected here, so that the rest of the row can be kept. */
  readonly ages?: number[];
}

export interface Printer<T extends KubeObject = KubeObject> {
  columns: readonly ColumnDefinition[];
  cells(object: T, options: PrintOptions): Cell[];
  /** `metav1.TableRow.conditions` (a finished pod is `Completed`). */
  conditions?(object: T): { type: string; status: string; reason: string; message: string }[];
}
