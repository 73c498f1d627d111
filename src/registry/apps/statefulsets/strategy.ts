/** Stateful sets. Upstream: pkg/registry/apps/statefulset/strategy.go, pkg/apis/apps/validation ValidateStatefulSet */
import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from '../../../api/apps-v1.ts';
import type { PodTemplateSpec } from '../../../api/core-v1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { nameIsDNSLabel } from '../../../machinery/validation/names.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/validation/object-meta.ts';
import { validateClaimSpec } from '../../core/persistentvolumeclaims/claim-spec.ts';
import { defaultClaim } from '../../core/persistentvolumeclaims/defaults.ts';
import { defaultPodTemplate } from '../../core/pods/defaults.ts';
import type { PodValidationOptions } from '../../core/pods/options.ts';
import { warnOfTemplate } from '../../core/pods/template-warnings.ts';
import { validatePodAnnotations, validatePodTemplate } from '../../core/pods/validation.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { dnsLabel, type Errors, nonNegative } from '../../validation/values.ts';
import { atMost100Percent, intOrPercentValue, validateIntOrPercent } from '../int-or-percent.ts';
import {
  SPEC,
  STATUS,
  selectorText,
  shownSelector,
  templateOptions,
  usableSelector,
  validateCollisionCount,
  validateRunsForever,
  validateSelector,
  validateTemplateLabels,
} from '../workload.ts';

function defaultStatefulSet(set: StatefulSet): void {
  set.spec ??= {} as StatefulSetSpec;
  const { spec } = set;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  const update = spec.updateStrategy;
  if (!update.type) {
    update.type = 'RollingUpdate';
    update.rollingUpdate ??= {};
  }
  if (update.type === 'RollingUpdate' && update.rollingUpdate) update.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.metadata ??= {};
    defaultClaim(claim);
  }
  spec.serviceName ??= '';
  set.status!.replicas ??= 0;
  set.status!.availableReplicas ??= 0;
}

interface Lax {
  serviceName: boolean;
  template: boolean;
  claims: boolean;
}

