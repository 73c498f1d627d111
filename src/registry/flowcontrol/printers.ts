/** Printers of API priority and fairness. */
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/flowcontrol-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const flowSchemaPrinter: Printer<FlowSchema> = {
  columns: columns('Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.priorityLevelConfiguration.name ?? '',
    o.spec?.matchingPrecedence ?? 0,
    o.spec?.distinguisherMethod?.type ?? '<none>',
    age(o.metadata.creationTimestamp, options),
    o.status?.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?',
  ],
};

export const priorityLevelConfigurationPrinter: Printer<PriorityLevelConfiguration> = {
  columns: columns('Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age'),
  cells(o, options) {
    const limited = o.spec?.limited;
    const queuing = limited?.limitResponse?.queuing;
    return [
      o.metadata.name ?? '',
      o.spec?.type ?? '',
      limited?.nominalConcurrencyShares ?? '<none>',
      queuing?.queues ?? '<none>',
      queuing?.handSize ?? '<none>',
      queuing?.queueLengthLimit ?? '<none>',
      age(o.metadata.creationTimestamp, options),
    ];
  },
};
