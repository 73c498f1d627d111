/** Printers of the scheduling group. */
import type { PriorityClass } from '../../api/scheduling-v1.ts';
import type { PodGroup, Workload } from '../../api/scheduling-v1alpha2.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const priorityClassPrinter: Printer<PriorityClass> = {
  columns: columns('Name, Value:integer, Global-Default:boolean, Age, PreemptionPolicy'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.value ?? 0,
    o.globalDefault ?? false,
    age(o.metadata.creationTimestamp, options),
    o.preemptionPolicy ?? '',
  ],
};

export const workloadPrinter: Printer<Workload> = {
  columns: columns('Name, Age'),
  cells: (o, options) => [o.metadata.name ?? '', age(o.metadata.creationTimestamp, options)],
};

export const podGroupPrinter: Printer<PodGroup> = {
  columns: columns('Name, Policy, Workload, Status, Age'),
  cells(o, options) {
    const scheduled = o.status?.conditions?.find((c) => c.type === 'PodGroupScheduled');
    const disrupted = o.status?.conditions?.find((c) => c.type === 'DisruptionTarget');
    const status = scheduled === undefined ? 'Pending' : scheduled.status === 'True' ? 'Scheduled' : 'Unschedulable';
    return [
      o.metadata.name ?? '',
      o.spec?.schedulingPolicy?.gang ? 'Gang' : 'Basic',
      o.spec?.podGroupTemplateRef?.workload?.workloadName ?? '<none>',
      disrupted?.reason ?? status,
      age(o.metadata.creationTimestamp, options),
    ];
  },
};
