/**
 * The library as tests of operators use it: a cluster in this process on a clock that the test moves. A node goes silent; it is NotReady
 * after --node-monitor-grace-period and loses its pods five minutes later (the toleration every pod gets). Nobody waits.
 */
import assert from 'node:assert/strict';
import type { Deployment } from '../../src/api/apps-v1.ts';
import type { Event, Node, Pod } from '../../src/api/core-v1.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { DEPLOYMENTS, EVENTS, NODES, PODS } from '../../src/client/resources.ts';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import { closed, opened } from '../harness/root-hooks.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Nodes are looked at every so often: --node-monitor-period. */
const LOOK = 5 * SECOND;

const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'nginx' }] },
    },
  },
} as Deployment;

describe('a cluster on a virtual clock', () => {
  let clock: VirtualClock;
  let cluster: Cluster;

  async function start(options: Parameters<typeof startCluster>[0] = {}): Promise<void> {
    clock = new VirtualClock();
    cluster = await startCluster({ clock, nodes: 3, storage: 'memory', ...options });
    opened(cluster, 'a cluster');
  }
  afterEach(async () => {
    closed(cluster);
    await cluster[Symbol.asyncDispose]();
  });

  const pods = async () => (await cluster.client.list<Pod>(PODS, { namespace: 'default' })).items;
  const node = (name: string) => cluster.client.get<Node>(NODES, name);
  const ready = async (name: string) => (await node(name)).status?.conditions?.find((c) => c.type === 'Ready');

  async function runWeb(): Promise<void> {
    await cluster.client.create(DEPLOYMENTS, web, { namespace: 'default' });
    await clock.advance(30 * SECOND);
    const running = await pods();
    assert.deepEqual(
      running.map((p) => [p.status?.phase, p.spec?.nodeName !== undefined]),
      Array.from({ length: 3 }, () => ['Running', true]),
    );
  }

  for (const [what, grace, options] of [
    ['40 s as asked for', 40 * SECOND, { controllerManager: { nodeMonitorGracePeriod: 40 * SECOND } }],
    ["50 s by upstream's default", 50 * SECOND, {}],
  ] as const) {
    it(`a silent node is NotReady after ${what}, and five minutes later its pods run elsewhere`, async () => {
      await start(options);
      await runWeb();
      const victim = (await pods())[0]?.spec?.nodeName ?? '';
      const others = (await pods()).filter((p) => p.spec?.nodeName !== victim).map((p) => p.metadata.name);

      await cluster.nodes.silence(victim);
      // Its last heartbeat may be ten seconds old, or be seen only when nodes are looked at next.
      await clock.advance(grace - 10 * SECOND - LOOK);
      assert.equal((await ready(victim))?.status, 'True');
      await clock.advance(10 * SECOND + 3 * LOOK + SECOND);
      const condition = await ready(victim);
      assert.equal(condition?.status, 'Unknown');
      assert.equal(condition?.reason, 'NodeStatusUnknown');
      assert.equal(condition?.message, 'Kubelet stopped posting node status.');
      assert.deepEqual((await node(victim)).spec?.taints?.map((t) => `${t.key}:${t.effect}`).sort(), [
        'node.kubernetes.io/unreachable:NoExecute',
        'node.kubernetes.io/unreachable:NoSchedule',
      ]);
      assert.ok((await pods()).every((p) => p.metadata.deletionTimestamp === undefined));

      await clock.advance(5 * MINUTE - 6 * LOOK);
      assert.ok(
        (await pods()).every((p) => p.metadata.deletionTimestamp === undefined),
        'evicted too early',
      );
      await clock.advance(10 * LOOK);
      const after = await pods();
      const alive = after.filter((p) => p.metadata.deletionTimestamp === undefined);
      assert.equal(alive.length, 3);
      assert.ok(alive.every((p) => p.spec?.nodeName !== victim && p.status?.phase === 'Running'));
      // Pods of healthy nodes were left alone, those of the silent one wait for its kubelet to say they are gone.
      assert.deepEqual(
        others.filter((name) => !alive.some((p) => p.metadata.name === name)),
        [],
      );
      assert.ok(
        after.filter((p) => p.metadata.deletionTimestamp !== undefined).every((p) => p.spec?.nodeName === victim),
      );
      const events = await cluster.client.list<Event>(EVENTS, { namespace: 'default' });
      assert.ok(events.items.some((e) => e.reason === 'NodeNotReady' || e.reason === 'TaintManagerEviction'));
    });
  }

  it('a node that comes back is Ready again and keeps its pods', async () => {
    await start();
    await runWeb();
    const before = (await pods()).map((p) => p.metadata.uid).sort();
    const victim = (await pods())[0]?.spec?.nodeName ?? '';
    await cluster.nodes.silence(victim);
    await clock.advance(2 * MINUTE);
    assert.equal((await ready(victim))?.status, 'Unknown');
    await cluster.nodes.revive(victim);
    await clock.advance(30 * SECOND);
    assert.equal((await ready(victim))?.status, 'True');
    assert.equal((await node(victim)).spec?.taints, undefined);
    await clock.advance(10 * MINUTE);
    assert.deepEqual((await pods()).map((p) => p.metadata.uid).sort(), before);
  });

  it('does the same thing every time', async () => {
    const runs: string[] = [];
    for (let i = 0; i < 2; i++) {
      await start();
      await runWeb();
      runs.push(
        JSON.stringify(
          (await pods()).map((p) => [p.metadata.name, p.metadata.uid, p.spec?.nodeName, p.metadata.creationTimestamp]),
        ),
      );
      if (i === 0) await cluster[Symbol.asyncDispose]();
      if (i === 0) closed(cluster);
    }
    assert.equal(runs[0], runs[1]);
  });

  it('no pod gets the address of one whose node has not come back', async () => {
    await start({ nodes: 0 });
    await clock.advance(SECOND);
    const pod = (name: string, nodeName?: string) =>
      ({
        metadata: { name, namespace: 'default' },
        spec: { containers: [{ name: 'c', image: 'nginx' }], ...(nodeName && { nodeName }) },
      }) as Pod;
    // As an earlier run left them.
    for (const [name, nodeName, podIP] of [
      ['gone', 'node-9', '10.244.0.1'],
      ['back', 'node-1', '10.244.0.2'],
    ] as const) {
      const made = await cluster.client.create<Pod>(PODS, pod(name, nodeName), { namespace: 'default' });
      const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] };
      await cluster.client.update<Pod>(PODS, { ...made, status }, { subresource: 'status' });
    }
    await cluster.nodes.add({ name: 'node-1' });
    for (const name of ['a', 'b', 'c']) await cluster.client.create<Pod>(PODS, pod(name), { namespace: 'default' });
    await clock.advance(30 * SECOND);
    const addresses = (await pods()).map((p) => p.status?.podIP);
    assert.equal(addresses.length, 5);
    assert.equal(new Set(addresses).size, 5, addresses.join());
    assert.ok(addresses.includes('10.244.0.1') && !addresses.includes(undefined), addresses.join());
  });
});
