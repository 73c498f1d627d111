/** Printer of storage versions. */
import type { StorageVersion } from '../../api/apiserverinternal-v1alpha1.ts';
import { age, columns, firstThree } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const storageVersionPrinter: Printer<StorageVersion> = {
  columns: columns('Name, CommonEncodingVersion, StorageVersions, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.status?.commonEncodingVersion ?? '<unset>',
    firstThree((o.status?.storageVersions ?? []).map((v) => `${v.apiServerID ?? ''}=${v.encodingVersion ?? ''}`)),
    age(o.metadata.creationTimestamp, options),
  ],
};
