/** What a StatefulSet does next, for every state its pods can be in; owners of claims for every policy. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StatefulSet } from '../../api/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { claimOwners, isClaimOwnerUpToDate } from './claims.ts';
import { condemnedStep, membersOf, podsToUpdate, replicaStep, revisionsToDelete } from './plan.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');

type State = 'ready' | 'unready' | 'terminating' | 'failed' | 'new';
function pod(ordinal: number, state: State = 'ready', revision = 'old'): Pod {
  const metadata = {
    name: `web-${ordinal}`,
    uid: `p${ordinal}`,
    labels: { 'controller-revision-hash': revision },
    ...(state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:59Z' } : {}),
  };
  if (state === 'new') return { metadata };
  const ready = {
    type: 'Ready',
    status: state === 'unready' ? 'False' : 'True',
    lastTransitionTime: '2026-01-01T00:00:55Z',
  };
  return { metadata, status: { phase: state === 'failed' ? 'Failed' : 'Running', conditions: [ready] } };
}
const set = (spec: object = {}): StatefulSet => ({
  metadata: { name: 'web', namespace: 'n', uid: 'set' },
  spec: {
    replicas: 3,
    selector: {},
    template: {},
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    ...spec,
  },
});
const names = (pods: readonly Pod[]) => pods.map((p) => p.metadata.name);

describe('StatefulSet plan', () => {
  const replicas = [
    { state: 'ready', ordered: 'keep', parallel: 'keep' },
    { state: 'unready', ordered: 'wait', parallel: 'keep' },
    { state: 'terminating', ordered: 'wait', parallel: 'keep' },
    { state: 'failed', ordered: 'delete', parallel: 'delete' },
    { state: 'new', ordered: 'create', parallel: 'create' },
  ] as const;
  for (const { state, ordered, parallel } of replicas) {
    it(`a replica that is ${state}: ${ordered}, in parallel ${parallel}`, () => {
      assert.equal(replicaStep(set(), pod(0, state), NOW), ordered);
      assert.equal(replicaStep(set({ podManagementPolicy: 'Parallel' }), pod(0, state), NOW), parallel);
    });
  }
  it('a replica that is ready but not available yet holds the next back', () => {
    assert.equal(replicaStep(set({ minReadySeconds: 6 }), pod(0), NOW), 'wait');
    assert.equal(replicaStep(set({ minReadySeconds: 5 }), pod(0), NOW), 'keep');
  });

  it('of those too many only the first that is unavailable goes while something is', () => {
    const [bad, good] = [pod(4, 'unready'), pod(3)];
    assert.equal(condemnedStep(set(), bad, bad, NOW), 'delete');
    assert.equal(condemnedStep(set(), bad, good, NOW), 'wait');
    assert.equal(condemnedStep(set(), good, bad, NOW), 'delete');
    assert.equal(condemnedStep(set(), pod(3, 'terminating'), undefined, NOW), 'wait');
    assert.equal(condemnedStep(set({ podManagementPolicy: 'Parallel' }), bad, good, NOW), 'delete');
  });

  const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
  const updates = [
    { name: 'the highest first', pods: [pod(0), pod(1), pod(2)], spec: {}, want: ['web-2'] },
    { name: 'then the next', pods: [pod(0), pod(1), pod(2, 'ready', 'new')], spec: {}, want: ['web-1'] },
    { name: 'waits for one that comes up', pods: [pod(0), pod(1), pod(2, 'unready', 'new')], spec: {}, want: [] },
    {
      name: 'an old one that is broken is replaced',
      pods: [pod(0), pod(1), pod(2, 'unready')],
      spec: {},
      want: ['web-2'],
    },
    {
      name: 'not below the partition',
      pods: [pod(0), pod(1), pod(2, 'ready', 'new')],
      spec: rolling({ partition: 2 }),
      want: [],
    },
    { name: 'OnDelete', pods: [pod(0), pod(1), pod(2)], spec: { updateStrategy: { type: 'OnDelete' } }, want: [] },
    {
      name: 'two at a time',
      pods: [pod(0), pod(1), pod(2)],
      spec: rolling({ maxUnavailable: 2 }),
      want: ['web-2', 'web-1'],
    },
    {
      name: 'those away count',
      pods: [pod(0, 'unready'), pod(1), pod(2)],
      spec: rolling({ maxUnavailable: 2 }),
      want: ['web-2'],
    },
    {
      name: 'a small share is at least one',
      pods: [pod(0), pod(1), pod(2)],
      spec: rolling({ maxUnavailable: '10%' }),
      want: ['web-2'],
    },
  ];
  for (const { name, pods, spec, want } of updates) {
    it(`update: ${name}`, () => assert.deepEqual(names(podsToUpdate(set(spec), pods, 'new', NOW)), want));
  }

  it('members: one for each ordinal, those beyond are condemned from the highest on', () => {
    const s = set({ ordinals: { start: 1 }, replicas: 2 });
    const revised = (revision: string) => ({ set: s, revision });
    const {
      replicas: r,
      condemned,
      firstUnavailable,
    } = membersOf(
      revised('old'),
      revised('new'),
      [pod(0), pod(2), pod(3), pod(5), { metadata: { name: 'web-x' } }],
      NOW,
    );
    assert.deepEqual(names(r), ['web-1', 'web-2']);
    assert.deepEqual(names(condemned), ['web-5', 'web-3', 'web-0']);
    assert.equal(firstUnavailable?.metadata.name, 'web-1');
    assert.equal(r[0]?.metadata.labels?.['controller-revision-hash'], 'new');
  });

  it('revisions: those in use stay, of the rest as many as the limit says', () => {
    const revision = (n: number) => ({ metadata: { name: `r${n}` }, revision: n });
    const all = [1, 2, 3, 4].map(revision);
    const doomed = revisionsToDelete(set({ revisionHistoryLimit: 1 }), all, new Set(['r1', 'r4']));
    assert.deepEqual(
      doomed.map((r) => r.metadata.name),
      ['r2'],
    );
  });
});

describe('claims of a StatefulSet', () => {
  const policy = fc.constantFrom('Retain', 'Delete');
  const kinds = fc.subarray(['set', 'pod', 'other'] as const);
  const ref = (kind: 'set' | 'pod' | 'other', name: string) =>
    ({
      set: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'set', controller: true },
      pod: { apiVersion: 'v1', kind: 'Pod', name, uid: name === 'web-0' ? 'p0' : 'p7', controller: true },
      other: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' },
    })[kind];

  it('have owners that are up to date once they are written, and strangers stay', () => {
    fc.assert(
      fc.property(policy, policy, fc.constantFrom(0, 7), kinds, (whenDeleted, whenScaled, ordinal, owners) => {
        const s = set({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
        const p = pod(ordinal);
        const before = owners.map((o) => ref(o, `web-${ordinal}`));
        const claim = (ownerReferences: object[]) =>
          ({ metadata: { name: 'c', ownerReferences } }) as PersistentVolumeClaim;
        const after = claimOwners(claim(before), s, p);
        assert.ok(isClaimOwnerUpToDate(claim(after), s, p));
        assert.equal(
          after.some((r) => r.uid === 'x'),
          owners.includes('other'),
        );
        const condemned = whenScaled === 'Delete' && ordinal === 7;
        assert.equal(
          after.some((r) => r.kind === 'Pod'),
          condemned,
        );
        assert.equal(
          after.some((r) => r.kind === 'StatefulSet'),
          whenDeleted === 'Delete' && !condemned,
        );
      }),
    );
  });

  it('of an earlier set of that name are left alone', () => {
    const stale = { ...ref('set', ''), uid: 'before' };
    const claim = { metadata: { name: 'c', ownerReferences: [stale] } } as PersistentVolumeClaim;
    assert.ok(
      isClaimOwnerUpToDate(claim, set({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } }), pod(0)),
    );
  });
});
