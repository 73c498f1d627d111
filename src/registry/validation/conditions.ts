/** Rules of metav1.Condition lists. Upstream: apimachinery/pkg/apis/meta/v1/validation/validation.go ValidateConditions */
import {
  duplicateField,
  invalidField,
  type Path,
  requiredField,
  tooLong,
} from '../../machinery/validation/field-error.ts';
import { type Errors, qualifiedName, supported } from './values.ts';

export interface ConditionLike {
  type?: string;
  status?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

export function validateConditions(conditions: readonly ConditionLike[] | undefined, path: Path, out: Errors): void {
  const first = new Map<string, number>();
  conditions?.forEach((condition, i) => {
    const at = path.index(i);
    const { type = '', reason = '', message = '' } = condition;
    if (first.has(type)) out.push(duplicateField(at.child('type'), type));
    else first.set(type, i);
    qualifiedName(type, at.child('type'), out);
    supported(condition.status ?? '', ['False', 'True', 'Unknown'], at.child('status'), out);
    const { observedGeneration } = condition;
    if (observedGeneration != null && observedGeneration < 0) {
      const detail = 'must be greater than or equal to zero';
      out.push(invalidField(at.child('observedGeneration'), observedGeneration, detail));
    }
    if (!condition.lastTransitionTime) out.push(requiredField(at.child('lastTransitionTime')));
    if (!reason) out.push(requiredField(at.child('reason')));
    else {
      if (!REASON.test(reason)) {
        const regex = "regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'";
        const detail = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', ${regex})`;
        out.push(invalidField(at.child('reason'), reason, detail));
      }
      if (reason.length > 1024) out.push(tooLong(at.child('reason'), 1024));
    }
    if (message.length > 32768) out.push(tooLong(at.child('message'), 32768));
  });
}
