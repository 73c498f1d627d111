/** Defaults and rules of autoscalers: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'horizontal pod autoscaler: defaults',
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'x' },
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' },
        maxReplicas: 3,
        behavior: { scaleUp: { stabilizationWindowSeconds: 3 } },
      },
    },
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' },
        maxReplicas: 3,
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 3,
            selectPolicy: 'Max',
            policies: [
              { type: 'Pods', value: 4, periodSeconds: 15 },
              { type: 'Percent', value: 100, periodSeconds: 15 },
            ],
          },
          scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
        },
        minReplicas: 1,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
        ],
      },
      status: { currentMetrics: null, desiredReplicas: 0 },
    },
  ],
  [
    'horizontal pod autoscaler: reports v1',
    {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'x' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'x' }, maxReplicas: 3 },
    },
    ['spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group'],
  ],
  [
    'horizontal pod autoscaler: reports every broken field',
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'x' },
      spec: {
        minReplicas: 0,
        scaleTargetRef: { kind: '', name: 'a/b' },
        maxReplicas: -1,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'X', averageUtilization: 0 } } },
          { type: 'Pods' },
          { type: 'Q' },
          {
            type: 'Object',
            object: { describedObject: {}, metric: { name: '' }, target: { type: 'Value' } },
            pods: { metric: { name: 'a' }, target: { type: 'AverageValue', averageValue: '1' } },
          },
        ],
        behavior: {
          scaleDown: {
            policies: [{ type: 'Z', value: 0, periodSeconds: 9999 }],
            selectPolicy: 'Q',
            stabilizationWindowSeconds: 99999,
          },
        },
      },
    },
    [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1',
      'spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`',
      'spec.scaleTargetRef.kind: Required value',
      'spec.scaleTargetRef.name: Invalid value: "a/b": may not contain \'/\'',
      'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
      'spec.metrics[0].resource.target.type: Invalid value: "X": must be either Utilization, Value, or AverageValue',
      'spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0',
      'spec.metrics[1].pods: Required value: must populate information for the given metric source',
      'spec.metrics[2].type: Unsupported value: "Q": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      'spec.metrics[2].type: Unsupported value: "Q": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      'spec.metrics[3].object.describedObject.kind: Required value',
      'spec.metrics[3].object.describedObject.name: Required value',
      'spec.metrics[3].object.metric.name: Required value: must specify a metric name',
      'spec.metrics[3].object.target.averageValue: Required value: must set either a target value or averageValue',
      'spec.metrics[3].pods: Forbidden: must populate the given metric source only',
      'spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 99999: must be less than or equal to 3600',
      'spec.behavior.scaleDown.selectPolicy: Unsupported value: "Q": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleDown.policies[0].type: Unsupported value: "Z": supported values: "Percent", "Pods"',
      'spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 9999: must be less than or equal to 1800',
    ],
  ],
];

describe('defaults and rules of autoscalers', () => testCreates(CASES));
