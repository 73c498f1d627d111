/**
 * autoscaling/v1 ↔ v2: what v1 has no field for travels in annotations. Consumes its argument.
 * Upstream: pkg/apis/autoscaling/v1/conversion.go
 */
import type { HorizontalPodAutoscaler as V1 } from '../../api/autoscaling-v1.ts';
import type { MetricSpec, MetricStatus, HorizontalPodAutoscaler as V2 } from '../../api/autoscaling-v2.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const CURRENT = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
const BEHAVIOR = `${PREFIX}behavior`;
const TRAVELLING = [
  METRICS,
  CURRENT,
  CONDITIONS,
  BEHAVIOR,
  `${PREFIX}scale-down-tolerance`,
  `${PREFIX}scale-up-tolerance`,
];

type Fields = Record<string, unknown>;

const isCPU = (metric: { type: string; resource?: { name: string } }): boolean =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu';

function withoutUndefined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined));
}

/** Kind of metric → its key, in both versions. */
const KEYS: Record<string, string> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
  External: 'external',
};

function specToV1(metric: MetricSpec): Fields {
  const { object, pods, resource, containerResource, external } = metric;
  const out: Fields = { type: metric.type };
  if (object) {
    out.object = withoutUndefined({
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    });
  }
  if (pods) {
    out.pods = withoutUndefined({
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? '0',
      selector: pods.metric.selector,
    });
  }
  for (const [key, source] of [
    ['resource', resource],
    ['containerResource', containerResource],
  ] as const) {
    if (!source) continue;
    out[key] = withoutUndefined({
      name: source.name,
      targetAverageUtilization: source.target.averageUtilization,
      targetAverageValue: source.target.averageValue,
      container: (source as { container?: string }).container,
    });
  }
  if (external) {
    out.external = withoutUndefined({
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    });
  }
  return out;
}

type Old = Record<string, Fields | undefined> & { type: string };

function specFromV1(metric: Old): Fields {
  const out: Fields = { type: metric.type };
  const key = KEYS[metric.type];
  const source = key ? metric[key] : undefined;
  if (!key || !source) return out;
  const named = withoutUndefined({ name: source.metricName, selector: source.selector ?? source.metricSelector });
  if (key === 'resource' || key === 'containerResource') {
    const { targetAverageUtilization: averageUtilization, targetAverageValue: averageValue } = source;
    const type = averageUtilization == null ? 'AverageValue' : 'Utilization';
    out[key] = withoutUndefined({
      name: source.name,
      container: source.container,
      target: withoutUndefined({ type, averageValue, averageUtilization }),
    });
  } else if (key === 'object') {
    const { averageValue, targetValue } = source;
    const value = averageValue == null || targetValue !== '0' ? targetValue : undefined;
    const type = averageValue == null ? 'Value' : 'AverageValue';
    out.object = {
      describedObject: source.target,
      metric: named,
      target: withoutUndefined({ type, value, averageValue }),
    };
  } else if (key === 'pods') {
    out.pods = { metric: named, target: { type: 'AverageValue', averageValue: source.targetAverageValue } };
  } else {
    const { targetValue: value, targetAverageValue: averageValue } = source;
    const type = value == null ? 'AverageValue' : 'Value';
    out.external = { metric: named, target: withoutUndefined({ type, value, averageValue }) };
  }
  return out;
}

function statusToV1(metric: MetricStatus): Fields {
  const out: Fields = { type: metric.type };
  const { object, pods, resource, containerResource, external } = metric;
  if (object) {
    out.object = withoutUndefined({
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    });
  }
  if (pods) {
    out.pods = withoutUndefined({
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? '0',
      selector: pods.metric.selector,
    });
  }
  for (const [key, source] of [
    ['resource', resource],
    ['containerResource', containerResource],
  ] as const) {
    if (!source) continue;
    out[key] = withoutUndefined({
      name: source.name,
      currentAverageUtilization: source.current.averageUtilization,
      currentAverageValue: source.current.averageValue ?? '0',
      container: (source as { container?: string }).container,
    });
  }
  if (external) {
    out.external = withoutUndefined({
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? '0',
      currentAverageValue: external.current.averageValue,
    });
  }
  return out;
}

