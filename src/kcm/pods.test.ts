import assert from 'node:assert/strict';
import type { Pod } from '../api/core-v1.ts';
import { isPodAvailable, podsToDelete } from './pods.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
interface Options {
  node?: string;
  phase?: string;
  ready?: string;
  cost?: string;
  restarts?: number;
  created?: string;
}
const pod = (name: string, o: Options): Pod => ({
  metadata: {
    name,
    uid: name,
    creationTimestamp: o.created ?? '2026-01-01T00:00:00Z',
    ...(o.cost ? { annotations: { 'controller.kubernetes.io/pod-deletion-cost': o.cost } } : {}),
  },
  spec: { containers: [], nodeName: o.node ?? '' },
  status: {
    phase: o.phase ?? 'Running',
    conditions: o.ready ? [{ type: 'Ready', status: 'True', lastTransitionTime: o.ready }] : [],
    containerStatuses: [{ name: 'c', ready: true, restartCount: o.restarts ?? 0, image: '', imageID: '' }],
  },
});
const READY = '2026-01-01T12:00:00Z';

describe('pods', () => {
  it('are deleted in the order of how little they are missed', () => {
    const cases: { name: string; first: Options; second: Options }[] = [
      { name: 'unassigned before assigned', first: {}, second: { node: 'a' } },
      { name: 'pending before running', first: { node: 'a', phase: 'Pending' }, second: { node: 'a' } },
      { name: 'not ready before ready', first: { node: 'a' }, second: { node: 'a', ready: READY } },
      {
        name: 'cheap before dear',
        first: { node: 'a', ready: READY, cost: '-5' },
        second: { node: 'a', ready: READY },
      },
      {
        name: 'an invalid cost is none',
        first: { node: 'a', ready: READY, cost: '-1' },
        second: { node: 'a', ready: READY, cost: '+9' },
      },
      { name: 'crowded nodes first', first: { node: 'crowded', ready: READY }, second: { node: 'a', ready: READY } },
      {
        name: 'recently ready before long ready',
        first: { node: 'a', ready: '2026-01-01T23:59:00Z' },
        second: { node: 'a', ready: READY },
      },
      { name: 'often restarted before calm', first: { node: 'a', restarts: 3 }, second: { node: 'a', restarts: 1 } },
      { name: 'young before old', first: { node: 'a', created: '2026-01-01T23:50:00Z' }, second: { node: 'a' } },
    ];
    const crowd = [pod('x', { node: 'crowded' }), pod('y', { node: 'crowded' })];
    for (const c of cases) {
      const [first, second] = [pod('z', c.first), pod('a', c.second)];
      assert.deepEqual(
        podsToDelete([second, first], crowd, 1, now).map((p) => p.metadata.name),
        ['z'],
        c.name,
      );
    }
  });

  it('are available once ready for long enough', () => {
    const p = pod('p', { ready: '2026-01-01T23:59:30Z' });
    assert.deepEqual(
      [0, 30, 31].map((s) => isPodAvailable(p, s, now)),
      [true, true, false],
    );
  });
});
