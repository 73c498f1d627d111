/** RBAC decisions, their reasons, forbidden texts, and what may not be granted. */
import assert from 'node:assert/strict';
import type { Attributes } from '../../admission/admission.ts';
import { attributesOf, forbiddenError, type User } from '../../machinery/authorization/authorizer.ts';
import type { PolicyRule, Role, RoleBinding, Subject } from '../../machinery/authorization/policy-rules.ts';
import type { StatusError } from '../../machinery/errors/status-error.ts';
import { bootstrapPolicy } from '../../registry/rbac/bootstrap.ts';
import { checkEscalation } from './escalation.ts';
import { PolicyIndex, policyRulesFor, rbacAuthorizer } from './rbac.ts';

const user = (username: string, ...groups: string[]): User => ({ username, groups });
const role = (name: string, namespace: string, ...rules: PolicyRule[]): Role => ({
  metadata: { name, namespace },
  rules,
});
const binding = (
  name: string,
  namespace: string,
  kind: string,
  roleName: string,
  ...subjects: Subject[]
): RoleBinding => ({
  metadata: namespace === '' ? { name } : { name, namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
  subjects,
});
const pods = (...verbs: string[]): PolicyRule => ({ apiGroups: [''], resources: ['pods'], verbs });

function indexed(): PolicyIndex {
  const index = new PolicyIndex();
  const p = bootstrapPolicy();
  for (const r of p.clusterRoles) index.put('clusterroles', r);
  for (const b of p.clusterRoleBindings) index.put('clusterrolebindings', b);
  for (const r of p.roles) index.put('roles', r);
  for (const b of p.roleBindings) index.put('rolebindings', b);
  index.put('roles', role('reader', 'dev', pods('get', 'list')));
  index.put(
    'rolebindings',
    binding(
      'readers',
      'dev',
      'Role',
      'reader',
      { kind: 'User', name: 'jane' },
      { kind: 'ServiceAccount', name: 'bot' },
    ),
  );
  index.put('rolebindings', binding('broken', 'dev', 'Role', 'gone', { kind: 'User', name: 'joe' }));
  return index;
}

describe('rbac authorizer', () => {
  const cases = [
    {
      name: 'cluster-admin by group',
      a: { user: user('root', 'system:masters'), verb: 'delete', apiGroup: 'apps', resource: 'deployments' },
      want: {
        decision: 'Allow',
        reason:
          'RBAC: allowed by ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin" to Group "system:masters"',
      },
    },
    {
      name: 'a role in its namespace',
      a: { user: user('jane'), verb: 'list', resource: 'pods', namespace: 'dev' },
      want: { decision: 'Allow', reason: 'RBAC: allowed by RoleBinding "readers/dev" of Role "reader" to User "jane"' },
    },
    {
      name: 'not in another',
      a: { user: user('jane'), verb: 'list', resource: 'pods', namespace: 'prod' },
      want: { decision: 'NoOpinion', reason: '' },
    },
    {
      name: 'not a subresource',
      a: { user: user('jane'), verb: 'get', resource: 'pods', subresource: 'log', namespace: 'dev' },
      want: { decision: 'NoOpinion', reason: '' },
    },
    {
      name: 'a service account of the namespace of its binding',
      a: { user: user('system:serviceaccount:dev:bot'), verb: 'get', resource: 'pods', namespace: 'dev', name: 'x' },
      want: {
        decision: 'Allow',
        reason: 'RBAC: allowed by RoleBinding "readers/dev" of Role "reader" to ServiceAccount "bot/dev"',
      },
    },
    {
      name: 'a missing role',
      a: { user: user('joe'), verb: 'get', resource: 'pods', namespace: 'dev' },
      want: { decision: 'NoOpinion', reason: 'RBAC: role.rbac.authorization.k8s.io "gone" not found' },
    },
    {
      name: 'a path by prefix',
      a: { user: user('x', 'system:authenticated'), verb: 'get', path: '/openapi/v3/apis/apps/v1' },
      want: {
        decision: 'Allow',
        reason:
          'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"',
      },
    },
    {
      name: 'not another path',
      a: { user: user('x', 'system:authenticated'), verb: 'get', path: '/metrics' },
      want: { decision: 'NoOpinion', reason: '' },
    },
  ];
  const authorizer = rbacAuthorizer(indexed());
  for (const c of cases)
    it(c.name, async () => assert.deepEqual(await authorizer.authorize(attributesOf(c.a)), c.want));

  it('what a caller may do to one name says nothing of another', async () => {
    const index = indexed();
    index.put('roles', role('one', 'dev', { ...pods('get'), resourceNames: ['a', 'b'] }));
    index.put('roles', role('other', 'dev', { ...pods('get'), resourceNames: ['b', 'c'] }));
    const pat = { kind: 'User', name: 'pat' };
    index.put('rolebindings', binding('first', 'dev', 'Role', 'one', pat));
    index.put('rolebindings', binding('second', 'dev', 'Role', 'other', pat));
    const rbac = rbacAuthorizer(index);
    const caller = user('pat');
    const allowedBy = async (name: string, verb = 'get') => {
      const attributes = attributesOf({ user: caller, verb, resource: 'pods', namespace: 'dev', name });
      const { decision, reason } = await rbac.authorize(attributes);
      return decision === 'Allow' ? /RoleBinding "(\w+)/.exec(reason)?.[1] : decision;
    };
    const names = ['a', 'b', 'c', 'd', ''];
    const want = ['first', 'first', 'second', 'NoOpinion', 'NoOpinion'];
    for (let i = 0; i < 2; i++) assert.deepEqual(await Promise.all(names.map((n) => allowedBy(n))), want);
    assert.equal(await allowedBy('a', 'delete'), 'NoOpinion');
  });

  it('forgets decisions when the policy changes', async () => {
    const index = indexed();
    const rbac = rbacAuthorizer(index);
    const a = attributesOf({ user: user('jane'), verb: 'get', resource: 'pods', namespace: 'dev' });
    assert.equal((await rbac.authorize(a)).decision, 'Allow');
    index.delete('rolebindings', { metadata: { namespace: 'dev', name: 'readers' } });
    assert.equal((await rbac.authorize(a)).decision, 'NoOpinion');
    index.put('rolebindings', binding('again', 'dev', 'ClusterRole', 'cluster-admin', { kind: 'User', name: 'jane' }));
    assert.equal((await rbac.authorize(a)).decision, 'Allow');
  });
});

describe('forbidden texts', () => {
  const x = user('x');
  const cases = [
    {
      a: { user: x, verb: 'list', resource: 'pods' },
      want: 'pods is forbidden: User "x" cannot list resource "pods" in API group "" at the cluster scope',
    },
    {
      a: { user: x, verb: 'get', resource: 'pods', subresource: 'log', name: 'p', namespace: 'n' },
      want: 'pods "p" is forbidden: User "x" cannot get resource "pods/log" in API group "" in the namespace "n"',
    },
    {
      a: { user: x, verb: 'create', apiGroup: 'apps', resource: 'deployments', namespace: 'n' },
      want: 'deployments.apps is forbidden: User "x" cannot create resource "deployments" in API group "apps" in the namespace "n"',
    },
    { a: { user: x, verb: 'get', path: '/metrics' }, want: 'forbidden: User "x" cannot get path "/metrics"' },
  ];
  for (const c of cases) it(c.want, () => assert.equal(forbiddenError(attributesOf(c.a), '').message, c.want));
});

describe('escalation checks', () => {
  const index = indexed();
  index.put(
    'clusterroles',
    role(
      'role-writer',
      '',
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['create', 'update'] },
      pods('get'),
    ),
  );
  index.put(
    'clusterroles',
    role('escalator', '', {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles'],
      verbs: ['escalate'],
    }),
  );
  index.put(
    'clusterroles',
    role('binder', '', {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles'],
      resourceNames: ['view'],
      verbs: ['bind'],
    }),
  );
  index.put('clusterrolebindings', binding('w', '', 'ClusterRole', 'role-writer', { kind: 'User', name: 'ann' }));
  index.put('clusterrolebindings', binding('e', '', 'ClusterRole', 'escalator', { kind: 'User', name: 'eve' }));
  index.put('clusterrolebindings', binding('b', '', 'ClusterRole', 'binder', { kind: 'User', name: 'bob' }));
  const options = {
    authorizer: rbacAuthorizer(index),
    policy: { rulesOf: index.rulesOf.bind(index), rulesFor: (u: User, ns: string) => policyRulesFor(index, u, ns) },
  };
  const attributes = (u: User, resource: string, object: Role | RoleBinding): Attributes => ({
    operation: 'CREATE',
    kind: { group: 'rbac.authorization.k8s.io', version: 'v1', kind: '' },
    resource: { group: 'rbac.authorization.k8s.io', version: 'v1', resource },
    subresource: '',
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name ?? '',
    user: u,
    dryRun: false,
    options: {},
    object,
    oldObject: undefined,
    warn() {},
    annotate() {},
    signal: new AbortController().signal,
  });
  const cr = (...rules: PolicyRule[]): Role => ({ metadata: { name: 'new' }, rules });
  const cases: { name: string; who: User; resource: string; object: Role | RoleBinding; want: string | undefined }[] = [
    {
      name: 'what one holds may be granted',
      who: user('ann'),
      resource: 'clusterroles',
      object: cr(pods('get')),
      want: undefined,
    },
    {
      name: 'what one does not hold may not',
      who: user('ann', 'g1', 'g2'),
      resource: 'clusterroles',
      object: cr(pods('get', 'list', 'watch'), { nonResourceURLs: ['/x'], verbs: ['get'] }),
      want:
        'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["g1" "g2"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}\n{NonResourceURLs:["/x"], Verbs:["get"]}',
    },
    {
      name: 'escalate lifts it',
      who: user('eve'),
      resource: 'clusterroles',
      object: cr(pods('list')),
      want: undefined,
    },
    {
      name: 'system:masters may all',
      who: user('root', 'system:masters'),
      resource: 'clusterroles',
      object: cr(pods('*')),
      want: undefined,
    },
    {
      name: 'aggregation needs everything',
      who: user('ann'),
      resource: 'clusterroles',
      object: { ...cr(), aggregationRule: { clusterRoleSelectors: [{}] } },
      want: 'clusterroles.rbac.authorization.k8s.io "new" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    },
    {
      name: 'bind on the named role',
      who: user('bob'),
      resource: 'clusterrolebindings',
      object: binding('new', '', 'ClusterRole', 'view'),
      want: undefined,
    },
    {
      name: 'no bind on another',
      who: user('bob'),
      resource: 'rolebindings',
      object: binding('new', 'dev', 'Role', 'reader'),
      want:
        'rolebindings.rbac.authorization.k8s.io "new" is forbidden: user "bob" (groups=[]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    },
    {
      name: 'a role that is not there',
      who: user('bob'),
      resource: 'clusterrolebindings',
      object: binding('new', '', 'ClusterRole', 'nope'),
      want: 'clusterroles.rbac.authorization.k8s.io "nope" not found',
    },
  ];
  for (const c of cases)
    it(c.name, async () => {
      const check = async () => checkEscalation(attributes(c.who, c.resource, c.object), options);
      const err = await check().then(
        () => undefined,
        (e: StatusError) => e,
      );
      assert.equal(err?.message, c.want);
    });
});
