/** Defaults of autoscalers. Upstream: pkg/apis/autoscaling/{v1,v2}/defaults.go */
import type { HorizontalPodAutoscaler as V1 } from '../../api/autoscaling-v1.ts';
import type { HPAScalingRules, HorizontalPodAutoscaler as V2 } from '../../api/autoscaling-v2.ts';
import { canonical } from '../core/resource-defaults.ts';

const UP = (): HPAScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
});
const DOWN = (): HPAScalingRules => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
});

function withDefaults(rules: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  const given = Object.entries(rules ?? {}).filter(([, v]) => v !== undefined && v !== null);
  return { ...defaults, ...(Object.fromEntries(given) as HPAScalingRules) };
}

export function defaultHPA(hpa: V2): void {
  hpa.spec ??= {} as NonNullable<V2['spec']>;
  const { spec } = hpa;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) {
    spec.metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ];
  }
  for (const metric of spec.metrics) {
    for (const source of [metric.object, metric.pods, metric.resource, metric.containerResource, metric.external]) {
      const target = source?.target;
      if (target?.value !== undefined) target.value = canonical(target.value);
      if (target?.averageValue !== undefined) target.averageValue = canonical(target.averageValue);
    }
  }
  if (spec.behavior) {
    spec.behavior.scaleUp = withDefaults(spec.behavior.scaleUp, UP());
    spec.behavior.scaleDown = withDefaults(spec.behavior.scaleDown, DOWN());
  }
  hpa.status!.desiredReplicas ??= 0;
  if (!('currentMetrics' in hpa.status!)) hpa.status!.currentMetrics = null as never;
}

export function defaultHPAv1(hpa: V1): void {
  hpa.spec ??= {} as NonNullable<V1['spec']>;
  hpa.spec.minReplicas ??= 1;
  hpa.status!.currentReplicas ??= 0;
  hpa.status!.desiredReplicas ??= 0;
}
