/**
 * Rules of where a pod may run: affinity, tolerations, topology spread.
 * Upstream: pkg/apis/core/validation/validation.go validateAffinity, ValidateTolerations, validateTopologySpreadConstraints
 */
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from '../../../api/core-v1.ts';
import type { LabelSelector } from '../../../api/meta-v1.ts';
import { validateLabelSelector } from '../../../machinery/labels/validate.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isLabelValue,
  isQualifiedName,
} from '../../../machinery/validation/names.ts';
import { type Errors, invalidEach, positive, supported } from '../../validation/values.ts';
import type { PodValidationOptions } from './options.ts';

export function validateLabelName(name: string, path: Path, out: Errors): void {
  invalidEach(isQualifiedName(name), path, name, out);
}

export function validateAffinity(
  affinity: Affinity | undefined,
  options: PodValidationOptions,
  path: Path,
  out: Errors,
): void {
  const node = affinity?.nodeAffinity;
  if (node) {
    const at = path.child('nodeAffinity');
    const required = node.requiredDuringSchedulingIgnoredDuringExecution;
    if (required) {
      const field = at.child('requiredDuringSchedulingIgnoredDuringExecution');
      validateNodeSelector(required, field, out, options.allowInvalidNodeAffinityValues);
    }
    node.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      const field = at.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
      validateWeight(term.weight, field, out);
      validateNodeSelectorTerm(term.preference ?? {}, field.child('preference'), out, true);
    });
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const terms = affinity?.[kind];
    if (!terms) continue;
    const lax = options.allowInvalidSelectorValues ?? false;
    terms.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      const at = path.child(kind, 'requiredDuringSchedulingIgnoredDuringExecution').index(i);
      validatePodAffinityTerm(term, lax, at, out);
    });
    terms.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      const at = path.child(kind, 'preferredDuringSchedulingIgnoredDuringExecution').index(i);
      validateWeight(term.weight, at, out);
      validatePodAffinityTerm(term.podAffinityTerm ?? ({} as PodAffinityTerm), lax, at.child('podAffinityTerm'), out);
    });
  }
}

function validateWeight(weight: number | undefined, path: Path, out: Errors): void {
  const w = weight ?? 0;
  if (w <= 0 || w > 100) out.push(invalidField(path.child('weight'), w, 'must be in the range 1-100'));
}

export function validateNodeSelector(selector: NodeSelector, path: Path, out: Errors, lax = false): void {
  const at = path.child('nodeSelectorTerms');
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) out.push(requiredField(at, 'must have at least one node selector term'));
  terms.forEach((term, i) => void validateNodeSelectorTerm(term, at.index(i), out, lax));
}

function validateNodeSelectorTerm(term: NodeSelectorTerm, path: Path, out: Errors, lax: boolean): void {
  term.matchExpressions?.forEach(
    (e, i) => void validateNodeRequirement(e, path.child('matchExpressions').index(i), out, lax),
  );
  term.matchFields?.forEach((e, i) => void validateNodeFieldRequirement(e, path.child('matchFields').index(i), out));
}

