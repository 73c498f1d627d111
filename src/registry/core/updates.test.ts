/** What may change in stored objects of the core group, and when it counts as a generation; confirmed by upstream's API server 1.36. */
import { describeUpdates } from '../updates-testing.ts';

describeUpdates('updates of the core group', [
  {
    old: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'upd4' },
      type: 'Opaque',
      data: { a: 'eA==' },
      immutable: true,
    },
    cases: [
      [{ type: 'x' }, '', ['type: Invalid value: "x": field is immutable']],
      [{ data: { a: 'eQ==' } }, '', ['data: Forbidden: field is immutable when `immutable` is set']],
      [{ immutable: null }, '', ['immutable: Forbidden: field is immutable when `immutable` is set']],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', null],
    ],
  },
  {
    old: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'upd4' }, data: { a: 'x' }, immutable: true },
    cases: [
      [{ data: { a: 'x', b: '1' } }, '', ['data: Forbidden: field is immutable when `immutable` is set']],
      [{ immutable: false }, '', ['immutable: Forbidden: field is immutable when `immutable` is set']],
      [{ binaryData: { q: 'eA==' } }, '', ['binaryData: Forbidden: field is immutable when `immutable` is set']],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'upd4' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
    cases: [
      [
        { spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } } },
        '',
        [
          'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n@@ -1,6 +1,6 @@\n {\n  "AccessModes": [\n-  "ReadWriteOnce"\n+  "ReadWriteMany"\n  ],\n  "Resources": {\n   "Requests": {\n',
        ],
      ],
      [
        { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } } },
        '',
        [
          'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n@@ -4,7 +4,7 @@\n  ],\n  "Resources": {\n   "Requests": {\n-   "storage": "1Gi"\n+   "storage": "2Gi"\n   }\n  },\n  "VolumeMode": "Filesystem"\n',
        ],
      ],
      [
        {
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'x' },
        },
        '',
        null,
      ],
      [
        { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: 'v' } },
        '',
        null,
      ],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'upd4' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
    },
    cases: [
      [{ spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } } }, '', null],
      [
        { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/y' } } },
        '',
        [
          'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -1,6 +1,6 @@\n {\n  "HostPath": {\n-  "Path": "/x",\n+  "Path": "/y",\n   "Type": ""\n  }\n }\n',
        ],
      ],
      [
        {
          spec: {
            capacity: { storage: '1Gi' },
            accessModes: ['ReadWriteOnce'],
            hostPath: { path: '/x' },
            persistentVolumeReclaimPolicy: 'Delete',
          },
        },
        '',
        null,
      ],
      [
        {
          spec: {
            capacity: { storage: '1Gi' },
            accessModes: ['ReadWriteOnce'],
            hostPath: { path: '/x' },
            volumeMode: 'Block',
          },
        },
        '',
        ['volumeMode: Invalid value: "Block": field is immutable'],
      ],
      [
        {
          spec: {
            capacity: { storage: '1Gi' },
            accessModes: ['ReadWriteOnce'],
            hostPath: { path: '/x' },
            nodeAffinity: {
              required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] },
            },
          },
        },
        '',
        null,
      ],
    ],
  },
  {
    old: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'upd4ns' } },
    cases: [
      [{ metadata: { name: 'upd4ns', labels: { a: 'b' } } }, '', null],
      [{ spec: { finalizers: ['x.y/z'] } }, '', null],
      [
        { status: { phase: 'Terminating' } },
        'status',
        ['status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty'],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'upd4' },
      spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'], providerID: 'a' },
    },
    cases: [
      [
        { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'], providerID: 'a' } },
        '',
        ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
      ],
      [
        { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'], providerID: 'b' } },
        '',
        ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
      ],
      [{ spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'], providerID: 'a', unschedulable: true } }, '', null],
      [
        {
          spec: {
            podCIDR: '10.0.0.0/24',
            podCIDRs: ['10.0.0.0/24'],
            providerID: 'a',
            taints: [
              { key: 'a', effect: 'NoExecute' },
              { key: 'a', effect: 'NoExecute' },
            ],
          },
        },
        '',
        [
          'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoExecute","TimeAdded":null}: taints must be unique by key and effect pair',
          'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoExecute","TimeAdded":null}: taints must be unique by key and effect pair',
        ],
      ],
      [{ status: { capacity: { cpu: '2' } } }, '', null],
      [
        {
          status: {
            capacity: { cpu: '2' },
            conditions: [{ type: 'Ready', status: 'True' }],
            addresses: [
              { type: 'InternalIP', address: '1.2.3.4' },
              { type: 'InternalIP', address: '1.2.3.4' },
            ],
          },
        },
        'status',
        ['status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"1.2.3.4"}'],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'upd4' },
      involvedObject: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
    },
    cases: [
      [{ count: 3 }, '', null],
      [{ reason: 'y' }, '', null],
    ],
  },
  {
    old: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'upd4e' },
      regarding: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
      eventTime: '2024-01-01T00:00:00.000000Z',
      reportingController: 'a.b/c',
      reportingInstance: 'i',
      action: 'a',
      type: 'Normal',
    },
    cases: [
      [
        { reason: 'y' },
        '',
        ['reason: Invalid value: "y": field is immutable', 'reason: Invalid value: "y": field is immutable'],
      ],
      [{ series: { count: 2, lastObservedTime: '2024-01-01T00:00:00.000000Z' } }, '', null],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'upd4' },
      spec: { hard: { pods: '1' }, scopes: ['BestEffort'] },
    },
    cases: [
      [{ spec: { hard: { pods: '2' }, scopes: ['BestEffort'] } }, '', null],
      [{ spec: { hard: { pods: '1' }, scopes: ['BestEffort', 'BestEffort'] } }, '', null],
      [
        { spec: { hard: { pods: '1' }, scopes: ['NotBestEffort'] } },
        '',
        ['spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable'],
      ],
      [
        { status: { hard: { pods: '1' }, used: { foo: '1' } } },
        'status',
        [
          'status.used[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
          'status.used[foo]: Invalid value: "foo": must be a standard resource for quota',
        ],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'upd4' },
      spec: { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } } },
    },
    cases: [
      [
        {
          spec: {
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } },
            replicas: 3,
          },
        },
        '',
        2,
      ],
      [
        {
          spec: {
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } },
            selector: { q: 'r' },
          },
        },
        '',
        ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
      ],
      [
        {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'x:1' }], restartPolicy: 'Never' },
            },
          },
        },
        '',
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
      ],
    ],
  },
  {
    old: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'upd4' } },
    cases: [[{ secrets: [{ name: 'a' }] }, '', null]],
  },
]);
