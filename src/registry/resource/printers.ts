/** Printers of the resource.k8s.io group (dynamic resource allocation). */
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '../../api/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/resource-v1beta2.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const namedPrinter: Printer<DeviceClass | ResourceClaimTemplate> = {
  columns: columns('Name, Age'),
  cells: (o, options) => [o.metadata.name ?? '', age(o.metadata.creationTimestamp, options)],
};

export const resourceClaimPrinter: Printer<ResourceClaim> = {
  columns: columns('Name, State, Age'),
  cells: (o, options) => [o.metadata.name ?? '', claimState(o), age(o.metadata.creationTimestamp, options)],
};

function claimState(claim: ResourceClaim): string {
  const states: string[] = [];
  if (claim.metadata.deletionTimestamp) states.push('deleted');
  if (claim.status?.allocation) {
    states.push('allocated');
    if ((claim.status.reservedFor ?? []).length > 0) states.push('reserved');
  } else if (!claim.metadata.deletionTimestamp) states.push('pending');
  return states.join(',');
}

export const resourceSlicePrinter: Printer<ResourceSlice> = {
  columns: columns('Name, Node, Driver, Pool, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.nodeName ?? '',
    o.spec?.driver ?? '',
    o.spec?.pool?.name ?? '',
    age(o.metadata.creationTimestamp, options),
  ],
};

export const deviceTaintRulePrinter: Printer<DeviceTaintRule> = {
  columns: columns('Name, Key, Value, Effect, TimeAdded, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.taint?.key ?? '',
    o.spec?.taint?.value ?? '',
    o.spec?.taint?.effect ?? '',
    o.spec?.taint?.timeAdded ? age(o.spec.taint.timeAdded, options) : '',
    age(o.metadata.creationTimestamp, options),
  ],
};
