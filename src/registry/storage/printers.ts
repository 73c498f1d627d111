/** Printers of the storage.k8s.io group. */
import type {
  CSIDriver,
  CSINode,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../api/storage-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export const storageClassPrinter: Printer<StorageClass> = {
  columns: columns('Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age'),
  cells(o, options) {
    const isDefault = DEFAULT_CLASS.some((a) => o.metadata.annotations?.[a] === 'true');
    return [
      `${o.metadata.name ?? ''}${isDefault ? ' (default)' : ''}`,
      o.provisioner ?? '',
      o.reclaimPolicy ?? 'Delete',
      o.volumeBindingMode ?? 'Immediate',
      o.allowVolumeExpansion ?? false,
      age(o.metadata.creationTimestamp, options),
    ];
  },
};

export const volumeAttributesClassPrinter: Printer<VolumeAttributesClass> = {
  columns: columns('Name, DriverName, Age'),
  cells: (o, options) => [o.metadata.name ?? '', o.driverName ?? '', age(o.metadata.creationTimestamp, options)],
};

export const volumeAttachmentPrinter: Printer<VolumeAttachment> = {
  columns: columns('Name, Attacher, PV, Node, Attached:boolean, Age').map((c) =>
    c.name === 'Attacher' ? { ...c, format: 'name' } : c,
  ),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.attacher ?? '',
    o.spec?.source?.persistentVolumeName ?? '',
    o.spec?.nodeName ?? '',
    o.status?.attached ?? false,
    age(o.metadata.creationTimestamp, options),
  ],
};

export const csiNodePrinter: Printer<CSINode> = {
  columns: columns('Name, Drivers:integer, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    (o.spec?.drivers ?? []).length,
    age(o.metadata.creationTimestamp, options),
  ],
};

export const csiDriverPrinter: Printer<CSIDriver> = {
  columns: columns(
    'Name, AttachRequired:boolean, PodInfoOnMount:boolean, StorageCapacity:boolean, TokenRequests, RequiresRepublish:boolean, Modes, Age',
  ),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.attachRequired ?? true,
    o.spec?.podInfoOnMount ?? false,
    o.spec?.storageCapacity ?? false,
    o.spec?.tokenRequests === undefined ? '<unset>' : o.spec.tokenRequests.map((t) => t.audience).join(','),
    o.spec?.requiresRepublish ?? false,
    (o.spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
    age(o.metadata.creationTimestamp, options),
  ],
};
