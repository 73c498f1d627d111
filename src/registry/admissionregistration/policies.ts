/** Rules of bindings of admission policies. Upstream: pkg/apis/admissionregistration/validation/validation.go */
import type {
  MatchResources,
  NamedRuleWithOperations,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from '../../api/admissionregistration-v1.ts';
import { validateLabelSelector } from '../../machinery/labels/validate.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isPathSegmentName } from '../../machinery/validation/names.ts';
import { dnsSubdomain, type Errors, invalidEach, supported } from '../validation/values.ts';
import { validateRule } from './webhooks.ts';

const SPEC = Path.root('spec');
const EXCLUSIVE = 'name and selector are mutually exclusive';

export function validatePolicyBinding(binding: ValidatingAdmissionPolicyBinding): Errors {
  const spec: Partial<NonNullable<ValidatingAdmissionPolicyBinding['spec']>> = binding.spec ?? {};
  const out: Errors = [];
  if (!spec.policyName) out.push(requiredField(SPEC.child('policyName')));
  else dnsSubdomain(spec.policyName, SPEC.child('policyName'), out);
  if (spec.paramRef) validateParamRef(spec.paramRef, SPEC.child('paramRef'), out);
  if (spec.matchResources) validateMatchResources(spec.matchResources, SPEC.child('matchResources'), out);
  validateActions(spec.validationActions ?? [], SPEC.child('validationActions'), out);
  return out;
}

function validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef, at: Path, out: Errors): void {
  if (name) {
    invalidEach(isPathSegmentName(name), at.child('name'), name, out);
    if (selector) out.push(forbiddenField(at.child('name'), EXCLUSIVE));
  }
  if (selector) {
    out.push(...validateLabelSelector(selector, {}, at.child('selector')));
    if (name) out.push(forbiddenField(at.child('selector'), EXCLUSIVE));
  }
  if (!name && !selector) out.push(requiredField(at, 'one of name or selector must be specified'));
  const field = at.child('parameterNotFoundAction');
  if (!action) out.push(requiredField(field));
  else if (action !== 'Deny' && action !== 'Allow') out.push(notSupported(field, action, ['Deny', 'Allow']));
}

function validateMatchResources(match: MatchResources, at: Path, out: Errors): void {
  supported(match.matchPolicy, ['Equivalent', 'Exact'], at.child('matchPolicy'), out);
  for (const selector of ['namespaceSelector', 'objectSelector'] as const)
    out.push(...validateLabelSelector(match[selector], {}, at.child(selector)));
  for (const list of ['resourceRules', 'excludeResourceRules'] as const)
    match[list]?.forEach((rule, i) => void validateNamedRule(rule, at.child(list).index(i), out));
}

function validateNamedRule(rule: NamedRuleWithOperations, at: Path, out: Errors): void {
  rule.resourceNames?.forEach((name, i) => {
    const field = at.child('resourceNames').index(i);
    invalidEach(isPathSegmentName(name), field, name, out);
    if (rule.resourceNames!.indexOf(name) < i) out.push(duplicateField(field, name));
  });
  validateRule(rule, at, out);
}

function validateActions(actions: readonly string[], at: Path, out: Errors): void {
  actions.forEach((action, i) => {
    supported(action, ['Audit', 'Deny', 'Warn'], at.index(i), out);
    if (actions.indexOf(action) < i) out.push(duplicateField(at.index(i), action));
  });
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    out.push(invalidField(at, actions, why));
  }
  if (actions.length === 0) out.push(requiredField(at, 'at least one validation action is required'));
}
