/** Printer of pod disruption budgets. */
import type { PodDisruptionBudget } from '../../api/policy-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const podDisruptionBudgetPrinter: Printer<PodDisruptionBudget> = {
  columns: columns('Name, Min Available, Max Unavailable, Allowed Disruptions:integer, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    `${o.spec?.minAvailable ?? 'N/A'}`,
    `${o.spec?.maxUnavailable ?? 'N/A'}`,
    o.status?.disruptionsAllowed ?? 0,
    age(o.metadata.creationTimestamp, options),
  ],
};