function validateUpdateStrategy(spec: StatefulSetSpec, out: Errors): void {
  const at = SPEC.child('updateStrategy');
  const update = spec.updateStrategy ?? {};
  const rolling = update.rollingUpdate;
  const field = at.child('rollingUpdate');
  const shownRolling = rolling
    ? { Partition: rolling.partition ?? 0, MaxUnavailable: rolling.maxUnavailable ?? null }
    : null;
  if (!update.type) out.push(requiredField(at));
  else if (update.type === 'OnDelete') {
    if (rolling) out.push(invalidField(field, shownRolling, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (update.type !== 'RollingUpdate') {
    const shown = { Type: update.type, RollingUpdate: shownRolling };
    out.push(invalidField(at, shown, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rolling) {
    nonNegative(rolling.partition, field.child('partition'), out);
    const max = rolling.maxUnavailable;
    if (max != null) {
      validateIntOrPercent(max, field.child('maxUnavailable'), out);
      if (intOrPercentValue(max) === 0) out.push(invalidField(field.child('maxUnavailable'), max, 'cannot be 0'));
      atMost100Percent(max, field.child('maxUnavailable'), out);
    }
  }
}

/** The template as its pods will be: claims become volumes, host names are given by the controller. */
function templateOfPods(spec: StatefulSetSpec): PodTemplateSpec {
  const claims = spec.volumeClaimTemplates ?? [];
  const pod = spec.template.spec;
  if (!pod || (!pod.subdomain && !pod.hostname && claims.length === 0)) return spec.template;
  const { subdomain: _, hostname: __, ...rest } = pod;
  const names = new Map(claims.map((c) => [c.metadata?.name ?? '', c]));
  const volumes = [
    ...[...names.keys()].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(pod.volumes ?? []).filter((v) => !names.has(v.name)),
  ];
  return { ...spec.template, spec: { ...rest, ...(volumes.length > 0 && { volumes }) } };
}

function validateSpec(spec: StatefulSetSpec, options: PodValidationOptions, lax: Lax): Errors {
  const out: Errors = [];
  const policy = spec.podManagementPolicy;
  if (!policy) out.push(requiredField(SPEC.child('podManagementPolicy')));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    out.push(invalidField(SPEC.child('podManagementPolicy'), policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  validateUpdateStrategy(spec, out);
  for (const when of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[when];
    const at = SPEC.child('persistentVolumeClaimRetentionPolicy', when);
    if (value !== 'Retain' && value !== 'Delete') out.push(notSupported(at, value ?? '', ['Retain', 'Delete']));
  }
  if (!lax.claims) {
    spec.volumeClaimTemplates?.forEach((claim, i) => {
      validateClaimSpec(claim.spec ?? {}, SPEC.child('volumeClaimTemplates').index(i).child('spec'), out);
    });
  }
  nonNegative(spec.replicas, SPEC.child('replicas'), out);
  nonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds'), out);
  nonNegative(spec.ordinals?.start, SPEC.child('ordinals.start'), out);
  if (!lax.serviceName && spec.serviceName) dnsLabel(spec.serviceName, SPEC.child('serviceName'), out);
  validateSelector(spec.selector, 'statefulset', out);
  const selector = usableSelector(spec.selector);
  const at = SPEC.child('template');
  if (!selector) out.push(invalidField(SPEC.child('selector'), shownSelector(spec.selector), ''));
  else {
    const template = templateOfPods(spec);
    validateTemplateLabels(selector, template, at, out);
    if (!lax.template) validatePodTemplate(template, at, options, out);
    out.push(...validateLabels(template.metadata?.labels, at.child('labels')));
    out.push(...validateAnnotations(template.metadata?.annotations, at.child('annotations')));
    validatePodAnnotations(
      template.metadata?.annotations,
      template.spec ?? { containers: [] },
      at.child('annotations'),
      options,
      out,
    );
  }
  validateRunsForever(spec.template, 'StatefulSet', at, out);
  return out;
}

const MUTABLE = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const;

const COUNTS = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
] as const;

function validateStatus(status: Partial<StatefulSetStatus>, old: Partial<StatefulSetStatus>): Errors {
  const out: Errors = [];
  for (const field of COUNTS) nonNegative(status[field], STATUS.child(field), out);
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  for (const field of ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const) {
    const value = status[field] ?? 0;
    if (value > replicas) out.push(invalidField(STATUS.child(field), value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    out.push(
      invalidField(STATUS.child('availableReplicas'), availableReplicas, 'cannot be greater than status.readyReplicas'),
    );
  }
  validateCollisionCount(status.collisionCount, old.collisionCount, out);
  return out;
}

function warn(set: StatefulSet, context: StrategyContext): void {
  if ((set.spec!.revisionHistoryLimit ?? 0) >= 0) return;
  const detail = 'a negative value retains all historical revisions; a value >= 0 is recommended';
  context.warn(`spec.revisionHistoryLimit: ${detail}`);
}

export const statefulSetStrategy: Strategy<StatefulSet> = specStatusStrategy<StatefulSet>({
  generation: ['spec'],
  validateName: nameIsDNSLabel,
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    selector: (set) => selectorText(set.spec?.selector),
  },
  default: defaultStatefulSet,
  initialStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  warn(set, old, context) {
    if (!old || set.metadata.generation !== old.metadata.generation) {
      warnOfTemplate(set, set.spec!.template, SPEC.child('template'), context, false);
    }
    warn(set, context);
  },
  validate(set) {
    return validateSpec(set.spec!, templateOptions(undefined), { serviceName: false, template: false, claims: false });
  },
  validateUpdate(set, old) {
    const options = templateOptions(old.spec?.template);
    const lax = { serviceName: true, claims: true, template: false };
    lax.template = validateSpec(old.spec!, options, lax).length > 0;
    const out = validateSpec(set.spec!, options, lax);
    const munged: Record<string, unknown> = { ...set.spec };
    for (const field of MUTABLE) munged[field] = old.spec![field];
    if (!semanticEqual(munged, old.spec, 'spec')) {
      const detail =
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
      out.push(forbiddenField(SPEC, detail));
    }
    return out;
  },
  status: { validate: (set, old) => validateStatus(set.status ?? {}, old.status ?? {}) },
});
