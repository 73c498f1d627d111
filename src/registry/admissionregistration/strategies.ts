/** Webhook configurations and admission policies. Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation} */
import type {
  MatchResources,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../../api/admissionregistration-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { notEvaluated } from '../expressions.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { validatePolicyBinding } from './policies.ts';
import { validateWebhooks, type Webhook } from './webhooks.ts';

function defaultWebhook(hook: Webhook, mutating: boolean): void {
  hook.failurePolicy ??= 'Fail';
  hook.matchPolicy ??= 'Equivalent';
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= 10;
  if (mutating) hook.reinvocationPolicy ??= 'Never';
  hook.clientConfig ??= {};
  if (hook.clientConfig.service) hook.clientConfig.service.port ??= 443;
  defaultRules(hook.rules);
}

function defaultRules(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

function webhookStrategy<T extends KubeObject & { webhooks?: Webhook[] }>(mutating: boolean): Strategy<T> {
  return specStatusStrategy<T>({
    generation: ['webhooks'],
    allowUnconditionalUpdate: false,
    default(object) {
      for (const hook of object.webhooks ?? []) defaultWebhook(hook, mutating);
    },
    validate: (object) => validateWebhooks(object.webhooks),
    validateUpdate: (object, old) => validateWebhooks(object.webhooks, old.webhooks ?? []),
  });
}

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = webhookStrategy(false);
export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = webhookStrategy(true);

interface Policy extends KubeObject {
  spec?: { failurePolicy?: string; matchConstraints?: MatchResources; matchResources?: MatchResources };
}

function defaultMatch(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

/** `binding`: of a policy to parameters; it has no failure policy and no status. */
function policyStrategy(options: { binding: boolean; status: boolean }): Strategy<Policy> {
  return specStatusStrategy<Policy>({
    generation: ['spec'],
    allowUnconditionalUpdate: false,
    statusKeeps: 'metadata',
    default(policy) {
      policy.spec ??= {};
      if (!options.binding) policy.spec.failurePolicy ??= 'Fail';
      defaultMatch(policy.spec.matchConstraints);
      defaultMatch(policy.spec.matchResources);
    },
    warn(_policy, old, context) {
      if (!options.binding && !old) context.warn(notEvaluated('expressions of admission policies'));
    },
    ...(options.status && { status: {} }),
  });
}

export const validatingPolicyStrategy = policyStrategy({ binding: false, status: true });
export const mutatingPolicyStrategy = policyStrategy({ binding: false, status: false });
export const policyBindingStrategy = policyStrategy({ binding: true, status: false });
export const validatingPolicyBindingStrategy: Strategy<Policy> = {
  ...policyBindingStrategy,
  validate: (binding) => validatePolicyBinding(binding as ValidatingAdmissionPolicyBinding),
  validateUpdate: (binding) => validatePolicyBinding(binding as ValidatingAdmissionPolicyBinding),
};
