/** Defaults and rules of quotas and limits: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'resource quota: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'x' },
      spec: {
        hard: { pods: '1.5', foo: '1', 'requests.cpu': '2', 'limits.cpu': '1' },
        scopes: ['BestEffort', 'NotBestEffort', 'X'],
      },
    },
    [
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
      'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","X"]: unsupported scope applied to resource',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","X"]: unsupported scope applied to resource',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","X"]: unsupported scope',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","X"]: conflicting scopes',
    ],
  ],
  [
    'resource quota: defaults (ok)',
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'x' },
      spec: { hard: { pods: '1', 'requests.cpu': '2', 'limits.cpu': '1' } },
    },
    { spec: { hard: { pods: '1', 'requests.cpu': '2', 'limits.cpu': '1' } }, status: {} },
  ],
  [
    'limit range: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'x' },
      spec: {
        limits: [
          { type: 'Container', max: { cpu: '2' }, min: { cpu: '1' } },
          { type: 'Pod', default: { cpu: '1' } },
          { type: 'PersistentVolumeClaim' },
          { type: 'Foo', max: { x: '1' } },
        ],
      },
    },
    [
      "spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'",
      'spec.limits[2].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
      'spec.limits[3].type: Invalid value: "Foo": must be a standard limit type or fully qualified',
      'spec.limits[3].max[x]: Invalid value: "x": must be a standard resource type or fully qualified',
    ],
  ],
];

describe('defaults and rules of quotas and limits', () => testCreates(CASES));
