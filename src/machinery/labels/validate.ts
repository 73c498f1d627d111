/**
 * Validation of metav1.LabelSelector inside objects, with paths. Upstream: apis/meta/v1/validation/validation.go
 */
import type { FieldError, Path } from '../validation/field-error.ts';
import { forbiddenField, invalidField, requiredField } from '../validation/field-error.ts';
import { isLabelValue } from '../validation/names.ts';
import { validateLabelName, validateLabels } from '../validation/object-meta.ts';
import type { LabelSelector } from './selector.ts';

export interface LabelSelectorRules {
  /** Values that were stored by an older server keep passing. */
  allowInvalidLabelValues?: boolean;
  allowUnknownOperators?: boolean;
}

export function validateLabelSelector(
  selector: LabelSelector | undefined | null,
  rules: LabelSelectorRules,
  path: Path,
): FieldError[] {
  if (selector === undefined || selector === null) return [];
  const errs = validateLabels(selector.matchLabels, path.child('matchLabels'));
  for (const [i, e] of (selector.matchExpressions ?? []).entries()) {
    errs.push(...validateRequirement(e, rules, path.child('matchExpressions').index(i)));
  }
  return errs;
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

export function validateRequirement(e: Expression, rules: LabelSelectorRules, path: Path): FieldError[] {
  const errs: FieldError[] = [];
  const values = e.values ?? [];
  if (e.operator === 'In' || e.operator === 'NotIn') {
    if (values.length === 0) {
      errs.push(requiredField(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
    }
  } else if (e.operator === 'Exists' || e.operator === 'DoesNotExist') {
    if (values.length > 0) {
      errs.push(
        forbiddenField(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  } else if (!rules.allowUnknownOperators) {
    errs.push(invalidField(path.child('operator'), e.operator ?? '', 'not a valid selector operator'));
  }
  errs.push(...validateLabelName(e.key ?? '', path.child('key')));
  if (rules.allowInvalidLabelValues) return errs;
  for (const [i, v] of values.entries()) {
    for (const msg of isLabelValue(v)) errs.push(invalidField(path.child('values').index(i), v, msg));
  }
  return errs;
}

export function hasInvalidLabelValue(selector: LabelSelector | undefined | null): boolean {
  return (selector?.matchExpressions ?? []).some((e) => (e.values ?? []).some((v) => isLabelValue(v).length > 0));
}
