/** Printer of runtime classes. */
import type { RuntimeClass } from '../../api/node-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const runtimeClassPrinter: Printer<RuntimeClass> = {
  columns: columns('Name, Handler, Age'),
  cells: (o, options) => [o.metadata.name ?? '', o.handler ?? '', age(o.metadata.creationTimestamp, options)],
};
