/** Autoscalers of both versions; rules are written for v2. Upstream: pkg/apis/autoscaling/validation/validation.go */
import type { HorizontalPodAutoscaler as V1 } from '../../api/autoscaling-v1.ts';
import type {
  CrossVersionObjectReference,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  HorizontalPodAutoscaler as V2,
} from '../../api/autoscaling-v2.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isPathSegmentName } from '../../machinery/validation/names.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { validateContainerResourceName } from '../validation/resource-names.ts';
import {
  compareQuantities,
  dnsLabel,
  type Errors,
  invalidEach,
  nonNegative,
  nonNegativeQuantity,
  supported,
} from '../validation/values.ts';
import { hpaToV2 } from './convert.ts';
import { defaultHPA, defaultHPAv1 } from './defaults.ts';

const SPEC = Path.root('spec');
const STATUS = Path.root('status');
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function pathSegment(value: string | undefined, path: Path, out: Errors, detail = ''): void {
  if (!value) out.push(requiredField(path, detail));
  else invalidEach(isPathSegmentName(value), path, value, out);
}

/** Whether the group may be empty; undefined: any apiVersion may stay as it is. */
type GroupRule = 'may be empty' | 'must be set' | undefined;

function badVersion(version: string, rule: GroupRule): string | undefined {
  if (rule === undefined) return undefined;
  if (version.split('/').length > 2) return `unexpected GroupVersion string: ${version}`;
  const group = version.includes('/') ? version.split('/')[0] : '';
  return rule === 'must be set' && group === '' ? 'apiVersion must specify API group' : undefined;
}

/** Upstream: validationOptionsForHorizontalPodAutoscaler */
function targetRule({ apiVersion, kind }: CrossVersionObjectReference, old: V2 | undefined): GroupRule {
  const before = old?.spec?.scaleTargetRef;
  if (before && before.apiVersion === apiVersion && before.kind === kind) return undefined;
  return kind === 'ReplicationController' ? 'may be empty' : 'must be set';
}

function validateReference(ref: CrossVersionObjectReference, rule: GroupRule, path: Path, out: Errors): void {
  pathSegment(ref.kind, path.child('kind'), out);
  pathSegment(ref.name, path.child('name'), out);
  const version = ref.apiVersion ?? '';
  const bad = badVersion(version, rule);
  if (bad) out.push(invalidField(path.child('apiVersion'), version, bad));
}

