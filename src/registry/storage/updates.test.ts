/** What may change in stored objects about storage, and when it counts as a generation; confirmed by upstream's API server 1.36. */
import { describeUpdates } from '../updates-testing.ts';

describeUpdates('updates of storage', [
  {
    old: {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'upd4' },
      provisioner: 'x.y',
      parameters: { a: 'b' },
    },
    cases: [
      [{ provisioner: 'q' }, '', ['provisioner: Invalid value: "q": field is immutable']],
      [{ provisioner: '' }, '', ['provisioner: Required value', 'provisioner: Invalid value: "": field is immutable']],
      [{ parameters: { c: 'd' } }, '', ['parameters: Invalid value: {"c":"d"}: field is immutable']],
      [{ reclaimPolicy: 'Retain' }, '', ['reclaimPolicy: Invalid value: "Retain": field is immutable']],
      [
        { volumeBindingMode: 'WaitForFirstConsumer' },
        '',
        ['volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable'],
      ],
      [{ allowVolumeExpansion: true }, '', null],
      [{ parameters: { a: 'b', c: '' } }, '', ['parameters: Invalid value: {"a":"b","c":""}: field is immutable']],
      [
        { provisioner: null },
        '',
        ['provisioner: Required value', 'provisioner: Invalid value: "": field is immutable'],
      ],
      [
        { allowedTopologies: [{ matchLabelExpressions: [{ key: 'a' }] }] },
        '',
        ['allowedTopologies[0].matchLabelExpressions[0].values: Required value'],
      ],
    ],
  },
  {
    old: { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'upd4.csi' }, spec: {} },
    cases: [
      [{ spec: { attachRequired: false } }, '', ['spec.attachedRequired: Invalid value: false: field is immutable']],
      [{ spec: { fsGroupPolicy: 'None' } }, '', 1],
      [{ spec: { tokenRequests: [{ audience: 'a' }] } }, '', 1],
      [
        { spec: { volumeLifecycleModes: ['Ephemeral'] } },
        '',
        ['spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable'],
      ],
      [{ spec: { storageCapacity: true } }, '', 1],
    ],
  },
  {
    old: {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttachment',
      metadata: { name: 'upd4' },
      spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'p' } },
    },
    cases: [
      [
        { spec: { attacher: 'a', nodeName: 'm', source: { persistentVolumeName: 'p' } } },
        '',
        [
          'spec: Invalid value: {"Attacher":"a","Source":{"PersistentVolumeName":"p","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
        ],
      ],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', null],
      [{ status: { attached: true, attachError: { message: 'x' } } }, 'status', null],
    ],
  },
]);
