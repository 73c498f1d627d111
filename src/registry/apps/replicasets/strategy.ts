/** Replica sets. Upstream: pkg/registry/apps/replicaset/strategy.go, pkg/apis/apps/validation ValidateReplicaSet */
import type { ReplicaSet } from '../../../api/apps-v1.ts';
import type { PodTemplateSpec } from '../../../api/core-v1.ts';
import type { LabelSelector } from '../../../api/meta-v1.ts';
import { invalidField } from '../../../machinery/validation/field-error.ts';
import { defaultPodTemplate } from '../../core/pods/defaults.ts';
import type { PodValidationOptions } from '../../core/pods/options.ts';
import { validateReplicaStatus } from '../../core/pods/replica-status.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import { validatePodTemplate } from '../../core/pods/validation.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { type Errors, nonNegative } from '../../validation/values.ts';
import { immutableSelector } from '../immutable-selector.ts';
import {
  SPEC,
  selectorText,
  shownSelector,
  templateOptions,
  usableSelector,
  validateRunsForever,
  validateSelector,
  validateTemplateLabels,
} from '../workload.ts';

/** Template and selector, as deployments and replica sets both have them. */
export function validateReplicaTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  options: PodValidationOptions,
  out: Errors,
): void {
  validateSelector(selector, 'deployment', out);
  const usable = usableSelector(selector);
  const at = SPEC.child('template');
  if (!usable) {
    out.push(invalidField(SPEC.child('selector'), shownSelector(selector), 'invalid label selector'));
    return;
  }
  validateTemplateLabels(usable, template, at, out);
  validatePodTemplate(template, at, options, out);
  validateRunsForever(template, 'ReplicaSet', at, out);
}

function validateSpec(set: ReplicaSet, options: PodValidationOptions): Errors {
  const out: Errors = [];
  const spec = set.spec!;
  nonNegative(spec.replicas, SPEC.child('replicas'), out);
  nonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds'), out);
  validateReplicaTemplate(spec.selector, spec.template!, options, out);
  return out;
}

export const replicaSetStrategy: Strategy<ReplicaSet> = specStatusStrategy<ReplicaSet>({
  sharesUnchanged: true,
  generation: ['spec'],
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    selector: (set) => selectorText(set.spec?.selector),
  },
  default(set) {
    set.spec ??= {} as NonNullable<ReplicaSet['spec']>;
    set.spec.replicas ??= 1;
    set.spec.template ??= {};
    defaultPodTemplate(set.spec.template);
    set.status!.replicas ??= 0;
  },
  initialStatus: () => ({ replicas: 0 }),
  warn(set, old, context) {
    if (old && set.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(set, set.spec!.template, SPEC.child('template'), context, !old);
  },
  validate(set) {
    return validateSpec(set, templateOptions(undefined));
  },
  validateUpdate(set, old) {
    const out = validateSpec(set, templateOptions(old.spec?.template));
    immutableSelector(set.spec!.selector, old.spec!.selector, out);
    return out;
  },
  status: { validate: (set) => validateReplicaStatus(set.status ?? {}) },
});
