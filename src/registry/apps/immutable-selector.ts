/** spec.selector stays as it was created. Upstream: ValidateImmutableField on spec.selector */
import type { LabelSelector } from '../../api/meta-v1.ts';
import { invalidField } from '../../machinery/validation/field-error.ts';
import { semanticEqual } from '../validation/semantic-equal.ts';
import { type Errors, IMMUTABLE } from '../validation/values.ts';
import { SPEC, shownSelector } from './workload.ts';

export function immutableSelector(now: LabelSelector | undefined, old: LabelSelector | undefined, out: Errors): void {
  if (!semanticEqual(now, old)) out.push(invalidField(SPEC.child('selector'), shownSelector(now), IMMUTABLE));
}
