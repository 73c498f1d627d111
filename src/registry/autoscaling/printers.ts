/** Printers of the autoscaling group; horizontal pod autoscalers are printed from their v2 form. */
import type { Scale } from '../../api/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../api/autoscaling-v2.ts';
import { canonicalQuantity } from '../../machinery/quantity/quantity.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const horizontalPodAutoscalerPrinter: Printer<HorizontalPodAutoscaler> = {
  columns: columns('Name, Reference, Targets, MinPods, MaxPods, Replicas, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    `${o.spec?.scaleTargetRef?.kind ?? ''}/${o.spec?.scaleTargetRef?.name ?? ''}`,
    metrics(o.spec?.metrics ?? [], o.status?.currentMetrics ?? []),
    o.spec?.minReplicas === undefined ? '<unset>' : `${o.spec.minReplicas}`,
    o.spec?.maxReplicas ?? 0,
    o.status?.currentReplicas ?? 0,
    age(o.metadata.creationTimestamp, options),
  ],
};

export const scalePrinter: Printer<Scale> = {
  columns: columns('Name, Desired:integer, Available:integer, Age').map((c) => ({ ...c, format: '' })),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.replicas ?? 0,
    o.status?.replicas ?? 0,
    age(o.metadata.creationTimestamp, options),
  ],
};

function metrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const list = specs.slice(0, 2).map((spec, i) => metric(spec, statuses[i]));
  return specs.length > 2 ? `${list.join(', ')} + ${specs.length - 2} more...` : list.join(', ');
}

function metric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return value(spec.external?.target, status?.external?.current);
    case 'Object':
      return value(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${quantity(status?.pods?.current.averageValue)}/${quantity(spec.pods?.target.averageValue)}`;
    case 'Resource':
      return resource(spec.resource, status?.resource?.current);
    case 'ContainerResource':
      return resource(spec.containerResource, status?.containerResource?.current);
    default:
      return '<unknown type>';
  }
}

function value(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  return target?.averageValue !== undefined
    ? `${quantity(current?.averageValue)}/${quantity(target.averageValue)} (avg)`
    : `${quantity(current?.value)}/${quantity(target?.value)}`;
}

function resource(
  source: { name: string; target: MetricTarget } | undefined,
  current: MetricValueStatus | undefined,
): string {
  const { name = '', target } = source ?? {};
  if (target?.averageValue !== undefined)
    return `${name}: ${quantity(current?.averageValue)}/${quantity(target.averageValue)}`;
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  const goal = target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  return `${name}: ${now}/${goal}`;
}

function quantity(q: string | undefined): string {
  return q === undefined ? '<unknown>' : canonicalQuantity(q);
}
