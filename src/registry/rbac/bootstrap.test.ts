/** The bootstrap policy is upstream's, object for object; reconciliation adds and never removes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import type { Role, RoleBinding } from '../../machinery/authorization/policy-rules.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { AUTOUPDATE, bootstrapPolicy } from './bootstrap.ts';
import { reconcileBinding, reconcileRole } from './reconcile.ts';

/**
 * The facts were taken from OpenShift's tree, which adds one controller of its own: it publishes the ConfigMap
 * openshift-service-ca.crt. kubernetes/kubernetes has neither the role nor its binding.
 */
const NOT_UPSTREAM = 'system:controller:service-ca-cert-publisher';

describe('bootstrap policy', () => {
  it('equals upstream in every object', function () {
    needs(this, 'facts');
    const all = JSON.parse(readFileSync(new URL('rbac-bootstrap.json', FACTS), 'utf8')) as Record<string, KubeObject[]>;
    const facts = Object.fromEntries(
      Object.entries(all).map(([sort, objects]) => [sort, objects.filter((o) => o.metadata.name !== NOT_UPSTREAM)]),
    );
    const p = bootstrapPolicy();
    const plain = (objects: readonly KubeObject[]) => JSON.parse(JSON.stringify(objects)) as unknown;
    const noRules = (objects: KubeObject[]) => objects.map((o) => ({ ...o, rules: (o as Role).rules ?? null }));
    assert.deepEqual(plain(p.clusterRoles), noRules([...facts['cluster-roles']!, ...facts['controller-roles']!]));
    assert.deepEqual(plain(p.clusterRoleBindings), [
      ...facts['cluster-role-bindings']!,
      ...facts['controller-role-bindings']!,
    ]);
    assert.deepEqual(plain(p.roles), noRules(facts['namespace-roles']!));
    assert.deepEqual(plain(p.roleBindings), facts['namespace-role-bindings']);
  });
});

describe('reconcile', () => {
  const rule = (verb: string) => ({ apiGroups: [''], resources: ['pods'], verbs: [verb] });
  const role = (verbs: string[], annotations: Record<string, string> = { [AUTOUPDATE]: 'true' }): Role => ({
    metadata: { name: 'r', annotations },
    rules: verbs.map(rule),
  });

  const cases: { name: string; existing: Role | undefined; want: ReturnType<typeof reconcileRole> }[] = [
    {
      name: 'creates what is not there',
      existing: undefined,
      want: { operation: 'create', object: role(['get', 'list']) },
    },
    { name: 'leaves what grants enough', existing: role(['get', 'list', 'watch']), want: { operation: 'none' } },
    {
      name: 'adds what is missing and keeps the rest',
      existing: role(['watch', 'get']),
      want: { operation: 'update', object: role(['watch', 'get', 'list']) },
    },
    {
      name: 'leaves a protected role alone',
      existing: role([], { [AUTOUPDATE]: 'false' }),
      want: { operation: 'protected' },
    },
  ];
  for (const c of cases)
    it(c.name, () => {
      const got = reconcileRole(c.existing, role(['get', 'list']));
      assert.equal(got.operation, c.want.operation);
      if ('object' in got && 'object' in c.want) assert.deepEqual(got.object.rules, c.want.object.rules);
    });

  it('makes a binding anew when its role changed', () => {
    const binding = (name: string): RoleBinding => ({
      metadata: { name: 'b' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    });
    assert.deepEqual(reconcileBinding(binding('old'), binding('new')), {
      operation: 'recreate',
      object: binding('new'),
    });
  });
});
