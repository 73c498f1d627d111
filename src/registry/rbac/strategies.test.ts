/** Defaults and rules of roles and bindings: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'role: defaults',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'a:b' },
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
    },
    { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] },
  ],
  [
    'role: defaults (none)',
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'x' } },
    { rules: null },
  ],
  [
    'role: reports every broken field',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'a/b' },
      rules: [{}, { verbs: ['x'], nonResourceURLs: ['/a'], resources: ['x'] }],
    },
    [
      'metadata.name: Invalid value: "a/b": may not contain \'/\'',
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[1].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs',
      'rules[1].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'cluster role: reports every broken field',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'x' },
      aggregationRule: { clusterRoleSelectors: [] },
      rules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    },
    [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  ],
  [
    'role binding: reports every broken field',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'x' },
      roleRef: { kind: 'Role', name: 'x' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 'S!' },
        { kind: 'Foo', name: '' },
      ],
    },
    [
      "subjects[1].name: Invalid value: \"S!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'subjects[2].name: Required value',
      'subjects[2].kind: Unsupported value: "Foo": supported values: "ServiceAccount", "User", "Group"',
    ],
  ],
  [
    'role binding: defaults (ok)',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'x' },
      roleRef: { kind: 'Role', name: 'x' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
    {
      roleRef: { kind: 'Role', name: 'x', apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [
        { kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
  ],
  [
    'cluster role: reports a selector that selects by no label',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'x' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: '-' } }] },
    },
    [
      "aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
    ],
  ],
  [
    'cluster role binding: reports every broken field',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'x' },
      roleRef: { kind: 'Role', name: '' },
      subjects: [
        { kind: 'ServiceAccount', name: 's' },
        { kind: 'Group', name: 'g', apiGroup: 'z' },
      ],
    },
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'roleRef.name: Required value',
      'subjects[0].namespace: Required value',
      'subjects[1].apiGroup: Unsupported value: "z": supported values: "rbac.authorization.k8s.io"',
    ],
  ],
];

describe('defaults and rules of roles and bindings', () => testCreates(CASES));
