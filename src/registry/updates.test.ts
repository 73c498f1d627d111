/** What may change in stored objects of groups with one or two such rules, and when it counts as a generation; confirmed by upstream's API server 1.36. */
import { describeUpdates } from './updates-testing.ts';

describeUpdates('updates of other groups', [
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
    old: { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'upd4' }, handler: 'a' },
    cases: [
      [{ handler: 'b' }, '', ['handler: Invalid value: "b": field is immutable']],
      [{ overhead: { podFixed: { cpu: '1' } } }, '', null],
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
]);
