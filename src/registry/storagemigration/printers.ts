/** Printer of storage version migrations. */
import type { StorageVersionMigration } from '../../api/storagemigration-v1beta1.ts';
import { columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

const STATES = ['Running', 'Failed', 'Succeeded'];

export const storageVersionMigrationPrinter: Printer<StorageVersionMigration> = {
  columns: columns('Name, Resource, Status').map((c) => ({ ...c, format: '' })),
  cells(o) {
    const r = o.spec?.resource;
    return [
      o.metadata.name ?? '',
      r?.group ? `${r.resource}.${r.group}` : (r?.resource ?? ''),
      o.status?.conditions?.findLast((c) => c.status === 'True' && STATES.includes(c.type))?.type ?? 'Unknown',
    ];
  },
};
