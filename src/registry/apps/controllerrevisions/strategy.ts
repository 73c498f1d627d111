/** Controller revisions. Upstream: pkg/registry/apps/controllerrevision/strategy.go, ValidateControllerRevisionCreate */
import type { ControllerRevision } from '../../../api/apps-v1.ts';
import { Path, requiredField } from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { type Errors, immutable, nonNegative } from '../../validation/values.ts';

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  allowUnconditionalUpdate: true,
  validate(revision) {
    const out: Errors = [];
    nonNegative(revision.revision, Path.root('revision'), out);
    const data: unknown = revision.data;
    if (data === undefined || data === null) out.push(requiredField('data', 'data is mandatory'));
    else if (typeof data !== 'object' || Array.isArray(data))
      out.push(requiredField('data', 'data must be a valid JSON object'));
    return out;
  },
  validateUpdate(revision, old) {
    const out: Errors = [];
    nonNegative(revision.revision, Path.root('revision'), out);
    immutable(revision.data, old.data, Path.root('data'), out);
    return out;
  },
};