function validateNodeRequirement(e: NodeSelectorRequirement, path: Path, out: Errors, lax: boolean): void {
  const values = e.values ?? [];
  const at = path.child('values');
  switch (e.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) out.push(requiredField(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        out.push(forbiddenField(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        out.push(requiredField(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      out.push(invalidField(path.child('operator'), e.operator ?? '', 'not a valid selector operator'));
  }
  validateLabelName(e.key ?? '', path.child('key'), out);
  if (!lax) values.forEach((v, i) => void invalidEach(isLabelValue(v), at.index(i), v, out));
}

function validateNodeFieldRequirement(e: NodeSelectorRequirement, path: Path, out: Errors): void {
  const values = e.values ?? [];
  if (e.operator === 'In' || e.operator === 'NotIn') {
    if (values.length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      out.push(requiredField(path.child('values'), detail));
    }
  } else out.push(invalidField(path.child('operator'), e.operator ?? '', 'not a valid selector operator'));
  if (e.key !== 'metadata.name') {
    out.push(invalidField(path.child('key'), e.key ?? '', 'not a valid field selector key'));
  } else values.forEach((v, i) => void invalidEach(isDNS1123Subdomain(v), path.child('values').index(i), v, out));
}

function validatePodAffinityTerm(term: PodAffinityTerm, lax: boolean, path: Path, out: Errors): void {
  const options = { allowInvalidLabelValues: lax };
  out.push(...validateLabelSelector(term.labelSelector, options, path.child('labelSelector')));
  out.push(...validateLabelSelector(term.namespaceSelector, options, path.child('namespaceSelector')));
  for (const name of term.namespaces ?? []) invalidEach(isDNS1123Label(name), path.child('namespace'), name, out);
  validateMatchLabelKeys(term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector, path, out);
  if (!term.topologyKey) out.push(requiredField(path.child('topologyKey'), 'can not be empty'));
  validateLabelName(term.topologyKey ?? '', path.child('topologyKey'), out);
}

function validateMatchLabelKeys(
  match: readonly string[] | undefined,
  mismatch: readonly string[] | undefined,
  selector: LabelSelector | undefined,
  path: Path,
  out: Errors,
): void {
  for (const [keys, name] of [
    [match, 'matchLabelKeys'],
    [mismatch, 'mismatchLabelKeys'],
  ] as const) {
    if (!keys?.length) continue;
    const at = path.child(name);
    if (!selector) out.push(forbiddenField(at, 'must not be specified when labelSelector is not set'));
    else keys.forEach((key, i) => void validateLabelName(key, at.index(i), out));
  }
  if (selector) {
    const seen = new Set(Object.keys(selector.matchLabels ?? {}));
    for (const { key } of selector.matchExpressions ?? []) {
      const i = match?.lastIndexOf(key) ?? -1;
      if (i >= 0 && seen.has(key)) {
        out.push(invalidField(path.index(i), key, 'exists in both matchLabelKeys and labelSelector'));
      }
      seen.add(key);
    }
  }
  match?.forEach((key, i) => {
    if (!mismatch?.includes(key)) return;
    const detail = 'exists in both matchLabelKeys and mismatchLabelKeys';
    out.push(invalidField(path.child('matchLabelKeys').index(i), key, detail));
  });
}

export const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(
  tolerations: readonly Toleration[] | undefined,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  tolerations?.forEach((t, i) => {
    const at = path.index(i);
    if (t.key) validateLabelName(t.key, at.child('key'), out);
    const operator = t.operator ?? '';
    const value = t.value ?? '';
    if (!t.key && operator !== 'Exists') {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      out.push(invalidField(at.child('operator'), operator, detail));
    }
    if (t.tolerationSeconds != null && t.effect !== 'NoExecute') {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      out.push(invalidField(at.child('effect'), t.effect ?? '', detail));
    }
    if (operator === 'Equal' || operator === '') {
      const messages = isLabelValue(value);
      if (messages.length > 0) out.push(invalidField(at.child('operator'), value, messages.join(';')));
    } else if (operator === 'Exists') {
      if (value) out.push(invalidField(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"));
    } else if (operator === 'Lt' || operator === 'Gt') {
      if (!options.allowTaintComparison) {
        out.push(notSupported(at.child('operator'), operator, ['Equal', 'Exists', 'Lt', 'Gt']));
      }
    } else out.push(notSupported(at.child('operator'), operator, ['Equal', 'Exists']));
    if (t.effect) supported(t.effect, TAINT_EFFECTS, at.child('effect'), out);
  });
}

export function validateSpreadConstraints(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  constraints?.forEach((c, i) => {
    const at = path.index(i);
    positive(c.maxSkew, at.child('maxSkew'), out);
    if (!c.topologyKey) out.push(requiredField(at.child('topologyKey'), 'can not be empty'));
    const when = c.whenUnsatisfiable ?? '';
    supported(when, ['DoNotSchedule', 'ScheduleAnyway'], at.child('whenUnsatisfiable'), out);
    const same = (o: TopologySpreadConstraint) =>
      o.topologyKey === c.topologyKey && o.whenUnsatisfiable === c.whenUnsatisfiable;
    if (constraints.slice(i + 1).some(same)) {
      const field = at.child('{topologyKey, whenUnsatisfiable}');
      out.push(duplicateField(field, `{${c.topologyKey ?? ''}, ${when}}`));
    }
    if (c.minDomains != null) {
      positive(c.minDomains, at.child('minDomains'), out);
      if (when !== 'DoNotSchedule') {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${when}`;
        out.push(invalidField(at.child('minDomains'), c.minDomains, detail));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      supported(c[field], ['Honor', 'Ignore'], at.child(field), out);
    }
    validateMatchLabelKeys(c.matchLabelKeys, undefined, c.labelSelector, at, out);
    if (!options.allowInvalidSpreadSelectors) {
      out.push(...validateLabelSelector(c.labelSelector, {}, at.child('labelSelector')));
    }
  });
}
