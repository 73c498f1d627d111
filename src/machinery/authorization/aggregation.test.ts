/** Aggregated roles gather the rules of what their selectors choose, without repeats, in the order of names. */
import assert from 'node:assert/strict';
import { aggregatedRules } from './aggregation.ts';
import type { Role } from './policy-rules.ts';

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const role = (name: string, labels: Record<string, string>, ...resources: string[]): Role => ({
  metadata: { name, labels },
  rules: resources.map(rule),
});
const view = (rules: Role['rules']): Role => ({
  metadata: { name: 'view', labels: { to: 'view' } },
  rules: rules ?? null,
  aggregationRule: {
    clusterRoleSelectors: [
      { matchLabels: { to: 'view' } },
      { matchExpressions: [{ key: 'also', operator: 'Exists' }] },
    ],
  },
});
const others = [
  role('b', { to: 'view' }, 'pods', 'secrets'),
  role('a', { to: 'view' }, 'pods'),
  role('c', { also: '' }, 'nodes', 'pods'),
  role('d', {}, 'x'),
];

describe('aggregated cluster roles', () => {
  it('gather', () =>
    assert.deepEqual(aggregatedRules(view(null), others), [rule('pods'), rule('secrets'), rule('nodes')]));
  it('are left alone when they have it all', () =>
    assert.equal(aggregatedRules(view([rule('pods'), rule('secrets'), rule('nodes')]), others), undefined));
  it('lose what is gone', () => assert.deepEqual(aggregatedRules(view([rule('pods')]), []), []));
  it('are only those with an aggregation rule', () => assert.equal(aggregatedRules(others[0]!, others), undefined));
});
