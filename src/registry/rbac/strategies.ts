/** Roles and bindings. Upstream: pkg/apis/rbac/{v1/defaults.go,validation/validation.go}, pkg/registry/rbac */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../api/rbac-v1.ts';
import { hasInvalidLabelValue, validateLabelSelector } from '../../machinery/labels/validate.ts';
import { invalidField, notSupported, Path, requiredField } from '../../machinery/validation/field-error.ts';
import { isPathSegmentName, validateServiceAccountName } from '../../machinery/validation/names.ts';
import { usableSelector } from '../apps/workload.ts';
import type { Strategy } from '../generic/strategy.ts';
import { type Errors, invalidEach, required } from '../validation/values.ts';

const GROUP = 'rbac.authorization.k8s.io';
const validateName = (name: string): string[] => isPathSegmentName(name);
const common = { allowUnconditionalUpdate: true, allowCreateOnUpdate: true, validateName };

function validateRules(rules: readonly PolicyRule[] | undefined | null, namespaced: boolean, out: Errors): void {
  rules?.forEach((rule, i) => {
    const at = Path.root('rules').index(i);
    if (!rule.verbs?.length) out.push(requiredField(at.child('verbs'), 'verbs must contain at least one value'));
    const urls = rule.nonResourceURLs ?? [];
    if (urls.length > 0) {
      const field = at.child('nonResourceURLs');
      if (namespaced) out.push(invalidField(field, urls, 'namespaced rules cannot apply to non-resource URLs'));
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        out.push(invalidField(field, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
      }
      return;
    }
    if (!rule.apiGroups?.length)
      out.push(requiredField(at.child('apiGroups'), 'resource rules must supply at least one api group'));
    if (!rule.resources?.length)
      out.push(requiredField(at.child('resources'), 'resource rules must supply at least one resource'));
  });
}

function validateRole(role: Role): Errors {
  const out: Errors = [];
  validateRules(role.rules, true, out);
  return out;
}

export const roleStrategy: Strategy<Role> = {
  ...common,
  default(role) {
    role.rules ??= null as never;
  },
  validate: validateRole,
  validateUpdate: validateRole,
};

function validateClusterRole(role: ClusterRole, allowInvalidLabelValues: boolean): Errors {
  const out: Errors = [];
  validateRules(role.rules, false, out);
  if (!role.aggregationRule) return out;
  const path = Path.root('aggregationRule', 'clusterRoleSelectors');
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    out.push(requiredField(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  }
  selectors.forEach((selector, i) => {
    out.push(...validateLabelSelector(selector, { allowInvalidLabelValues }, path.index(i)));
    if (!usableSelector(selector)) out.push(invalidField(path.index(i), null, 'invalid label selector.'));
  });
  return out;
}

export const clusterRoleStrategy: Strategy<ClusterRole> = {
  ...common,
  default(role) {
    role.rules ??= null as never;
  },
  validate: (role) => validateClusterRole(role, false),
  validateUpdate: (role, old) =>
    validateClusterRole(role, old.aggregationRule?.clusterRoleSelectors?.some(hasInvalidLabelValue) ?? false),
};

interface Binding {
  roleRef: RoleRef;
  subjects?: Subject[];
}

function defaultBinding(binding: Binding): void {
  binding.roleRef ??= {} as RoleRef;
  binding.roleRef.apiGroup ||= GROUP;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP;
  }
}

function validateSubject(subject: Subject, namespaced: boolean, path: Path, out: Errors): void {
  required(subject.name, path.child('name'), out);
  const group = subject.apiGroup ?? '';
  if (subject.kind === 'ServiceAccount') {
    if (subject.name)
      invalidEach(validateServiceAccountName(subject.name, false), path.child('name'), subject.name, out);
    if (group) out.push(notSupported(path.child('apiGroup'), group, ['']));
    if (!namespaced) required(subject.namespace, path.child('namespace'), out);
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    if (group !== GROUP) out.push(notSupported(path.child('apiGroup'), group, [GROUP]));
  } else out.push(notSupported(path.child('kind'), subject.kind ?? '', ['ServiceAccount', 'User', 'Group']));
}

function validateBinding(binding: Binding, namespaced: boolean): Errors {
  const out: Errors = [];
  const path = Path.root('roleRef');
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef;
  if (apiGroup !== GROUP) out.push(notSupported(path.child('apiGroup'), apiGroup, [GROUP]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(kind)) out.push(notSupported(path.child('kind'), kind, kinds));
  if (!name) out.push(requiredField(path.child('name')));
  else invalidEach(isPathSegmentName(name), path.child('name'), name, out);
  binding.subjects?.forEach(
    (subject, i) => void validateSubject(subject, namespaced, Path.root('subjects').index(i), out),
  );
  return out;
}

function validateBindingUpdate(binding: Binding, old: Binding, namespaced: boolean): Errors {
  const out = validateBinding(binding, namespaced);
  const [now, before] = [binding.roleRef, old.roleRef];
  if (now.apiGroup !== before.apiGroup || now.kind !== before.kind || now.name !== before.name) {
    const shown = { APIGroup: now.apiGroup, Kind: now.kind, Name: now.name };
    out.push(invalidField('roleRef', shown, 'cannot change roleRef'));
  }
  return out;
}

export const roleBindingStrategy: Strategy<RoleBinding> = {
  ...common,
  default: defaultBinding,
  validate: (binding) => validateBinding(binding, true),
  validateUpdate: (binding, old) => validateBindingUpdate(binding, old, true),
};

export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = {
  ...common,
  default: defaultBinding,
  validate: (binding) => validateBinding(binding, false),
  validateUpdate: (binding, old) => validateBindingUpdate(binding, old, false),
};
