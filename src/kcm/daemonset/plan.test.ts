/** What a DaemonSet does on each node, and each step of its rolling updates. */
import assert from 'node:assert/strict';
import type { DaemonSet } from '../../api/apps-v1.ts';
import type { Node, Pod } from '../../api/core-v1.ts';
import { FailedPodsBackoff } from './failed-pods.ts';
import { placementOn, withDaemonTolerations } from './nodes.ts';
import { changesOnNode, countsOf, type DaemonView, groupByNode, podsWithoutNode, rollingUpdate } from './plan.ts';

const NOW = Date.parse('2026-01-01T00:01:00Z');
type State = 'ready' | 'unready' | 'terminating' | 'failed' | 'succeeded';

let count = 0;
/** `a:new`, `b:old unready`: node, template and state. */
function pod(text: string): Pod {
  const [where = '', state = 'ready'] = text.split(' ') as [string, State];
  const [node = '', hash = ''] = where.split(':');
  const phase = state === 'failed' ? 'Failed' : state === 'succeeded' ? 'Succeeded' : 'Running';
  return {
    metadata: {
      name: text,
      uid: `u${++count}`,
      labels: { 'controller-revision-hash': hash },
      creationTimestamp: new Date(NOW - 60_000 + count).toISOString(),
      ...(state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:59Z' } : {}),
    },
    spec: { nodeName: node, containers: [] },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: state === 'ready' || state === 'terminating' ? 'True' : 'False' }],
    },
  };
}
const node = (name: string, more: object = {}): Node => ({ metadata: { name }, ...more });
const set = (rolling: object = { maxUnavailable: 1 }): DaemonSet => ({
  metadata: { name: 'd', uid: 'd' },
  spec: {
    selector: {},
    template: { spec: { containers: [] } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: rolling },
  },
});
const view = (pods: string[], options: { rolling?: object; nodes?: Node[] } = {}): DaemonView => ({
  set: set(options.rolling),
  nodes: options.nodes ?? ['a', 'b', 'c'].map((n) => node(n)),
  podsByNode: groupByNode(pods.map(pod)),
  hash: 'new',
  now: NOW,
});
const names = (pods: readonly Pod[]) => pods.map((p) => p.metadata.name);

