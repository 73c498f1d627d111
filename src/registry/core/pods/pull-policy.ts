/** When images are pulled. Upstream: pkg/apis/core/validation/validation.go validatePullPolicy */
import type { Path } from '../../../machinery/validation/field-error.ts';
import { type Errors, oneOf } from '../../validation/values.ts';

export function validatePullPolicy(policy: string | undefined, path: Path, out: Errors): void {
  oneOf(policy, ['Always', 'IfNotPresent', 'Never'], path, out);
}
