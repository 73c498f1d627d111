/** Filters, messages, queue and cache of the scheduler, without an API server. */
import assert from 'node:assert/strict';
import type { Node, Pod } from '../api/core-v1.ts';
import { VirtualClock } from '../base/clock.ts';
import { SchedulerCache } from './cache/scheduler-cache.ts';
import { fitErrorMessage } from './framework/fit-error.ts';
import { NodeInfo, podInfo } from './framework/node-info.ts';
import type { Plugin } from './framework/plugin.ts';
import { unresolvable, unschedulable } from './framework/status.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { namedNodes } from './plugins/node-selector.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { taintToleration } from './plugins/taint-toleration.ts';
import { Heap } from './queue/heap.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { feasibleNodesToFind } from './schedule-one.ts';

function pod(spec: object = {}, name = 'p'): Pod {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: { containers: [{ name: 'c' }], ...spec },
  } as Pod;
}

function node(
  extra: { labels?: Record<string, string>; spec?: object; allocatable?: Record<string, string> } = {},
): Node {
  return {
    metadata: { name: 'n1', labels: extra.labels ?? {} },
    spec: extra.spec ?? {},
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110', ...extra.allocatable } },
  } as Node;
}

function infoOf(n: Node, pods: Pod[] = []): NodeInfo {
  const info = new NodeInfo(n.metadata.name ?? '');
  info.setNode(n);
  for (const p of pods) info.addPod(podInfo(p));
  return info;
}

const requests = (list: Record<string, string>, extra: object = {}) =>
  pod({ containers: [{ name: 'c', resources: { requests: list }, ...extra }] });
const hostPort = (port: number, hostIP?: string) =>
  pod(
    { containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: port, ...(hostIP ? { hostIP } : {}) }] }] },
    `h${port}`,
  );
const affinity = (terms: object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
});
const taint = (effect: string) => ({ spec: { taints: [{ key: 'k', value: 'v', effect }] } });

