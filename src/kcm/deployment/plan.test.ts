import assert from 'node:assert/strict';
import type { Deployment, ReplicaSet } from '../../api/apps-v1.ts';
import { currentSetAnnotations, lastRevision, maxRevision } from './annotations.ts';
import {
  activeOrLatest,
  isScalingEvent,
  newReplicas,
  resolveFenceposts,
  scaleDownOld,
  scaleProportionally,
  splitReplicaSets,
  toCleanUp,
} from './plan.ts';

const template = (image: string, hash?: string) => ({
  metadata: { labels: { app: 'a', ...(hash ? { 'pod-template-hash': hash } : {}) } },
  spec: { containers: [{ name: 'c', image }] },
});
const deployment = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment => ({
  metadata: { name: 'd' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'a' } },
    template: template('new'),
    revisionHistoryLimit: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  },
});
const set = (
  name: string,
  replicas: number,
  available: number,
  more: { max?: number; desired?: number; revision?: number; image?: string } = {},
): ReplicaSet => ({
  metadata: {
    name,
    creationTimestamp: `2026-01-01T00:00:0${name.charCodeAt(0) % 10}Z`,
    annotations: {
      ...(more.max !== undefined ? { 'deployment.kubernetes.io/max-replicas': String(more.max) } : {}),
      ...(more.desired !== undefined ? { 'deployment.kubernetes.io/desired-replicas': String(more.desired) } : {}),
      ...(more.revision !== undefined ? { 'deployment.kubernetes.io/revision': String(more.revision) } : {}),
    },
  },
  spec: { replicas, selector: {}, template: template(more.image ?? name, name) },
  status: { replicas, availableReplicas: available },
});

describe('deployment plan', () => {
  it('resolves surge and unavailability, never both to 0', () => {
    const cases = [
      { surge: '25%', unavailable: '25%', desired: 10, want: { surge: 3, unavailable: 2 } },
      { surge: '25%', unavailable: '25%', desired: 1, want: { surge: 1, unavailable: 0 } },
      { surge: 0, unavailable: '10%', desired: 5, want: { surge: 0, unavailable: 1 } },
      { surge: 2, unavailable: 0, desired: 5, want: { surge: 2, unavailable: 0 } },
    ];
    for (const c of cases) assert.deepEqual(resolveFenceposts(c.surge, c.unavailable, c.desired), c.want);
  });

  it('grows the new set up to the surge limit', () => {
    const cases = [
      { name: 'fresh', d: deployment(10, 3, 2), old: 0, current: 0, want: 10 },
      { name: 'beside a full old set', d: deployment(10, 3, 2), old: 10, current: 0, want: 3 },
      { name: 'at the limit', d: deployment(10, 3, 2), old: 8, current: 5, want: 5 },
      { name: 'never above desired', d: deployment(10, 3, 2), old: 1, current: 9, want: 10 },
    ];
    for (const c of cases) {
      const current = set('b', c.current, 0);
      assert.equal(newReplicas(c.d, [set('a', c.old, 0), current], current), c.want, c.name);
    }
  });

  it('shrinks old sets, broken replicas first, and keeps the minimum available', () => {
    const cases = [
      { name: 'nothing to spare', old: [set('a', 10, 10)], current: set('b', 3, 0), want: [['a', 8]] },
      { name: 'new pods are ready', old: [set('a', 8, 8)], current: set('b', 5, 5), want: [['a', 3]] },
      { name: 'unhealthy old pods go first', old: [set('a', 8, 0)], current: set('b', 2, 2), want: [['a', 6]] },
      { name: 'blocked by unavailable new pods', old: [set('a', 8, 8)], current: set('b', 5, 0), want: [] },
    ];
    for (const c of cases) {
      const got = scaleDownOld(deployment(10, 3, 2), [...c.old, c.current], c.old, c.current);
      assert.deepEqual(
        got.map((s) => [s.set.metadata.name, s.to]),
        c.want,
        c.name,
      );
    }
  });

  it('shares a change of size among the sets of a running rollout', () => {
    const up = scaleProportionally(deployment(15, 3, 2), [set('a', 8, 8, { max: 13 }), set('b', 5, 5, { max: 13 })]);
    assert.deepEqual(
      up.map((s) => [s.set.metadata.name, s.to]),
      [
        ['a', 11],
        ['b', 7],
      ],
    );
    const down = scaleProportionally(deployment(5, 3, 2), [set('a', 8, 8, { max: 13 }), set('b', 5, 5, { max: 13 })]);
    assert.deepEqual(
      down.map((s) => [s.set.metadata.name, s.to]),
      [
        ['a', 5],
        ['b', 3],
      ],
    );
    const zero = scaleProportionally(deployment(0, 3, 2), [set('a', 8, 8, { max: 13 }), set('b', 5, 5, { max: 13 })]);
    assert.deepEqual(
      zero.map((s) => s.to),
      [0, 0],
    );
  });

  it('tells the current set from old ones by template without its hash', () => {
    const a = set('a', 1, 1, { image: 'old' });
    const b = set('b', 1, 1, { image: 'new' });
    const { current, old } = splitReplicaSets(deployment(1, 1, 0), [b, a]);
    assert.equal(current, b);
    assert.deepEqual(old, [a]);
  });

  it('sees that spec.replicas was changed', () => {
    assert.equal(isScalingEvent(deployment(5, 1, 0), [set('a', 3, 3, { desired: 3 })]), true);
    assert.equal(isScalingEvent(deployment(3, 1, 0), [set('a', 3, 3, { desired: 3 })]), false);
    assert.equal(isScalingEvent(deployment(3, 1, 0), [set('a', 0, 0, { desired: 9 })]), false);
  });

  it('scales the only active set, or the newest when none is', () => {
    const a = set('a', 0, 0);
    const b = set('b', 0, 0);
    assert.equal(activeOrLatest(undefined, [a, b]), b);
    assert.equal(activeOrLatest(b, [set('a', 2, 0)])?.spec?.replicas, 2);
    assert.equal(activeOrLatest(set('b', 1, 0), [set('a', 2, 0)]), undefined);
  });

  it('cleans up empty sets beyond the history limit, lowest revision first', () => {
    const old = [set('c', 0, 0, { revision: 3 }), set('a', 0, 0, { revision: 1 }), set('b', 1, 1, { revision: 2 })];
    assert.deepEqual(
      toCleanUp(deployment(1, 1, 0), old).map((s) => s.metadata.name),
      ['a'],
    );
  });

  it('keeps the history of revisions when an old template comes back', () => {
    const d: Deployment = {
      metadata: { name: 'd', annotations: { note: 'x', 'deployment.kubernetes.io/revision': '9' } },
    };
    const annotations = currentSetAnnotations(
      d,
      { 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' },
      5n,
    );
    assert.deepEqual(annotations, {
      note: 'x',
      'deployment.kubernetes.io/revision': '5',
      'deployment.kubernetes.io/revision-history': '1,3',
    });
    assert.equal(lastRevision([set('a', 0, 0, { revision: 4 }), set('b', 0, 0, { revision: 7 })]), 4n);
  });

  it('counts on from revisions beyond what a double holds', () => {
    const existing: ReplicaSet = {
      metadata: { annotations: { 'deployment.kubernetes.io/revision': '3546343826724305832' } },
    };
    assert.equal(String(maxRevision([existing]) + 1n), '3546343826724305833');
  });
});
