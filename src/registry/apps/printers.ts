/** Printers of the apps group. */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/apps-v1.ts';
import { parseApiVersion } from '../../machinery/meta/object.ts';
import { age, columns, containerCells, formatLabelSelector, formatLabels } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const deploymentPrinter: Printer<Deployment> = {
  columns: columns('Name, Ready, Up-to-date, Available, Age, Containers!, Images!, Selector!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`,
    o.status?.updatedReplicas ?? 0,
    o.status?.availableReplicas ?? 0,
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
    // Upstream's one printer that writes nothing for no selector.
    o.spec?.selector === undefined ? '' : formatLabelSelector(o.spec.selector),
  ],
};

export const replicaSetPrinter: Printer<ReplicaSet> = {
  columns: columns('Name, Desired:integer, Current:integer, Ready:integer, Age, Containers!, Images!, Selector!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.replicas ?? 0,
    o.status?.replicas ?? 0,
    o.status?.readyReplicas ?? 0,
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
    formatLabelSelector(o.spec?.selector),
  ],
};

export const statefulSetPrinter: Printer<StatefulSet> = {
  columns: columns('Name, Ready, Age, Containers!, Images!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`,
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
  ],
};

export const daemonSetPrinter: Printer<DaemonSet> = {
  columns: columns(
    'Name, Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, Available:integer, Node Selector, Age, Containers!, Images!, Selector!',
  ),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.status?.desiredNumberScheduled ?? 0,
    o.status?.currentNumberScheduled ?? 0,
    o.status?.numberReady ?? 0,
    o.status?.updatedNumberScheduled ?? 0,
    o.status?.numberAvailable ?? 0,
    formatLabels(o.spec?.template?.spec?.nodeSelector),
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
    formatLabelSelector(o.spec?.selector),
  ],
};

export const controllerRevisionPrinter: Printer<ControllerRevision> = {
  columns: columns('Name, Controller, Revision, Age'),
  cells(o, options) {
    const owner = o.metadata.ownerReferences?.find((r) => r.controller);
    const group = owner ? parseApiVersion(owner.apiVersion).group : '';
    const kind = owner ? (group === '' ? owner.kind : `${owner.kind}.${group}`).toLowerCase() : '';
    return [
      o.metadata.name ?? '',
      owner ? `${kind}/${owner.name}` : '<none>',
      Number(o.revision ?? 0),
      age(o.metadata.creationTimestamp, options),
    ];
  },
};
