/** Flow schemas and priority levels: defaults. Upstream: pkg/apis/flowcontrol/v1/defaults.go, pkg/registry/flowcontrol */
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/flowcontrol-v1.ts';
import { invalidField, Path, requiredField } from '../../machinery/validation/field-error.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { type Errors, inclusiveRange, oneOf } from '../validation/values.ts';

const SPEC = Path.root('spec');

export const flowSchemaStrategy: Strategy<FlowSchema> = specStatusStrategy<FlowSchema>({
  generation: ['spec'],
  statusKeeps: 'metadata',
  default(schema) {
    schema.spec ??= {} as NonNullable<FlowSchema['spec']>;
    schema.spec.matchingPrecedence ||= 1000;
    schema.spec.priorityLevelConfiguration ??= { name: '' };
  },
  validate: validateSchema,
  validateUpdate: validateSchema,
  status: {},
});

function validateSchema(schema: FlowSchema): Errors {
  const out: Errors = [];
  const spec = schema.spec!;
  const precedence = spec.matchingPrecedence ?? 0;
  if (precedence <= 0 || precedence > 10000) {
    out.push(invalidField(SPEC.child('matchingPrecedence'), precedence, `must be a value between 1 and 10000`));
  }
  if (!spec.priorityLevelConfiguration.name) {
    out.push(requiredField(SPEC.child('priorityLevelConfiguration', 'name'), 'must reference a priority level'));
  }
  return out;
}

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> =
  specStatusStrategy<PriorityLevelConfiguration>({
    generation: ['spec'],
    statusKeeps: 'metadata',
    default(level) {
      level.spec ??= {} as NonNullable<PriorityLevelConfiguration['spec']>;
      const { exempt, limited } = level.spec;
      if (exempt) {
        exempt.nominalConcurrencyShares ??= 0;
        exempt.lendablePercent ??= 0;
      }
      if (!limited) return;
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (!queuing) return;
      queuing.queues ||= 64;
      queuing.handSize ||= 8;
      queuing.queueLengthLimit ||= 50;
    },
    validate: validateLevel,
    validateUpdate: validateLevel,
    status: {},
  });

function validateLevel(level: PriorityLevelConfiguration): Errors {
  const out: Errors = [];
  const spec = level.spec!;
  oneOf(spec.type, ['Exempt', 'Limited'], SPEC.child('type'), out);
  const percent = spec.limited?.lendablePercent;
  if (percent != null && (percent < 0 || percent > 100)) {
    out.push(invalidField(SPEC.child('limited', 'lendablePercent'), percent, inclusiveRange(0, 100)));
  }
  if (spec.type === 'Limited' && !spec.limited)
    out.push(requiredField(SPEC.child('limited'), 'must not be empty when type is Limited'));
  return out;
}
