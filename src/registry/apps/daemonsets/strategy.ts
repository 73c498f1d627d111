/** Daemon sets. Upstream: pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/validation ValidateDaemonSet */
import type { DaemonSet, DaemonSetSpec, DaemonSetStatus } from '../../../api/apps-v1.ts';
import { hasInvalidLabelValue, validateLabelSelector } from '../../../machinery/labels/validate.ts';
import { invalidField, notSupported, requiredField } from '../../../machinery/validation/field-error.ts';
import { defaultPodTemplate } from '../../core/pods/defaults.ts';
import type { PodValidationOptions } from '../../core/pods/options.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import { validatePodTemplate } from '../../core/pods/validation.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { type Errors, nonNegative, sortedMap } from '../../validation/values.ts';
import { immutableSelector } from '../immutable-selector.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../int-or-percent.ts';
import {
  isEmptySelector,
  SPEC,
  STATUS,
  shownSelector,
  templateOptions,
  usableSelector,
  validateCollisionCount,
  validateRunsForever,
} from '../workload.ts';

/** Counts template changes; upstream keeps it in the internal type and serves it as this annotation. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

function templateGeneration(set: DaemonSet): number {
  const text = set.metadata.annotations?.[TEMPLATE_GENERATION];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : 0;
}

function setTemplateGeneration(set: DaemonSet, value: number): void {
  set.metadata.annotations = { ...set.metadata.annotations, [TEMPLATE_GENERATION]: String(value) };
}

function defaultDaemonSet(set: DaemonSet): void {
  set.spec ??= {} as DaemonSetSpec;
  const { spec } = set;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  // Decoding fills it in upstream, so whoever writes the object owns it.
  setTemplateGeneration(set, templateGeneration(set));
  spec.template ??= {};
  defaultPodTemplate(spec.template);
  for (const field of [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
  ] as const)
    set.status![field] ??= 0;
}

function validateUpdateStrategy(strategy: NonNullable<DaemonSetSpec['updateStrategy']>, out: Errors): void {
  const at = SPEC.child('updateStrategy');
  if (strategy.type === 'OnDelete') return;
  if (strategy.type !== 'RollingUpdate') {
    const update = strategy.rollingUpdate;
    const shown = {
      Type: strategy.type ?? '',
      RollingUpdate: update ? { MaxUnavailable: update.maxUnavailable ?? 0, MaxSurge: update.maxSurge ?? 0 } : null,
    };
    out.push(notSupported(at, shown, ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rolling = at.child('rollingUpdate');
  const update = strategy.rollingUpdate;
  if (!update) {
    out.push(requiredField(rolling));
    return;
  }
  for (const field of ['maxUnavailable', 'maxSurge'] as const)
    validateIntOrPercent(update[field], rolling.child(field), out);
  for (const field of ['maxUnavailable', 'maxSurge'] as const)
    atMost100Percent(update[field], rolling.child(field), out);
  const unavailable = intOrPercentValue(update.maxUnavailable) !== 0;
  const surge = intOrPercentValue(update.maxSurge) !== 0;
  if (unavailable && surge) {
    out.push(
      invalidField(rolling.child('maxSurge'), update.maxSurge, 'may not be set when maxUnavailable is non-zero'),
    );
  } else if (!unavailable && !surge) {
    out.push(requiredField(rolling.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
  }
}

function validateSpec(spec: DaemonSetSpec, options: PodValidationOptions, out: Errors, lax: boolean): void {
  const at = SPEC.child('template');
  out.push(...validateLabelSelector(spec.selector, { allowInvalidLabelValues: lax }, SPEC.child('selector')));
  const usable = usableSelector(spec.selector);
  const labels = spec.template.metadata?.labels;
  if (usable && !usable.matches(labels)) {
    out.push(
      invalidField(at.child('metadata', 'labels'), sortedMap(labels), '`selector` does not match template `labels`'),
    );
  }
  if (spec.selector && isEmptySelector(spec.selector)) {
    out.push(
      invalidField(SPEC.child('selector'), shownSelector(spec.selector), 'empty selector is invalid for daemonset'),
    );
  }
  validatePodTemplate(spec.template, at, options, out);
  validateRunsForever(spec.template, 'DaemonSet', at, out);
  nonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds'), out);
  validateUpdateStrategy(spec.updateStrategy ?? {}, out);
  nonNegative(spec.revisionHistoryLimit, SPEC.child('revisionHistoryLimit'), out);
}

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

function validateStatus(status: Partial<DaemonSetStatus>, old: Partial<DaemonSetStatus>): Errors {
  const out: Errors = [];
  for (const field of COUNTS) nonNegative(status[field], STATUS.child(field), out);
  validateCollisionCount(status.collisionCount, old.collisionCount, out);
  return out;
}

export const daemonSetStrategy: Strategy<DaemonSet> = specStatusStrategy<DaemonSet>({
  sharesUnchanged: true,
  generation: ['spec'],
  default: defaultDaemonSet,
  initialStatus: () => ({
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  }),
  prepareForCreate: (set) => setTemplateGeneration(set, Math.max(1, templateGeneration(set))),
  prepareForUpdate(set, old) {
    const changed = !semanticEqual(set.spec!.template, old.spec!.template, 'template');
    setTemplateGeneration(set, templateGeneration(old) + (changed ? 1 : 0));
  },
  warn(set, old, context) {
    if (old && set.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(set, set.spec!.template, SPEC.child('template'), context, false);
  },
  validate(set) {
    const out: Errors = [];
    validateSpec(set.spec!, templateOptions(undefined), out, false);
    return out;
  },
  validateUpdate(set, old) {
    const out: Errors = [];
    immutableSelector(set.spec!.selector, old.spec!.selector, out);
    validateSpec(set.spec!, templateOptions(old.spec?.template), out, hasInvalidLabelValue(old.spec?.selector));
    return out;
  },
  status: {
    prepare: (set, old) => setTemplateGeneration(set, templateGeneration(old)),
    validate: (set, old) => validateStatus(set.status ?? {}, old.status ?? {}),
  },
});
