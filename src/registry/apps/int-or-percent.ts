/** Numbers or percentages of replicas. Upstream: pkg/apis/apps/validation/validation.go ValidatePositiveIntOrPercent */
import { invalidField, type Path } from '../../machinery/validation/field-error.ts';
import { isValidPercent } from '../../machinery/validation/names.ts';
import { type Errors, invalidEach, nonNegative } from '../validation/values.ts';

type IntOrString = number | string;

export function validateIntOrPercent(value: IntOrString | undefined, path: Path, out: Errors): void {
  if (typeof value === 'string') invalidEach(isValidPercent(value), path, value, out);
  else nonNegative(value ?? 0, path, out);
}

function percent(value: IntOrString | undefined): number | undefined {
  return typeof value === 'string' && isValidPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined;
}

/** The number, or the number before the percent sign; 0 for what is neither. */
export function intOrPercentValue(value: IntOrString | undefined): number {
  return percent(value) ?? (typeof value === 'number' ? value : Number.parseInt(value ?? '', 10) || 0);
}

export function atMost100Percent(value: IntOrString | undefined, path: Path, out: Errors): void {
  if ((percent(value) ?? 0) > 100) out.push(invalidField(path, value, 'must not be greater than 100%'));
}
