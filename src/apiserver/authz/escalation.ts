/**
 * Nobody grants what they do not hold: checks on writes of roles and bindings, run right after mutating admission as upstream does
 * inside its storage. Upstream: pkg/registry/rbac/escalation_check.go, pkg/registry/rbac/<kind>/policybased/storage.go
 */

import { isDeepStrictEqual } from 'node:util';
import type { Admission, Attributes } from '../../admission/admission.ts';
import { type Awaitable, when } from '../../base/when.ts';
import { type Authorizer, attributesOf, type User } from '../../machinery/authorization/authorizer.ts';
import {
  compactRules,
  type PolicyRule,
  quoteList,
  type Role,
  type RoleBinding,
  type RoleRef,
  ruleString,
  uncovered,
} from '../../machinery/authorization/policy-rules.ts';
import { forbidden, notFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

const GROUP = 'rbac.authorization.k8s.io';
const FULL_AUTHORITY: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** The policy as newly as it can be had. */
export interface PolicyReader {
  /** Rules of a role as a binding in `namespace` refers to it; undefined: no such role. */
  rulesOf(
    ref: RoleRef,
    namespace: string,
  ): Promise<readonly PolicyRule[] | undefined> | readonly PolicyRule[] | undefined;
  rulesFor(user: User, namespace: string): { rules: readonly PolicyRule[]; errors: readonly string[] };
}

export interface EscalationOptions {
  authorizer: Authorizer;
  policy: PolicyReader;
}

/** `admission` with the checks between its mutating half and the strategy. */
export function withEscalationChecks(admission: Admission, options: EscalationOptions): Admission {
  return {
    admit: (attributes) => when(admission.admit(attributes), () => checkEscalation(attributes, options)),
    validate: (attributes) => admission.validate(attributes),
  };
}

/** Throws 403 when the write of a role or binding grants more than its writer holds. */
export function checkEscalation(a: Attributes, { authorizer, policy }: EscalationOptions): Awaitable<void> {
  if (a.resource.group !== GROUP || a.subresource !== '' || a.object === undefined) return;
  if (a.operation !== 'CREATE' && a.operation !== 'UPDATE') return;
  if (a.user.groups.includes('system:masters')) return;
  if (a.oldObject !== undefined && isOnlyMutatingGcFields(a.object, a.oldObject)) return;
  switch (a.resource.resource) {
    case 'roles':
    case 'clusterroles':
      return checkRole(a, a.object as Role, { authorizer, policy });
    case 'rolebindings':
    case 'clusterrolebindings':
      return checkBinding(a, a.object as RoleBinding, { authorizer, policy });
  }
}

async function checkRole(a: Attributes, role: Role, { authorizer, policy }: EscalationOptions): Promise<void> {
  const escalate = attributesOf({
    user: a.user,
    verb: 'escalate',
    apiGroup: GROUP,
    apiVersion: '*',
    resource: a.resource.resource,
    namespace: a.namespace,
    name: a.operation === 'CREATE' ? '' : a.name,
  });
  if ((await authorizer.authorize(escalate)).decision === 'Allow') return;
  const resource = { group: GROUP, resource: a.resource.resource };
  const why = missingRights(a.user, a.namespace, role.rules ?? [], policy);
  if (why !== undefined) throw forbidden(resource, role.metadata.name ?? '', why);
  const isAggregated = (r: Role | undefined) => !!r?.aggregationRule?.clusterRoleSelectors?.length;
  if (!isAggregated(role) && !isAggregated(a.oldObject as Role | undefined)) return;
  if (missingRights(a.user, a.namespace, FULL_AUTHORITY, policy) !== undefined)
    throw forbidden(
      resource,
      role.metadata.name ?? '',
      'must have cluster-admin privileges to use the aggregationRule',
    );
}

async function checkBinding(
  a: Attributes,
  binding: RoleBinding,
  { authorizer, policy }: EscalationOptions,
): Promise<void> {
  const ref = binding.roleRef;
  const resource = ref?.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (ref?.kind !== 'ClusterRole' && ref?.kind !== 'Role') return; // validation refuses it with a better message
  const bind = attributesOf({
    user: a.user,
    verb: 'bind',
    apiGroup: ref.apiGroup,
    apiVersion: '*',
    resource,
    name: ref.name,
    namespace: a.namespace,
  });
  if ((await authorizer.authorize(bind)).decision === 'Allow') return;
  const rules = await policy.rulesOf(ref, a.namespace);
  if (rules === undefined) throw notFound({ group: GROUP, resource }, ref.name);
  const why = missingRights(a.user, a.namespace, rules, policy);
  if (why !== undefined)
    throw forbidden({ group: GROUP, resource: a.resource.resource }, binding.metadata.name ?? '', why);
}

/** Upstream: ConfirmNoEscalation; undefined: the user holds all of it. */
function missingRights(
  user: User,
  namespace: string,
  rules: readonly PolicyRule[],
  policy: PolicyReader,
): string | undefined {
  const held = policy.rulesFor(user, namespace);
  const missing = uncovered(held.rules, rules);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(ruleString))].sort();
  const errors = held.errors.length ? `; resolution errors: [${held.errors.join(' ')}]` : '';
  return `user ${JSON.stringify(user.username)} (groups=${quoteList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${errors}`;
}

/** The garbage collector must be able to finish off an object whose rights it does not hold. Upstream: IsOnlyMutatingGCFields */
function isOnlyMutatingGcFields(object: KubeObject, old: KubeObject): boolean {
  const strip = ({
    metadata: { ownerReferences, finalizers, managedFields, selfLink, ...metadata },
    ...rest
  }: KubeObject) => ({ ...rest, metadata });
  return isDeepStrictEqual(strip(object), strip(old));
}
