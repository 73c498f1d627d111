/** Replication controllers. Upstream: pkg/registry/core/replicationcontroller/strategy.go */
import type { ReplicationController, ReplicationControllerSpec } from '../../../api/core-v1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { type Errors, nonNegative, sortedMap } from '../../validation/values.ts';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { type PodValidationOptions, podOptions } from '../pods/options.ts';
import { validateReplicaStatus } from '../pods/replica-status.ts';
import { warnOfTemplate } from '../pods/template-warnings.ts';
import { validatePodTemplate } from '../pods/validation.ts';

const SPEC = Path.root('spec');

function validateSpec(spec: ReplicationControllerSpec, options: PodValidationOptions): Errors {
  const out: Errors = [];
  nonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds'), out);
  const selector = Object.entries(spec.selector ?? {});
  if (selector.length === 0) out.push(requiredField(SPEC.child('selector')));
  if (spec.replicas == null) out.push(requiredField(SPEC.child('replicas')));
  else nonNegative(spec.replicas, SPEC.child('replicas'), out);
  const at = SPEC.child('template');
  const { template } = spec;
  if (!template) {
    out.push(requiredField(at));
    return out;
  }
  const labels = template.metadata?.labels;
  if (selector.some(([key, value]) => labels?.[key] !== value)) {
    out.push(
      invalidField(at.child('metadata', 'labels'), sortedMap(labels), '`selector` does not match template `labels`'),
    );
  }
  validatePodTemplate(template, at, options, out);
  if (template.spec?.restartPolicy !== 'Always') {
    out.push(notSupported(at.child('spec', 'restartPolicy'), template.spec?.restartPolicy ?? '', ['Always']));
  }
  if (template.spec?.activeDeadlineSeconds != null) {
    const detail = 'activeDeadlineSeconds in ReplicationController is not Supported';
    out.push(forbiddenField(at.child('spec', 'activeDeadlineSeconds'), detail));
  }
  return out;
}

export const replicationControllerStrategy: Strategy<ReplicationController> = specStatusStrategy<ReplicationController>(
  {
    sharesUnchanged: true,
    generation: ['spec'],
    defaultPropagation: 'Orphan',
    scale: {
      specReplicas: '.spec.replicas',
      statusReplicas: '.status.replicas',
      selector: (rc) =>
        Object.entries(rc.spec?.selector ?? {})
          .sort()
          .map(([k, v]) => `${k}=${v}`)
          .join(','),
    },
    default(rc) {
      rc.spec ??= {};
      rc.spec.replicas ??= 1;
      if (rc.spec.template) defaultPodTemplate(rc.spec.template);
      const labels = rc.spec.template?.metadata?.labels;
      if (labels) {
        if (Object.keys(rc.spec.selector ?? {}).length === 0) rc.spec.selector = { ...labels };
        if (Object.keys(rc.metadata.labels ?? {}).length === 0) rc.metadata.labels = { ...labels };
      }
      rc.status!.replicas ??= 0;
    },
    initialStatus: () => ({ replicas: 0 }),
    warn(rc, old, context) {
      if (old && rc.metadata.generation === old.metadata.generation) return;
      warnOfTemplate(rc, rc.spec?.template, SPEC.child('template'), context, !old);
    },
    validate(rc) {
      return validateSpec(rc.spec!, podOptions(undefined, undefined, false));
    },
    validateUpdate: (rc, old) =>
      validateSpec(rc.spec!, podOptions(old.spec?.template?.spec, old.spec?.template?.metadata, false)),
    fields: (rc) => ({ 'status.replicas': String(rc.status?.replicas ?? 0) }),
    status: { validate: (rc) => validateReplicaStatus(rc.status ?? { replicas: 0 }) },
  },
);