function statusFromV1(metric: Old): Fields {
  const out: Fields = { type: metric.type };
  const key = KEYS[metric.type];
  const source = key ? metric[key] : undefined;
  if (!key || !source) return out;
  const current = withoutUndefined({
    averageUtilization: source.currentAverageUtilization,
    averageValue: source.currentAverageValue ?? source.averageValue,
    value: source.currentValue,
  });
  const metricName = withoutUndefined({ name: source.metricName, selector: source.selector ?? source.metricSelector });
  if (key === 'resource' || key === 'containerResource') {
    out[key] = withoutUndefined({ name: source.name, container: source.container, current });
  } else
    out[key] = withoutUndefined({
      metric: metricName,
      current,
      describedObject: key === 'object' ? source.target : undefined,
    });
  return out;
}

function annotate(object: KubeObject, key: string, value: unknown): void {
  object.metadata.annotations = { ...object.metadata.annotations, [key]: JSON.stringify(value) };
}

function dropAnnotations(object: KubeObject): void {
  const { annotations } = object.metadata;
  if (!annotations) return;
  for (const key of TRAVELLING) delete annotations[key];
  if (Object.keys(annotations).length === 0) delete object.metadata.annotations;
}

function read<T>(object: KubeObject, key: string): T | undefined {
  const text = object.metadata.annotations?.[key];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

export function hpaToV1(object: KubeObject): KubeObject {
  const { spec, status, ...rest } = object as V2;
  const out = { ...rest, apiVersion: 'autoscaling/v1' } as V1;
  dropAnnotations(out);
  const { metrics = [], behavior, ...kept } = spec ?? ({} as NonNullable<V2['spec']>);
  const onCPU = (m: MetricSpec) => isCPU(m) && m.resource?.target.averageUtilization != null;
  const cpu = metrics.find(onCPU)?.resource?.target.averageUtilization;
  out.spec = { ...kept, ...(cpu != null && { targetCPUUtilizationPercentage: cpu }) };
  const others = metrics.filter((m) => !onCPU(m)).map(specToV1);
  if (others.length > 0) annotate(out, METRICS, others);
  if (behavior) annotate(out, BEHAVIOR, internalBehavior(behavior as Fields));
  if (!status) return out;
  const { currentMetrics, conditions, ...counts } = status;
  const current = currentMetrics?.find((m) => isCPU(m))?.resource?.current.averageUtilization;
  out.status = {
    ...counts,
    currentReplicas: counts.currentReplicas ?? 0,
    ...(current != null && { currentCPUUtilizationPercentage: current }),
  } as NonNullable<V1['status']>;
  if (currentMetrics?.length) annotate(out, CURRENT, currentMetrics.map(statusToV1));
  if (conditions?.length) annotate(out, CONDITIONS, conditions);
  return out;
}

export function hpaToV2(object: KubeObject): KubeObject {
  const { spec, status, ...rest } = object as V1;
  const out = { ...rest, apiVersion: 'autoscaling/v2' } as V2;
  const { targetCPUUtilizationPercentage: cpu, ...kept } = spec ?? ({} as NonNullable<V1['spec']>);
  const metrics = (read<Old[]>(out, METRICS) ?? []).map(specFromV1) as unknown as MetricSpec[];
  if (cpu != null)
    metrics.push({
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpu } },
    });
  if (metrics.length === 0) {
    metrics.push({
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
    });
  }
  out.spec = { ...kept, metrics };
  const behavior = read<Fields>(out, BEHAVIOR);
  if (behavior) out.spec.behavior = externalBehavior(behavior) as NonNullable<typeof out.spec.behavior>;
  if (status) {
    const { currentCPUUtilizationPercentage: current, ...counts } = status;
    out.status = counts as NonNullable<V2['status']>;
    const currentMetrics = read<Old[]>(out, CURRENT)?.map(statusFromV1) as unknown as MetricStatus[] | undefined;
    if (currentMetrics) out.status.currentMetrics = currentMetrics;
    else if (current != null) {
      out.status.currentMetrics = [
        { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } },
      ];
    }
    const conditions = read<NonNullable<NonNullable<V2['status']>['conditions']>>(out, CONDITIONS);
    if (conditions) out.status.conditions = conditions;
  }
  dropAnnotations(out);
  return out;
}

/** Upstream writes its internal type into the annotation, whose fields carry Go's names. */
function internalBehavior(value: unknown): unknown {
  return renameKeys(value, (k) => k.charAt(0).toUpperCase() + k.slice(1));
}
function externalBehavior(value: unknown): unknown {
  return renameKeys(value, (k) => k.charAt(0).toLowerCase() + k.slice(1));
}
function renameKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((v) => renameKeys(v, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]) => (v === null ? [] : [[rename(k), renameKeys(v, rename)]])),
  );
}