describe('scheduler filters', () => {
  const cases: { name: string; plugin: Plugin; pod: Pod; node: NodeInfo; want: string[] | undefined }[] = [
    {
      name: 'NodeName: another node',
      plugin: nodeName,
      pod: pod({ nodeName: 'n2' }),
      node: infoOf(node()),
      want: ["node(s) didn't match the requested node name"],
    },
    {
      name: 'NodeUnschedulable: cordoned',
      plugin: nodeUnschedulable,
      pod: pod(),
      node: infoOf(node({ spec: { unschedulable: true } })),
      want: ['node(s) were unschedulable'],
    },
    {
      name: 'NodeUnschedulable: cordoned and tolerated',
      plugin: nodeUnschedulable,
      pod: pod({ tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }),
      node: infoOf(node({ spec: { unschedulable: true } })),
      want: undefined,
    },
    {
      name: 'TaintToleration: NoSchedule',
      plugin: taintToleration,
      pod: pod(),
      node: infoOf(node(taint('NoSchedule'))),
      want: ['node(s) had untolerated taint(s)'],
    },
    {
      name: 'TaintToleration: PreferNoSchedule only scores',
      plugin: taintToleration,
      pod: pod(),
      node: infoOf(node(taint('PreferNoSchedule'))),
      want: undefined,
    },
    {
      name: 'TaintToleration: tolerated by value',
      plugin: taintToleration,
      pod: pod({ tolerations: [{ key: 'k', value: 'v' }] }),
      node: infoOf(node(taint('NoExecute'))),
      want: undefined,
    },
    {
      name: 'TaintToleration: another value',
      plugin: taintToleration,
      pod: pod({ tolerations: [{ key: 'k', value: 'w' }] }),
      node: infoOf(node(taint('NoSchedule'))),
      want: ['node(s) had untolerated taint(s)'],
    },
    {
      name: 'TaintToleration: an empty key with Exists tolerates all',
      plugin: taintToleration,
      pod: pod({ tolerations: [{ operator: 'Exists' }] }),
      node: infoOf(node(taint('NoSchedule'))),
      want: undefined,
    },
    {
      name: 'NodeAffinity: nodeSelector',
      plugin: nodeAffinity,
      pod: pod({ nodeSelector: { a: '1' } }),
      node: infoOf(node()),
      want: ["node(s) didn't match Pod's node affinity/selector"],
    },
    {
      name: 'NodeAffinity: one of two terms',
      plugin: nodeAffinity,
      pod: pod(
        affinity([
          { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
          { matchExpressions: [{ key: 'b', operator: 'Gt', values: ['3'] }] },
        ]),
      ),
      node: infoOf(node({ labels: { b: '4' } })),
      want: undefined,
    },
    {
      name: 'NodeAffinity: NotIn holds for an absent label',
      plugin: nodeAffinity,
      pod: pod(affinity([{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }])),
      node: infoOf(node()),
      want: undefined,
    },
    {
      name: 'NodeAffinity: an empty term matches nothing',
      plugin: nodeAffinity,
      pod: pod(affinity([{}])),
      node: infoOf(node()),
      want: ["node(s) didn't match Pod's node affinity/selector"],
    },
    {
      name: 'NodePorts: taken',
      plugin: nodePorts,
      pod: hostPort(80),
      node: infoOf(node(), [hostPort(80)]),
      want: ["node(s) didn't have free ports for the requested pod ports"],
    },
    {
      name: 'NodePorts: another address',
      plugin: nodePorts,
      pod: hostPort(80, '127.0.0.1'),
      node: infoOf(node(), [hostPort(80, '127.0.0.2')]),
      want: undefined,
    },
    {
      name: 'NodePorts: 0.0.0.0 takes every address',
      plugin: nodePorts,
      pod: hostPort(80, '127.0.0.1'),
      node: infoOf(node(), [hostPort(80)]),
      want: ["node(s) didn't have free ports for the requested pod ports"],
    },
    {
      name: 'NodeResourcesFit: all shortages are named',
      plugin: nodeResourcesFit,
      pod: requests({ cpu: '3', memory: '5Gi', 'x.com/y': '1' }),
      node: infoOf(node()),
      want: ['Insufficient cpu', 'Insufficient memory', 'Insufficient x.com/y'],
    },
    {
      name: 'NodeResourcesFit: others on the node count',
      plugin: nodeResourcesFit,
      pod: requests({ cpu: '1500m' }),
      node: infoOf(node(), [requests({ cpu: '501m' })]),
      want: ['Insufficient cpu'],
    },
    {
      name: 'NodeResourcesFit: to the last millicore',
      plugin: nodeResourcesFit,
      pod: requests({ cpu: '1500m' }),
      node: infoOf(node(), [pod({ containers: [{ name: 'c', resources: { requests: { cpu: '500m' } } }] }, 'q')]),
      want: undefined,
    },
    {
      name: 'NodeResourcesFit: too many pods',
      plugin: nodeResourcesFit,
      pod: pod(),
      node: infoOf(node({ allocatable: { pods: '1' } }), [pod({}, 'q')]),
      want: ['Too many pods'],
    },
    {
      name: 'NodeResourcesFit: the largest init container',
      plugin: nodeResourcesFit,
      pod: pod({ initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] }),
      node: infoOf(node()),
      want: ['Insufficient cpu'],
    },
  ];
  for (const c of cases) {
    it(c.name, () => assert.deepEqual(c.plugin.filter?.(new Map(), podInfo(c.pod), c.node)?.reasons, c.want));
  }

  it('a removed pod gives everything back', () => {
    const info = infoOf(node(), [requests({ cpu: '2' }, { ports: [{ containerPort: 1, hostPort: 80 }] })]);
    info.removePod('uid-p');
    assert.deepEqual(
      [info.requested.cpu, info.nonZeroCpu, info.hasPortConflict({ ip: '0.0.0.0', protocol: 'TCP', port: 80 })],
      [0, 0, false],
    );
  });

  it('daemon pods name their node', () => {
    const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n7'] }] };
    assert.deepEqual([...(namedNodes(pod(affinity([term]))) ?? [])], ['n7']);
    assert.equal(
      namedNodes(pod(affinity([term, { matchExpressions: [{ key: 'a', operator: 'Exists' }] }]))),
      undefined,
    );
  });
});

