/** Defaults and rules of volumes and claims: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'persistent volume: defaults',
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'x' },
      spec: { capacity: { storage: '1024Mi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
    },
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: '/x', type: '' },
        persistentVolumeReclaimPolicy: 'Retain',
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Pending', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' },
    },
  ],
  [
    'persistent volume: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'x' },
      spec: {
        capacity: { cpu: '-1' },
        accessModes: ['X', 'ReadWriteOncePod', 'ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Q',
        volumeMode: 'Z',
        local: { path: '' },
        csi: { driver: 'A_', volumeHandle: '' },
      },
    },
    [
      'spec.accessModes: Unsupported value: "X": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
      'spec.capacity: Unsupported value: {"cpu":"-1"}: supported values: "storage"',
      'spec.capacity[cpu]: Invalid value: -1: must be a valid resource quantity',
      'spec.capacity[cpu]: Invalid value: "-1": must be greater than zero',
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Q": supported values: "Delete", "Recycle", "Retain"',
      'spec.local.path: Required value',
      'spec.nodeAffinity: Required value: Local volume requires node affinity',
      'spec.csi: Forbidden: may not specify more than 1 volume type',
      'spec.volumeMode: Unsupported value: "Z": supported values: "Block", "Filesystem"',
    ],
  ],
  [
    'persistent volume claim: defaults',
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'x' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        dataSource: { kind: 'PersistentVolumeClaim', name: 'q' },
      },
    },
    {
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        dataSource: { kind: 'PersistentVolumeClaim', name: 'q', apiGroup: null },
        volumeMode: 'Filesystem',
        dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'q', apiGroup: null },
      },
      status: { phase: 'Pending' },
    },
  ],
  [
    'persistent volume claim: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'x' },
      spec: {
        accessModes: [],
        storageClassName: 'A!',
        volumeMode: 'x',
        resources: { requests: { storage: '0' } },
        dataSourceRef: { kind: 'Foo', name: '' },
      },
    },
    [
      'spec.accessModes: Required value: at least 1 access mode is required',
      'spec.resources[storage]: Invalid value: "0": must be greater than zero',
      "spec.storageClassName: Invalid value: \"A!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.volumeMode: Unsupported value: "x": supported values: "Block", "Filesystem"',
      'spec.dataSource.name: Required value',
      'spec.dataSource: Invalid value: "Foo": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
      'spec.dataSourceRef.name: Required value',
      'spec.dataSourceRef: Invalid value: "Foo": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
    ],
  ],
];

describe('defaults and rules of volumes and claims', () => testCreates(CASES));
