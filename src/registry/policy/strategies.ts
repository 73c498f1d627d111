/** Disruption budgets. Upstream: pkg/apis/policy/validation/validation.go, pkg/registry/policy/poddisruptionbudget */
import type { PodDisruptionBudget } from '../../api/policy-v1.ts';
import { hasInvalidLabelValue, validateLabelSelector } from '../../machinery/labels/validate.ts';
import { invalidField, Path } from '../../machinery/validation/field-error.ts';
import { isPathSegmentName } from '../../machinery/validation/names.ts';
import { atMost100Percent, validateIntOrPercent } from '../apps/int-or-percent.ts';
import { shownSelector } from '../apps/workload.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { validateConditions } from '../validation/conditions.ts';
import { type Errors, nonNegative, supported } from '../validation/values.ts';

const SPEC = Path.root('spec');
const STATUS = Path.root('status');

function validateBudget(budget: PodDisruptionBudget, allowInvalidLabelValues: boolean): Errors {
  const out: Errors = [];
  const spec = budget.spec ?? {};
  if (spec.minAvailable != null && spec.maxUnavailable != null) {
    const shown = {
      MinAvailable: spec.minAvailable,
      Selector: shownSelector(spec.selector),
      MaxUnavailable: spec.maxUnavailable,
      UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
    };
    out.push(invalidField(SPEC, shown, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    if (spec[field] == null) continue;
    validateIntOrPercent(spec[field], SPEC.child(field), out);
    atMost100Percent(spec[field], SPEC.child(field), out);
  }
  out.push(...validateLabelSelector(spec.selector, { allowInvalidLabelValues }, SPEC.child('selector')));
  supported(
    spec.unhealthyPodEvictionPolicy,
    ['AlwaysAllow', 'IfHealthyBudget'],
    SPEC.child('unhealthyPodEvictionPolicy'),
    out,
  );
  return out;
}

const COUNTS = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = specStatusStrategy<PodDisruptionBudget>({
  generation: ['spec'],
  allowUnconditionalUpdate: false,
  validateName: isPathSegmentName,
  default(budget) {
    budget.spec ??= {};
    for (const field of COUNTS) budget.status![field] ??= 0;
  },
  initialStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  validate: (budget) => validateBudget(budget, false),
  validateUpdate: (budget, old) => validateBudget(budget, hasInvalidLabelValue(old.spec?.selector)),
  status: {
    validate(budget) {
      const out: Errors = [];
      validateConditions(budget.status?.conditions, STATUS.child('conditions'), out);
      for (const field of COUNTS) nonNegative(budget.status?.[field], STATUS.child(field), out);
      return out;
    },
  },
});