describe('fitErrorMessage', () => {
  it('counts reasons in order', () => {
    const rejected = new Map([
      ['a', unschedulable('Insufficient cpu', 'Insufficient memory')],
      ['b', unschedulable('Insufficient cpu')],
      ['c', unresolvable('node(s) were unschedulable')],
    ]);
    const d = {
      numAllNodes: 3,
      rejected,
      preFilterMessage: '',
      postFilterMessage: '',
      unschedulablePlugins: new Set<string>(),
    };
    assert.equal(
      fitErrorMessage(d),
      '0/3 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 2 Insufficient cpu.',
    );
    assert.equal(
      fitErrorMessage({ ...d, preFilterMessage: 'pod affinity terms conflict' }),
      '0/3 nodes are available: pod affinity terms conflict.',
    );
  });
});

describe('feasibleNodesToFind', () => {
  for (const [all, want] of [
    [10, 10],
    [99, 99],
    [100, 100],
    [1000, 420],
    [5000, 500],
    [10000, 500],
  ] as const) {
    it(`${all} nodes: ${want}`, () => assert.equal(feasibleNodesToFind(all), want));
  }
});

describe('heap', () => {
  it('gives items in order, also after removals and replacements', () => {
    const heap = new Heap<{ k: string; n: number }>(
      (x) => x.k,
      (a, b) => a.n < b.n,
    );
    for (const n of [5, 3, 8, 1, 9, 2]) heap.set({ k: `k${n}`, n });
    heap.delete('k3');
    heap.set({ k: 'k9', n: 0 });
    const out: number[] = [];
    for (let x = heap.pop(); x !== undefined; x = heap.pop()) out.push(x.n);
    assert.deepEqual(out, [0, 1, 2, 5, 8]);
  });
});

describe('scheduling queue', () => {
  function queue(clock: VirtualClock) {
    return new SchedulingQueue({
      clock,
      less: prioritySort.less!,
      plugins: [nodeResourcesFit, taintToleration],
      preEnqueue: (p) => (p.spec?.schedulingGates?.length ? unschedulable('gated') : undefined),
    });
  }
  const fit = new Set(['NodeResourcesFit']);

  it('takes higher priority first', async () => {
    const q = queue(new VirtualClock());
    q.add(pod({ priority: 1 }, 'low'));
    q.add(pod({ priority: 9 }, 'high'));
    assert.equal((await q.pop())?.key, 'default/high');
    assert.equal((await q.pop())?.key, 'default/low');
    q.close();
  });

  it('keeps a rejected pod until a change that can help', async () => {
    const clock = new VirtualClock();
    const q = queue(clock);
    q.add(requests({ cpu: '1' }));
    const item = (await q.pop())!;
    q.failed(item.key, fit);
    assert.equal(q.sizes.unschedulable, 1);
    q.moveAll({ kind: 'NodeUpdateTaint', oldObject: node(), newObject: node() });
    q.moveAll({ kind: 'NodeAdd', oldObject: undefined, newObject: node({ allocatable: { cpu: '500m' } }) });
    assert.equal(q.sizes.unschedulable, 1, 'neither a taint nor a node that is too small helps');
    q.moveAll({ kind: 'NodeAdd', oldObject: undefined, newObject: node() });
    assert.deepEqual([q.sizes.unschedulable, q.sizes.backoff], [0, 1]);
    q.close();
  });

  it('does not miss a change that came while the pod was in flight', async () => {
    const q = queue(new VirtualClock());
    q.add(requests({ cpu: '1' }));
    const item = (await q.pop())!;
    q.moveAll({ kind: 'NodeAdd', oldObject: undefined, newObject: node() });
    q.failed(item.key, fit);
    assert.deepEqual([q.sizes.unschedulable, q.sizes.backoff], [0, 1]);
    q.close();
  });

  it('an error waits out its back-off: 1 s, 2 s, 4 s ... 10 s', async () => {
    const clock = new VirtualClock();
    const q = queue(clock);
    q.add(pod());
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = clock.now();
      const taken = q.pop();
      let item: Awaited<typeof taken>;
      void taken.then((x) => {
        item = x;
      });
      while (item === undefined) await clock.advance(500);
      waits.push(Math.round((clock.now() - before) / 1000));
      q.failed(item.key, new Set());
    }
    assert.deepEqual(waits, [1, 1, 2, 4, 8, 10]);
    q.close();
  });

  it('a gated pod stays out until its gates are gone', async () => {
    const q = queue(new VirtualClock());
    q.add(pod({ schedulingGates: [{ name: 'g' }] }));
    assert.equal(q.sizes.gated, 1);
    q.update(pod());
    assert.equal((await q.pop())?.key, 'default/p');
    q.close();
  });

  it('a pod deleted in flight does not come back', async () => {
    const q = queue(new VirtualClock());
    q.add(pod());
    const item = (await q.pop())!;
    q.delete(item.key);
    assert.equal(q.failed(item.key, fit), false);
    assert.deepEqual(q.sizes, { active: 0, backoff: 0, unschedulable: 0, gated: 0, inFlight: 0 });
    q.close();
  });

  it('nothing stays unschedulable for more than five minutes', async () => {
    const clock = new VirtualClock();
    const q = queue(clock);
    q.add(pod());
    q.failed((await q.pop())!.key, fit);
    await clock.advance(331_000);
    assert.equal(q.sizes.unschedulable, 0);
    q.close();
  });
});

