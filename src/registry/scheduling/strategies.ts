/** Priority classes. Upstream: pkg/apis/scheduling/validation/validation.go, pkg/registry/scheduling */
import type { PriorityClass } from '../../api/scheduling-v1.ts';
import { forbidden } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { forbiddenField, Path } from '../../machinery/validation/field-error.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { type Errors, immutable, oneOf } from '../validation/values.ts';

const PRIORITY_CLASSES = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };
const SYSTEM: Record<string, number> = { 'system-node-critical': 2000001000, 'system-cluster-critical': 2000000000 };

function validatePriorityClass(priority: PriorityClass): Errors {
  const out: Errors = [];
  const name = priority.metadata.name ?? '';
  const value = priority.value ?? 0;
  if (name.startsWith('system-')) {
    const known = SYSTEM[name];
    let problem: string | undefined;
    if (known === undefined) problem = `${name} is not a known system priority class`;
    else if (known !== value) problem = `value of ${name} PriorityClass must be ${known}`;
    else if (priority.globalDefault) problem = `globalDefault of ${name} PriorityClass must be false`;
    if (problem) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`;
      out.push(forbiddenField(Path.root('metadata', 'name'), detail));
    }
  } else if (value > 1000000000) {
    out.push(forbiddenField('value', 'maximum allowed value of a user defined priority is 1000000000'));
  }
  if (priority.preemptionPolicy != null) {
    oneOf(priority.preemptionPolicy, ['PreemptLowerPriority', 'Never'], Path.root('preemptionPolicy'), out);
  }
  return out;
}

export const priorityClassStrategy: Strategy<PriorityClass> = {
  allowUnconditionalUpdate: true,
  default(priority) {
    priority.value ??= 0;
    priority.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validateDelete({ metadata: { name = '' } }) {
    if (SYSTEM[name] === undefined) return;
    const why = 'this is a system priority class and cannot be deleted';
    throw forbidden(PRIORITY_CLASSES, name, why);
  },
  prepareForCreate(priority) {
    priority.metadata.generation = 1;
  },
  validate: validatePriorityClass,
  validateUpdate(priority, old) {
    const out: Errors = [];
    if (priority.value !== old.value) out.push(forbiddenField('value', 'may not be changed in an update.'));
    immutable(priority.preemptionPolicy, old.preemptionPolicy, Path.root('preemptionPolicy'), out);
    return out;
  },
};

export const podGroupStrategy: Strategy = specStatusStrategy<KubeObject & { spec?: { disruptionMode?: string } }>({
  statusKeeps: 'metadata',
  default(group) {
    group.spec ??= {};
    group.spec.disruptionMode ??= 'Pod';
  },
  status: {},
});