function validateTarget(target: MetricTarget | undefined, path: Path, out: Errors): void {
  const { type = '', value, averageValue, averageUtilization } = target ?? {};
  if (!type) out.push(requiredField(path.child('type'), 'must specify a metric target type'));
  if (type !== 'Utilization' && type !== 'Value' && type !== 'AverageValue') {
    out.push(invalidField(path.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  }
  if (value !== undefined && compareQuantities(value, '0') <= 0)
    out.push(invalidField(path.child('value'), value, 'must be positive'));
  if (averageValue !== undefined && compareQuantities(averageValue, '0') <= 0) {
    out.push(invalidField(path.child('averageValue'), averageValue, 'must be positive'));
  }
  if (averageUtilization != null && averageUtilization < 1) {
    out.push(invalidField(path.child('averageUtilization'), averageUtilization, 'must be greater than 0'));
  }
}

const metricName = (id: MetricIdentifier | undefined, path: Path, out: Errors): void =>
  pathSegment(id?.name, path.child('metric', 'name'), out, 'must specify a metric name');

/** Sources in upstream's order; only the first given is looked into. */
const SOURCES: Record<string, (metric: MetricSpec, path: Path, out: Errors) => void> = {
  object({ object }, path, out) {
    validateReference(object!.describedObject ?? {}, 'may be empty', path.child('describedObject'), out);
    metricName(object!.metric, path, out);
    const target = path.child('target');
    validateTarget(object!.target, target, out);
    if (object!.target?.value === undefined && object!.target?.averageValue === undefined) {
      out.push(requiredField(target.child('averageValue'), 'must set either a target value or averageValue'));
    }
  },
  external({ external }, path, out) {
    metricName(external!.metric, path, out);
    const at = path.child('target');
    const { target } = external!;
    validateTarget(target, at, out);
    if (target?.value === undefined && target?.averageValue === undefined) {
      out.push(
        requiredField(at.child('averageValue'), 'must set either a target value for metric or a per-pod target'),
      );
    }
    if (target?.value !== undefined && target.averageValue !== undefined) {
      out.push(forbiddenField(at.child('value'), 'may not set both a target value for metric and a per-pod target'));
    }
  },
  pods({ pods }, path, out) {
    metricName(pods!.metric, path, out);
    validateTarget(pods!.target, path.child('target'), out);
    if (pods!.target?.averageValue === undefined) {
      out.push(requiredField(path.child('target', 'averageValue'), 'must specify a positive target averageValue'));
    }
  },
  resource({ resource }, path, out) {
    if (!resource!.name) out.push(requiredField(path.child('name'), 'must specify a resource name'));
    validateUtilization(resource!.target, path.child('target'), out);
  },
  containerResource({ containerResource: source }, path, out) {
    if (!source!.name) out.push(requiredField(path.child('name'), 'must specify a resource name'));
    else validateContainerResourceName(source!.name, path.child('name'), out);
    if (!source!.container) out.push(requiredField(path.child('container'), 'must specify a container'));
    else dnsLabel(source!.container, path.child('container'), out);
    validateUtilization(source!.target, path.child('target'), out);
  },
};

function validateUtilization(target: MetricTarget | undefined, path: Path, out: Errors): void {
  validateTarget(target, path, out);
  const { averageUtilization, averageValue } = target ?? {};
  if (averageUtilization == null && averageValue === undefined) {
    out.push(
      requiredField(path.child('averageUtilization'), 'must set either a target raw value or a target utilization'),
    );
  }
  if (averageUtilization != null && averageValue !== undefined) {
    out.push(
      forbiddenField(path.child('averageValue'), 'may not set both a target raw value and a target utilization'),
    );
  }
}

function validateMetric(metric: MetricSpec, path: Path, out: Errors): void {
  const type = metric.type ?? '';
  if (!type) out.push(requiredField(path.child('type'), 'must specify a metric source type'));
  if (!METRIC_TYPES.includes(type)) out.push(notSupported(path.child('type'), type, METRIC_TYPES));
  const present = Object.keys(SOURCES).filter((key) => metric[key as keyof MetricSpec] != null);
  if (present[0]) SOURCES[present[0]]!(metric, path.child(present[0]), out);
  const expected = type.charAt(0).toLowerCase() + type.slice(1);
  if (!METRIC_TYPES.includes(type)) out.push(notSupported(path.child('type'), type, METRIC_TYPES));
  else if (!present.includes(expected))
    out.push(requiredField(path.child(expected), 'must populate information for the given metric source'));
  if (present.length === 1) return;
  for (const key of present)
    if (key !== expected) out.push(forbiddenField(path.child(key), 'must populate the given metric source only'));
}

function validateRules(rules: HPAScalingRules | undefined, path: Path, out: Errors): void {
  if (!rules) return;
  const window = rules.stabilizationWindowSeconds;
  const at = path.child('stabilizationWindowSeconds');
  if (window != null && window < 0) out.push(invalidField(at, window, 'must be greater than or equal to zero'));
  if (window != null && window > 3600) out.push(invalidField(at, window, 'must be less than or equal to 3600'));
  supported(rules.selectPolicy, ['Disabled', 'Max', 'Min'], path.child('selectPolicy'), out);
  const policies = rules.policies ?? [];
  if (policies.length === 0) out.push(requiredField(path.child('policies'), 'must specify at least one Policy'));
  policies.forEach((policy, i) => {
    const field = path.child('policies').index(i);
    supported(policy.type ?? '', ['Percent', 'Pods'], field.child('type'), out);
    const { value = 0, periodSeconds = 0 } = policy;
    if (value <= 0) out.push(invalidField(field.child('value'), value, 'must be greater than zero'));
    if (periodSeconds <= 0)
      out.push(invalidField(field.child('periodSeconds'), periodSeconds, 'must be greater than zero'));
    if (periodSeconds > 1800) {
      out.push(invalidField(field.child('periodSeconds'), periodSeconds, 'must be less than or equal to 1800'));
    }
  });
  if (rules.tolerance !== undefined) nonNegativeQuantity(rules.tolerance, path.child('tolerance'), out);
}

function validateHPA(hpa: V2, old: V2 | undefined): Errors {
  const out: Errors = [];
  const spec = hpa.spec!;
  // Zero is behind a gate that is off, unless it was there before.
  const least = old?.spec?.minReplicas === 0 ? 0 : 1;
  const { minReplicas, maxReplicas = 0 } = spec;
  const max = SPEC.child('maxReplicas');
  if (minReplicas != null && minReplicas < least) {
    out.push(invalidField(SPEC.child('minReplicas'), minReplicas, `must be greater than or equal to ${least}`));
  }
  if (maxReplicas === 0) out.push(requiredField(max, 'must be set and greater than 0'));
  else if (maxReplicas < 0) out.push(invalidField(max, maxReplicas, 'must be greater than or equal to 1'));
  if (minReplicas != null && maxReplicas < minReplicas) {
    out.push(invalidField(max, maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  const target = spec.scaleTargetRef ?? ({} as CrossVersionObjectReference);
  validateReference(target, targetRule(target, old), SPEC.child('scaleTargetRef'), out);
  spec.metrics?.forEach((metric, i) => void validateMetric(metric, SPEC.child('metrics').index(i), out));
  if (minReplicas === 0 && !spec.metrics?.some((m) => m.type === 'Object' || m.type === 'External')) {
    const detail = 'must specify at least one Object or External metric to support scaling to zero replicas';
    out.push(forbiddenField(SPEC.child('metrics'), detail));
  }
  validateRules(spec.behavior?.scaleUp, SPEC.child('behavior', 'scaleUp'), out);
  validateRules(spec.behavior?.scaleDown, SPEC.child('behavior', 'scaleDown'), out);
  return out;
}

function validateStatus(hpa: V1 | V2): Errors {
  const out: Errors = [];
  for (const field of ['currentReplicas', 'desiredReplicas'] as const)
    nonNegative(hpa.status?.[field], STATUS.child(field), out);
  return out;
}

export const hpaStrategy: Strategy<V2> = specStatusStrategy<V2>({
  default: defaultHPA,
  initialStatus: () => ({ currentMetrics: null, desiredReplicas: 0 }),
  validate: (hpa) => validateHPA(hpa, undefined),
  validateUpdate: validateHPA,
  status: { validate: validateStatus },
});

const asV2 = (hpa: V1): V2 => hpaToV2(structuredClone(hpa)) as V2;

export const hpaV1Strategy: Strategy<V1> = specStatusStrategy<V1>({
  default: defaultHPAv1,
  initialStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
  validate: (hpa) => validateHPA(asV2(hpa), undefined),
  validateUpdate: (hpa, old) => validateHPA(asV2(hpa), asV2(old)),
  status: { validate: validateStatus },
});
