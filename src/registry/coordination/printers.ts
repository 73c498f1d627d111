/** Printers of leases and lease candidates. */
import type { Lease } from '../../api/coordination-v1.ts';
import type { LeaseCandidate } from '../../api/coordination-v1beta1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const leasePrinter: Printer<Lease> = {
  columns: columns('Name, Holder, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.holderIdentity ?? '',
    age(o.metadata.creationTimestamp, options),
  ],
};

export const leaseCandidatePrinter: Printer<LeaseCandidate> = {
  columns: columns('Name, LeaseName, BinaryVersion, EmulationVersion, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.leaseName ?? '',
    o.spec?.binaryVersion ?? '',
    o.spec?.emulationVersion ?? '',
    age(o.metadata.creationTimestamp, options),
  ],
};
