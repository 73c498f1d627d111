/** Deployments. Upstream: pkg/registry/apps/deployment/strategy.go, pkg/apis/apps/validation ValidateDeployment */
import type { Deployment, DeploymentSpec, DeploymentStatus } from '../../../api/apps-v1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { defaultPodTemplate } from '../../core/pods/defaults.ts';
import type { PodValidationOptions } from '../../core/pods/options.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { type Errors, nonNegative } from '../../validation/values.ts';
import { immutableSelector } from '../immutable-selector.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../int-or-percent.ts';
import { validateReplicaTemplate } from '../replicasets/strategy.ts';
import { SPEC, STATUS, selectorText, templateOptions, validateCollisionCount } from '../workload.ts';

function defaultDeployment(deployment: Deployment): void {
  deployment.spec ??= {} as DeploymentSpec;
  const { spec } = deployment;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}

function validateStrategy(strategy: NonNullable<DeploymentSpec['strategy']>, out: Errors): void {
  const at = SPEC.child('strategy');
  const rolling = at.child('rollingUpdate');
  const update = strategy.rollingUpdate;
  if (strategy.type === 'Recreate') {
    if (update) out.push(forbiddenField(rolling, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (strategy.type !== 'RollingUpdate') {
    const shown = {
      Type: strategy.type ?? '',
      RollingUpdate: update ? { MaxUnavailable: update.maxUnavailable ?? 0, MaxSurge: update.maxSurge ?? 0 } : null,
    };
    out.push(notSupported(at, shown, ['Recreate', 'RollingUpdate']));
  } else if (!update) out.push(requiredField(rolling, 'this should be defaulted and never be nil'));
  else {
    validateIntOrPercent(update.maxUnavailable, rolling.child('maxUnavailable'), out);
    validateIntOrPercent(update.maxSurge, rolling.child('maxSurge'), out);
    if (intOrPercentValue(update.maxUnavailable) === 0 && intOrPercentValue(update.maxSurge) === 0) {
      out.push(
        invalidField(rolling.child('maxUnavailable'), update.maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
      );
    }
    atMost100Percent(update.maxUnavailable, rolling.child('maxUnavailable'), out);
  }
}

function validateSpec(spec: DeploymentSpec, options: PodValidationOptions): Errors {
  const out: Errors = [];
  nonNegative(spec.replicas, SPEC.child('replicas'), out);
  validateReplicaTemplate(spec.selector, spec.template, options, out);
  validateStrategy(spec.strategy ?? {}, out);
  nonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds'), out);
  nonNegative(spec.revisionHistoryLimit, SPEC.child('revisionHistoryLimit'), out);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline != null) {
    const at = SPEC.child('progressDeadlineSeconds');
    nonNegative(deadline, at, out);
    if (deadline <= (spec.minReadySeconds ?? 0))
      out.push(invalidField(at, deadline, 'must be greater than minReadySeconds'));
  }
  return out;
}

const COUNTS = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
] as const;

function validateStatus(status: DeploymentStatus, old: DeploymentStatus): Errors {
  const out: Errors = [];
  for (const field of COUNTS) nonNegative(status[field], STATUS.child(field), out);
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  for (const field of ['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const value = status[field] ?? 0;
    if (value > replicas) out.push(invalidField(STATUS.child(field), value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    out.push(
      invalidField(STATUS.child('availableReplicas'), availableReplicas, 'cannot be greater than readyReplicas'),
    );
  }
  validateCollisionCount(status.collisionCount, old.collisionCount, out);
  return out;
}

export const deploymentStrategy: Strategy<Deployment> = specStatusStrategy<Deployment>({
  sharesUnchanged: true,
  generation: ['spec', 'annotations'],
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    selector: (deployment) => selectorText(deployment.spec?.selector),
  },
  default: defaultDeployment,
  warn(deployment, old, context) {
    if (old && deployment.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(deployment, deployment.spec!.template, SPEC.child('template'), context, !old);
  },
  validate(deployment) {
    return validateSpec(deployment.spec!, templateOptions(undefined));
  },
  validateUpdate(deployment, old) {
    const out = validateSpec(deployment.spec!, templateOptions(old.spec?.template));
    immutableSelector(deployment.spec!.selector, old.spec!.selector, out);
    return out;
  },
  statusKeeps: 'labels',
  status: { validate: (deployment, old) => validateStatus(deployment.status ?? {}, old.status ?? {}) },
});