describe('ImageLocality', () => {
  it('counts an image by how widely it is spread, so that one node that has it does not draw all pods', () => {
    const cache = new SchedulerCache();
    const image = { names: ['big:latest'], sizeBytes: 500 * 1024 * 1024 };
    const add = (name: string, images: object[]) => {
      const n = node();
      cache.setNode({ ...n, metadata: { name }, status: { ...n.status, images } } as Node);
    };
    add('with', [image]);
    for (let i = 0; i < 9; i++) add(`without-${i}`, []);
    const score = () =>
      imageLocality(cache).score?.(
        new Map(),
        podInfo(pod({ containers: [{ name: 'c', image: 'big' }] })),
        cache.node('with')!,
      );
    assert.equal(score(), 2);
    for (let i = 0; i < 9; i++) add(`without-${i}`, [image]);
    assert.equal(score(), 48);
    cache.removeNode('without-0');
    assert.equal(cache.nodesWithImage('big:latest'), 9);
  });
});

describe('scheduler cache', () => {
  it('an assumption is confirmed by what is seen, or taken back', () => {
    const cache = new SchedulerCache();
    cache.setNode(node());
    const p = requests({ cpu: '1' });
    cache.assume(podInfo(p), 'n1');
    assert.equal(cache.node('n1')?.requested.cpu, 1000);
    cache.setPod({ ...p, spec: { ...p.spec, nodeName: 'n1' } } as Pod);
    cache.forget('uid-p');
    assert.equal(cache.node('n1')?.requested.cpu, 1000, 'forgetting a confirmed pod does nothing');
    cache.removePod('uid-p');
    assert.equal(cache.node('n1')?.requested.cpu, 0);
  });

  it('pods may arrive before their node, and outlive it', () => {
    const cache = new SchedulerCache();
    cache.setPod({ ...requests({ cpu: '1' }), spec: { ...requests({ cpu: '1' }).spec, nodeName: 'n1' } } as Pod);
    assert.deepEqual(cache.nodes(), []);
    cache.setNode(node());
    assert.equal(cache.nodes()[0]?.requested.cpu, 1000);
    cache.removeNode('n1');
    assert.deepEqual(cache.nodes(), []);
    assert.equal(cache.podCount, 1);
  });
});
