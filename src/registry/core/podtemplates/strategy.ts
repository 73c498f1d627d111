/** Pod templates. Upstream: pkg/registry/core/podtemplate/strategy.go */
import type { PodTemplate } from '../../../api/core-v1.ts';
import { Path } from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import type { Errors } from '../../validation/values.ts';
import { defaultPodTemplate } from '../pods/defaults.ts';
import { podOptions } from '../pods/options.ts';
import { warnOfTemplate } from '../pods/template-warnings.ts';
import { validatePodTemplate } from '../pods/validation.ts';

const TEMPLATE = Path.root('template');

export const podTemplateStrategy: Strategy<PodTemplate> = specStatusStrategy<PodTemplate>({
  generation: ['template'],
  default(object) {
    object.template ??= {};
    defaultPodTemplate(object.template);
  },
  warn(object, old, context) {
    if (old && object.metadata.generation === old.metadata.generation) return;
    warnOfTemplate(object, object.template, TEMPLATE, context, false);
  },
  validate(object) {
    const out: Errors = [];
    validatePodTemplate(object.template!, TEMPLATE, podOptions(undefined, undefined, false), out);
    return out;
  },
  validateUpdate(object, old) {
    const out: Errors = [];
    const options = podOptions(old.template?.spec, old.template?.metadata, false);
    validatePodTemplate(object.template!, TEMPLATE, options, out);
    return out;
  },
});
