/** Flow schemas and priority levels: defaults. Upstream: pkg/apis/flowcontrol/v1/defaults.go, pkg/registry/flowcontrol */
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/flowcontrol-v1.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { validateLevel, validateSchema } from './validation.ts';

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