describe('DaemonSet plan', () => {
  const onNode = [
    { name: 'nothing there', pods: [], want: { create: true, delete: [] } },
    { name: 'one there', pods: ['a:new'], want: { create: false, delete: [] } },
    { name: 'one is going', pods: ['a:new terminating'], want: { create: false, delete: [] } },
    { name: 'the oldest stays', pods: ['a:old', 'a:new'], want: { create: false, delete: ['a:new'] } },
    {
      name: 'ended ones go',
      pods: ['a:new failed', 'a:new succeeded'],
      want: { create: false, delete: ['a:new failed', 'a:new succeeded'] },
    },
    {
      name: 'surge: both stay while the new one is not ready',
      rolling: { maxSurge: 1 },
      pods: ['a:old', 'a:new unready'],
      want: { create: false, delete: [] },
    },
    {
      name: 'surge: the new one is ready',
      rolling: { maxSurge: 1 },
      pods: ['a:old', 'a:new'],
      want: { create: false, delete: ['a:old'] },
    },
    {
      name: 'surge: the old one is not ready either',
      rolling: { maxSurge: 1 },
      pods: ['a:old unready', 'a:new unready'],
      want: { create: false, delete: ['a:old unready'] },
    },
    {
      name: 'surge: one is going, another is wanted',
      rolling: { maxSurge: 1 },
      pods: ['a:old terminating'],
      want: { create: true, delete: [] },
    },
  ];
  for (const { name, pods, want, rolling } of onNode) {
    it(`on a node: ${name}`, () => {
      const changes = changesOnNode(view(pods, rolling ? { rolling } : {}), node('a'), () => undefined);
      assert.deepEqual({ create: changes.create, delete: names(changes.delete) }, want);
    });
  }

  it('a failed pod waits out its back-off', () => {
    const changes = changesOnNode(view(['a:new failed']), node('a'), () => 4_000);
    assert.deepEqual([changes.delete, changes.backoff], [[], 4_000]);
  });

  const updates = [
    { name: 'one at a time', pods: ['a:old', 'b:old', 'c:old'], want: { create: [], delete: ['a:old'] } },
    { name: 'the next waits', pods: ['a:new unready', 'b:old', 'c:old'], want: { create: [], delete: [] } },
    { name: 'a node without its pod counts', pods: ['b:old', 'c:old'], want: { create: [], delete: [] } },
    {
      name: 'broken ones go first',
      pods: ['a:old', 'b:old unready', 'c:old unready'],
      want: { create: [], delete: ['b:old unready', 'c:old unready'] },
    },
    {
      name: 'two at a time',
      rolling: { maxUnavailable: '50%' },
      pods: ['a:old', 'b:old', 'c:old'],
      want: { create: [], delete: ['a:old', 'b:old'] },
    },
    {
      name: 'surge: one more',
      rolling: { maxSurge: 1 },
      pods: ['a:old', 'b:old', 'c:old'],
      want: { create: ['a'], delete: [] },
    },
    {
      name: 'surge: waits',
      rolling: { maxSurge: 1 },
      pods: ['a:old', 'a:new unready', 'b:old', 'c:old'],
      want: { create: [], delete: [] },
    },
    {
      name: 'surge: the old one goes',
      rolling: { maxSurge: 1 },
      pods: ['a:old', 'a:new', 'b:old', 'c:new'],
      want: { create: ['b'], delete: ['a:old'] },
    },
    {
      name: 'surge: broken ones at once',
      rolling: { maxSurge: 1 },
      pods: ['a:old unready', 'b:old unready', 'c:old'],
      want: { create: ['a', 'b', 'c'], delete: [] },
    },
  ];
  for (const { name, pods, want, rolling } of updates) {
    it(`update: ${name}`, () => {
      const changes = rollingUpdate(view(pods, rolling ? { rolling } : {}));
      assert.deepEqual({ create: changes.create, delete: names(changes.delete) }, want);
    });
  }

  it('counts', () => {
    const tainted = node('c', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } });
    const counts = countsOf(
      view(['a:old', 'b:new unready', 'c:new'], { nodes: [node('a'), node('b'), node('d'), tainted] }),
    );
    assert.deepEqual(counts, {
      currentNumberScheduled: 2,
      numberMisscheduled: 1,
      desiredNumberScheduled: 3,
      numberReady: 1,
      updatedNumberScheduled: 1,
      numberAvailable: 1,
      numberUnavailable: 2,
    });
  });

  it('pods meant for nodes that are gone, and not yet there, are deleted', () => {
    const waiting = pod(':new');
    waiting.spec!.affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['gone'] }] }],
        },
      },
    };
    const pods = groupByNode([waiting, pod('gone:new')]);
    assert.deepEqual(podsWithoutNode({ ...view([]), podsByNode: pods }), [waiting]);
  });

  const taint = (effect: string, key = 'k') => ({ spec: { taints: [{ key, effect }] } });
  const placements = [
    { name: 'a plain node', node: node('a'), want: [true, true] },
    { name: 'NoSchedule', node: node('a', taint('NoSchedule')), want: [false, true] },
    { name: 'NoExecute', node: node('a', taint('NoExecute')), want: [false, false] },
    { name: 'PreferNoSchedule', node: node('a', taint('PreferNoSchedule')), want: [true, true] },
    { name: 'cordoned', node: node('a', taint('NoSchedule', 'node.kubernetes.io/unschedulable')), want: [true, true] },
    { name: 'silent', node: node('a', taint('NoExecute', 'node.kubernetes.io/unreachable')), want: [true, true] },
    {
      name: 'without network',
      node: node('a', taint('NoSchedule', 'node.kubernetes.io/network-unavailable')),
      want: [false, true],
    },
  ];
  for (const { name, node: n, want } of placements) {
    it(`belongs on: ${name}`, () => assert.deepEqual(Object.values(placementOn(n, set())), want));
  }

  it('a toleration that is limited in time gives way', () => {
    const limited = {
      key: 'node.kubernetes.io/not-ready',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    };
    const { tolerations } = withDaemonTolerations({ containers: [], hostNetwork: true, tolerations: [limited] });
    assert.deepEqual(tolerations?.[0], { key: limited.key, operator: 'Exists', effect: 'NoExecute' });
    assert.equal(tolerations?.length, 7);
  });

  it('failed pods wait 1, 2, 4 s ... 15 min', () => {
    const b = new FailedPodsBackoff();
    const waits = [];
    for (let i = 0; i < 12; i++) {
      b.next('k', NOW);
      waits.push(b.waiting('k', NOW)! / 1000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert.equal(b.waiting('k', NOW + 900_000), undefined);
  });
});
