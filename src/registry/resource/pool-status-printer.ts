/** `kubectl get resourcepoolstatusrequests`: device counts summed over the pools of the answer. */
import type { PoolStatus, ResourcePoolStatusRequest } from '../../api/resource-v1alpha3.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

const COUNTS = ['totalDevices', 'availableDevices', 'allocatedDevices', 'unavailableDevices'] as const;

export const resourcePoolStatusRequestPrinter: Printer<ResourcePoolStatusRequest> = {
  columns: columns('Name, Driver, Total, Available, Allocated, Unavailable, Errors, Pools:integer, Status, Completed'),
  cells(o, options) {
    const end = o.status?.conditions?.find(
      (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
    );
    const pools: readonly PoolStatus[] = o.status?.pools ?? [];
    const poolCount = o.status?.poolCount ?? 0;
    const counted = o.status !== undefined && end?.type !== 'Failed';
    const partial = end?.type === 'Complete' && poolCount > pools.length;
    return [
      o.metadata.name ?? '',
      o.spec?.driver ?? '',
      ...COUNTS.map((k) => (counted ? `${pools.reduce((sum, p) => sum + (p[k] ?? 0), 0)}` : '-')),
      counted ? `${pools.filter((p) => p.validationError !== undefined).length}` : '-',
      poolCount,
      partial ? `Complete (${pools.length}/${poolCount} pools)` : (end?.type ?? 'Pending'),
      end?.type === 'Complete' ? age(end.lastTransitionTime, options) : '<none>',
    ];
  },
};
