/** Webhook configurations and admission policies. Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation} */
import type {
  MatchResources,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../api/admissionregistration-v1.ts';
import { validateLabelSelector } from '../../machinery/labels/validate.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import {
  duplicateField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { type Errors, inclusiveRange, invalidEach, required, supported } from '../validation/values.ts';

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

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

function validateRule(rule: RuleWithOperations, path: Path, out: Errors): void {
  const wildcard = (list: readonly string[], at: Path, what: string) => {
    if (list.length > 1 && list.includes('*')) {
      out.push(invalidField(at, list, `if '*' is present, must not specify other ${what}`));
    }
  };
  const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
  if (!rule.operations?.length) out.push(requiredField(path.child('operations')));
  else if (rule.operations.length > 1 && rule.operations.includes('*')) {
    out.push(
      invalidField(path.child('operations'), rule.operations, "if '*' is present, must not specify other operations"),
    );
  }
  rule.operations?.forEach(
    (operation, i) => void supported(operation, operations, path.child('operations').index(i), out),
  );
  if (!rule.apiGroups?.length) out.push(requiredField(path.child('apiGroups')));
  else wildcard(rule.apiGroups, path.child('apiGroups'), 'API groups');
  if (!rule.apiVersions?.length) out.push(requiredField(path.child('apiVersions')));
  else wildcard(rule.apiVersions, path.child('apiVersions'), 'API versions');
  rule.apiVersions?.forEach((version, i) => {
    if (version === '') out.push(requiredField(path.child('apiVersions').index(i)));
  });
  if (!rule.resources?.length) out.push(requiredField(path.child('resources')));
  rule.resources?.forEach((resource, i) => {
    if (resource === '') out.push(requiredField(path.child('resources').index(i)));
  });
  supported(rule.scope, ['*', 'Cluster', 'Namespaced'], path.child('scope'), out);
}

function validateServicePath(path: string, at: Path, out: Errors): void {
  if (path === '/') return;
  if (path === '//') {
    out.push(invalidField(at, path, 'segment[0] may not be empty'));
    return;
  }
  if (!path.startsWith('/')) out.push(invalidField(at, path, "must start with a '/'"));
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  for (const [i, segment] of segments.entries()) {
    if (segment === '') out.push(invalidField(at, path, `segment[${i}] may not be empty`));
    else
      for (const message of isDNS1123Subdomain(segment)) out.push(invalidField(at, path, `segment[${i}]: ${message}`));
  }
}

function validateClient(config: Webhook['clientConfig'], path: Path, out: Errors): void {
  const { url, service } = config;
  if ((url == null) === (service == null)) out.push(requiredField(path, 'exactly one of url or service is required'));
  else if (url != null) {
    const at = path.child('url');
    const example = '; desired format: https://host[/path]';
    let parsed: URL | undefined;
    try {
      parsed = new URL(url);
    } catch {
      out.push(requiredField(at, `url must be a valid URL: ${JSON.stringify(url)}${example}`));
    }
    if (!parsed) return;
    if (parsed.protocol !== 'https:') {
      const scheme = JSON.stringify(parsed.protocol.slice(0, -1));
      out.push(
        invalidField(
          at,
          parsed.protocol.slice(0, -1),
          `'https' is the only allowed URL scheme${example}`.replace('%', scheme),
        ),
      );
    }
    if (parsed.username || parsed.password)
      out.push(invalidField(at, parsed.username, 'user information is not permitted in the URL'));
    if (parsed.hash) out.push(invalidField(at, parsed.hash.slice(1), 'fragments are not permitted in the URL'));
    if (parsed.search)
      out.push(invalidField(at, parsed.search.slice(1), 'query parameters are not permitted in the URL'));
  } else {
    const at = path.child('service');
    required(service!.name, at.child('name'), out);
    required(service!.namespace, at.child('namespace'), out);
    const port = service!.port ?? 443;
    if (port < 1 || port > 65535)
      out.push(invalidField(at.child('port'), port, `port is not valid: ${inclusiveRange(1, 65535)}`));
    if (service!.path) validateServicePath(service!.path, at.child('path'), out);
  }
}

function validateWebhooks(hooks: readonly Webhook[] | undefined): Errors {
  const out: Errors = [];
  const names = new Set<string>();
  hooks?.forEach((hook, i) => {
    const at = Path.root('webhooks').index(i);
    const name = hook.name ?? '';
    const field = at.child('name');
    if (!name) out.push(requiredField(field));
    else {
      const messages = isDNS1123Subdomain(name);
      if (messages.length > 0) out.push(invalidField(field, name, messages.join(',')));
      else if (name.split('.').length < 3) {
        out.push(invalidField(field, name, 'should be a domain with at least three segments separated by dots'));
      }
    }
    if (names.has(name)) out.push(duplicateField(field, name));
    names.add(name);
    hook.rules?.forEach((rule, j) => void validateRule(rule, at.child('rules').index(j), out));
    supported(hook.failurePolicy, ['Fail', 'Ignore'], at.child('failurePolicy'), out);
    supported(hook.matchPolicy, ['Equivalent', 'Exact'], at.child('matchPolicy'), out);
    if (!hook.sideEffects) out.push(requiredField(at.child('sideEffects'), 'must specify one of None, NoneOnDryRun'));
    else if (hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') {
      out.push(notSupported(at.child('sideEffects'), hook.sideEffects, ['None', 'NoneOnDryRun']));
    }
    const seconds = hook.timeoutSeconds;
    if (seconds != null && (seconds > 30 || seconds < 1)) {
      out.push(invalidField(at.child('timeoutSeconds'), seconds, 'the timeout value must be between 1 and 30 seconds'));
    }
    if (!hook.admissionReviewVersions?.length) {
      out.push(requiredField(at.child('admissionReviewVersions'), 'must specify one of v1, v1beta1'));
    } else if (!hook.admissionReviewVersions.some((v) => v === 'v1' || v === 'v1beta1')) {
      const detail = 'must include at least one of v1, v1beta1';
      out.push(invalidField(at.child('admissionReviewVersions'), hook.admissionReviewVersions, detail));
    }
    for (const selector of ['namespaceSelector', 'objectSelector'] as const) {
      out.push(...validateLabelSelector(hook[selector], {}, at.child(selector)));
    }
    supported(hook.reinvocationPolicy, ['IfNeeded', 'Never'], at.child('reinvocationPolicy'), out);
    validateClient(hook.clientConfig, at.child('clientConfig'), out);
    hook.matchConditions?.forEach((condition, j) => {
      const where = at.child('matchConditions').index(j);
      required(condition.expression?.trim(), where.child('expression'), out);
      if (!condition.name) out.push(requiredField(where.child('name')));
      else invalidEach(isDNS1123Subdomain(condition.name.toLowerCase()), where.child('name'), condition.name, out);
    });
  });
  return out;
}

function webhookStrategy<T extends KubeObject & { webhooks?: Webhook[] }>(mutating: boolean): Strategy<T> {
  return specStatusStrategy<T>({
    generation: ['webhooks'],
    allowUnconditionalUpdate: false,
    default(object) {
      for (const hook of object.webhooks ?? []) defaultWebhook(hook, mutating);
    },
    validate: (object) => validateWebhooks(object.webhooks),
    validateUpdate: (object) => validateWebhooks(object.webhooks),
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
    ...(options.status && { status: {} }),
  });
}

export const validatingPolicyStrategy = policyStrategy({ binding: false, status: true });
export const mutatingPolicyStrategy = policyStrategy({ binding: false, status: false });
export const policyBindingStrategy = policyStrategy({ binding: true, status: false });
