/** Runtime classes. Upstream: pkg/apis/node/validation/validation.go, pkg/registry/node/runtimeclass */
import type { Toleration } from '../../api/core-v1.ts';
import type { RuntimeClass } from '../../api/node-v1.ts';
import { duplicateField, Path, requiredField } from '../../machinery/validation/field-error.ts';
import { validateLabels } from '../../machinery/validation/object-meta.ts';
import { validateContainerResources } from '../core/pods/resources.ts';
import { validateTolerations } from '../core/pods/scheduling.ts';
import { defaultResourceList } from '../core/resource-defaults.ts';
import type { Strategy } from '../generic/strategy.ts';
import { dnsLabel, type Errors, immutable } from '../validation/values.ts';

function validateRuntimeClass(runtime: RuntimeClass): Errors {
  const out: Errors = [];
  if (!runtime.handler) out.push(requiredField('handler'));
  else dnsLabel(runtime.handler, Path.root('handler'), out);
  const fixed = runtime.overhead?.podFixed;
  if (fixed) validateContainerResources({ limits: fixed }, new Set(), Path.root('overhead'), {}, out);
  const { nodeSelector, tolerations } = runtime.scheduling ?? {};
  const path = Path.root('scheduling');
  if (nodeSelector) out.push(...validateLabels(nodeSelector, path.child('nodeSelector')));
  validateTolerations(tolerations, path.child('tolerations'), {}, out);
  const seen = new Set<string>();
  tolerations?.forEach((t: Toleration, i) => {
    const key = [t.key, t.operator, t.value, t.effect].map((s) => s ?? '').join('\0');
    if (seen.has(key)) {
      const shown = {
        Key: t.key ?? '',
        Operator: t.operator ?? '',
        Value: t.value ?? '',
        Effect: t.effect ?? '',
        TolerationSeconds: t.tolerationSeconds ?? null,
      };
      out.push(duplicateField(path.child('tolerations').index(i), shown));
    }
    seen.add(key);
  });
  return out;
}

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  default(runtime) {
    defaultResourceList(runtime.overhead?.podFixed);
  },
  validate: validateRuntimeClass,
  validateUpdate(runtime, old) {
    const out = validateRuntimeClass(runtime);
    immutable(runtime.handler, old.handler, Path.root('handler'), out);
    return out;
  },
};
