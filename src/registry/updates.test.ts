/** What may change in stored objects, and when it counts as a generation; confirmed by upstream's API server 1.36. */
import assert from 'node:assert/strict';
import { stringifyJson } from '../machinery/codec/json.ts';
import { created, updated } from './strategy-testing.ts';

/** Fields that replace the stored ones (null: they go), the door, and the problems or else the generation afterwards. */
type Case = readonly [change: Record<string, unknown>, door: string, outcome: readonly string[] | number | null];

interface Group {
  old: { apiVersion: string; kind: string; metadata: { name: string } } & Record<string, unknown>;
  cases: readonly Case[];
}

const GROUPS: readonly Group[] = [
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
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'upd4' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' },
      subjects: [],
    },
    cases: [
      [
        { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'y' } },
        '',
        [
          'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"y"}: cannot change roleRef',
        ],
      ],
      [{ subjects: [{ kind: 'User', name: 'u' }] }, '', null],
    ],
  },
  {
    old: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'upd4' },
      spec: { holderIdentity: 'a' },
    },
    cases: [
      [
        { spec: { holderIdentity: 'a', leaseDurationSeconds: 0 } },
        '',
        ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
      ],
      [{ spec: {} }, '', null],
    ],
  },
  {
    old: { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'upd4' }, value: 5 },
    cases: [
      [{ value: 6 }, '', ['value: Forbidden: may not be changed in an update.']],
      [{ preemptionPolicy: 'Never' }, '', ['preemptionPolicy: Invalid value: "Never": field is immutable']],
      [{ globalDefault: true }, '', 1],
    ],
  },
  {
    old: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'upd4' },
      spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } },
    },
    cases: [
      [{ spec: { minAvailable: 2, selector: { matchLabels: { a: 'b' } } } }, '', 2],
      [{ spec: { minAvailable: 1, selector: {} } }, '', 2],
      [{ spec: { selector: { matchLabels: { a: 'b' } }, maxUnavailable: 1 } }, '', 2],
      [
        { status: { conditions: [{ type: 'A', observedGeneration: -1 }] } },
        'status',
        [
          'status.conditions[0].status: Unsupported value: "": supported values: "False", "True", "Unknown"',
          'status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero',
          'status.conditions[0].lastTransitionTime: Required value',
          'status.conditions[0].reason: Required value',
        ],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'upd4' },
      spec: { controller: 'x.y/z' },
    },
    cases: [
      [{ spec: {} }, '', ['spec.controller: Invalid value: "": field is immutable', 'spec.controller: Required value']],
    ],
  },
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
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'upd4' },
      spec: { defaultBackend: { service: { name: 's', port: { number: 1 } } } },
    },
    cases: [
      [{ spec: { defaultBackend: { service: { name: 's', port: { number: 2 } } } } }, '', 2],
      [{ spec: {} }, '', ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', 1],
    ],
  },
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'upd4' },
      spec: { podSelector: {} },
    },
    cases: [
      [{ spec: { podSelector: { matchLabels: { a: 'b' } } } }, '', 2],
      [
        { spec: { podSelector: {}, policyTypes: ['Egress', 'Ingress', 'Egress'] } },
        '',
        ['spec.policyTypes: Invalid value: ["Egress","Ingress","Egress"]: may not specify more than two policyTypes'],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'upd4' },
      spec: { controller: 'a.b/c' },
    },
    cases: [
      [{ spec: {} }, '', ['spec.controller: Invalid value: "": field is immutable', 'spec.controller: Required value']],
      [{ spec: { controller: 'a.b/d' } }, '', ['spec.controller: Invalid value: "a.b/d": field is immutable']],
      [{ spec: { controller: 'a.b/c', parameters: { kind: 'a', name: 'b' } } }, '', 2],
    ],
  },
  {
    old: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'upd4' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4'] }],
      ports: [{ port: 80 }],
    },
    cases: [
      [{ addressType: 'IPv6' }, '', ['addressType: Invalid value: "IPv6": field is immutable']],
      [{ endpoints: [{ addresses: ['1.2.3.5'] }] }, '', 2],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', 2],
      [
        { endpoints: [{ addresses: ['1.2.3.4'], nodeName: 'N!' }] },
        '',
        [
          "endpoints[0].nodeName: Invalid value: \"N!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'upd4' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' }, maxReplicas: 3 },
    },
    cases: [
      [
        { spec: { scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' }, maxReplicas: 5 } },
        '',
        null,
      ],
      [
        {
          spec: {
            scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' },
            maxReplicas: 3,
            minReplicas: 0,
          },
        },
        '',
        [
          'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
          'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
        ],
      ],
      [
        { spec: { scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'v1' }, maxReplicas: 3 } },
        '',
        ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group'],
      ],
      [
        { status: { desiredReplicas: -1, currentReplicas: 0 } },
        'status',
        ['status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0'],
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
  {
    old: { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'upd4' }, handler: 'a' },
    cases: [
      [{ handler: 'b' }, '', ['handler: Invalid value: "b": field is immutable']],
      [{ overhead: { podFixed: { cpu: '1' } } }, '', null],
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
    old: { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata: { name: 'upd4' }, revision: 1, data: { a: 1 } },
    cases: [
      [
        { data: { a: 100000000000000000000n } },
        '',
        ['data: Invalid value: {"a":100000000000000000000}: field is immutable'],
      ],
      [{ revision: 2 }, '', null],
      [{ data: { a: 2 } }, '', ['data: Invalid value: {"a":2}: field is immutable']],
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
  {
    old: {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind: 'FlowSchema',
      metadata: { name: 'upd4' },
      spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence: 5 },
    },
    cases: [
      [{ spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence: 0 } }, '', 2],
      [
        { spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence: 20000 } },
        '',
        ['spec.matchingPrecedence: Invalid value: 20000: must not be greater than 10000'],
      ],
      [
        { spec: { priorityLevelConfiguration: { name: 'x' }, matchingPrecedence: 5, rules: [{ subjects: [] }] } },
        '',
        [
          'spec.rules[0].subjects: Required value: subjects must contain at least one value',
          'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
        ],
      ],
      [
        {
          spec: {
            priorityLevelConfiguration: { name: 'x' },
            matchingPrecedence: 5,
            distinguisherMethod: { type: 'Q' },
          },
        },
        '',
        ['spec.distinguisherMethod.type: Unsupported value: {"Type":"Q"}: supported values: "ByNamespace", "ByUser"'],
      ],
    ],
  },
];

describe('updates', () => {
  for (const { old, cases } of GROUPS) {
    it(`${old.apiVersion} ${old.kind}`, () => {
      const stored = created(old);
      assert.deepEqual(stored.problems, []);
      stored.object.metadata.resourceVersion = '7';
      for (const [change, door, outcome] of cases) {
        const metadata = { ...old.metadata, ...(change.metadata as object), resourceVersion: '7' };
        const fields = Object.entries({ ...old, ...change, metadata }).filter(([, v]) => v !== null);
        const { problems, object } = updated(Object.fromEntries(fields), stored.object, door || undefined);
        const note = stringifyJson(change);
        if (Array.isArray(outcome)) assert.deepEqual(problems, outcome, note);
        else {
          assert.deepEqual(problems, [], note);
          assert.equal(object.metadata.generation ?? null, outcome, note);
        }
      }
    });
  }
});
