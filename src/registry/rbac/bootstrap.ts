/**
 * The bootstrap policy as objects. Pure; reconciled into the cluster by the API server's post-start hook (apiserver/authz).
 * Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy
 */
import type { PolicyRule, Role, RoleBinding, Subject } from '../../machinery/authorization/policy-rules.ts';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES } from './bootstrap-policy.ts';

export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = 'rbac.authorization.k8s.io/v1';

export interface BootstrapPolicy {
  clusterRoles: Role[];
  clusterRoleBindings: RoleBinding[];
  roles: Role[];
  roleBindings: RoleBinding[];
}

/** Fresh objects with every call. */
export function bootstrapPolicy(): BootstrapPolicy {
  const clusterRoles = parseRoles(CLUSTER_ROLES, 'ClusterRole');
  const controllers = clusterRoles.map((r) => r.metadata.name!).filter((n) => n.startsWith('system:controller:'));
  const controllerBindings = controllers.map(
    (n) => `${n} ClusterRole/${n} sa:kube-system/${n.slice('system:controller:'.length)}`,
  );
  return {
    clusterRoles,
    clusterRoleBindings: parseBindings(
      `${CLUSTER_ROLE_BINDINGS}${controllerBindings.join('\n')}`,
      'ClusterRoleBinding',
    ),
    roles: parseRoles(ROLES, 'Role'),
    roleBindings: parseBindings(ROLE_BINDINGS, 'RoleBinding'),
  };
}

function metadata(name: string, labels: string[] = []) {
  const slash = name.indexOf('/');
  return {
    annotations: { [AUTOUPDATE]: 'true' },
    labels: {
      'kubernetes.io/bootstrapping': 'rbac-defaults',
      ...Object.fromEntries(labels.map((l) => [`${GROUP}/${l}`, 'true'])),
    },
    name: name.slice(slash + 1),
    ...(slash < 0 ? {} : { namespace: name.slice(0, slash) }),
  };
}

function parseRoles(text: string, kind: string): Role[] {
  const roles: Role[] = [];
  for (const line of text.split('\n').filter(Boolean)) {
    if (line.startsWith('  ')) {
      const role = roles.at(-1)!;
      role.rules = [...(role.rules ?? []), parseRule(line)];
      continue;
    }
    const [name, ...marks] = line.split(' ');
    const of = (sign: string) => marks.filter((m) => m.startsWith(sign)).map((m) => m.slice(1));
    const selectors = of('=').map((l) => ({ matchLabels: { [`${GROUP}/${l}`]: 'true' } }));
    roles.push({
      ...(selectors.length ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
      apiVersion: API_VERSION,
      kind,
      metadata: metadata(name!, of('+')),
      rules: null,
    });
  }
  return roles;
}

function parseRule(line: string): PolicyRule {
  const [verbs, second, resources, names] = line
    .trim()
    .split(' ')
    .map((w) => w.split(','));
  if (resources === undefined) return { nonResourceURLs: second!, verbs: verbs! };
  const apiGroups = second!.map((g) => (g === 'core' ? '' : g));
  return { apiGroups, ...(names ? { resourceNames: names } : {}), resources, verbs: verbs! };
}

function parseBindings(text: string, kind: string): RoleBinding[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name, ref, subjects] = line.split(' ');
      const slash = ref!.indexOf('/');
      return {
        apiVersion: API_VERSION,
        kind,
        metadata: metadata(name!),
        roleRef: { apiGroup: GROUP, kind: ref!.slice(0, slash), name: ref!.slice(slash + 1) },
        ...(subjects ? { subjects: subjects.split(',').map(parseSubject) } : {}),
      };
    });
}

function parseSubject(text: string): Subject {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  if (text.startsWith('u:')) return { apiGroup: GROUP, kind: 'User', name: rest };
  if (text.startsWith('g:')) return { apiGroup: GROUP, kind: 'Group', name: rest };
  const slash = rest.indexOf('/');
  return { kind: 'ServiceAccount', name: rest.slice(slash + 1), namespace: rest.slice(0, slash) };
}
