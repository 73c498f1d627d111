/** Garbage, quotas, namespaces, roles and evictions on a whole cluster with simulated nodes and virtual time, custom resources among them. */
import assert from 'node:assert/strict';
import type { Deployment } from '../../src/api/apps-v1.ts';
import type { Namespace, Node, Pod, ResourceQuota } from '../../src/api/core-v1.ts';
import type { ClusterRole } from '../../src/api/rbac-v1.ts';
import type { ResourceRef } from '../../src/client/client.ts';
import {
  CLUSTERROLES,
  CONFIGMAPS,
  DEPLOYMENTS,
  NAMESPACES,
  NODES,
  PERSISTENTVOLUMECLAIMS,
  PODDISRUPTIONBUDGETS,
  PODS,
  RESOURCEQUOTAS,
} from '../../src/client/resources.ts';
import { isForbidden, isNotFound, StatusError } from '../../src/machinery/errors/status-error.ts';
import type { KubeObject } from '../../src/machinery/meta/object.ts';
import { VirtualCluster } from '../harness/virtual-cluster.ts';

const CRDS: ResourceRef = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const WIDGETS: ResourceRef = {
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

describe('cluster-wide controllers in a whole cluster', () => {
  let vc: VirtualCluster;
  before(async () => {
    vc = await VirtualCluster.start({ controllerManager: { terminatedPodGcThreshold: 2 } });
    await vc.client.create(CRDS, {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    } as KubeObject);
    await vc.until('the definition is established', async () => {
      const crd = await vc.client.get<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }>(
        CRDS,
        'widgets.example.com',
      );
      return crd.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
    });
    // Controllers look for new resources every 30 s.
    await vc.clock.advance(40_000);
  });
  after(() => vc[Symbol.asyncDispose]());

  const isGone = async (namespace: string) => {
    try {
      await vc.client.get(NAMESPACES, namespace);
      return false;
    } catch (err) {
      return isNotFound(err);
    }
  };
  const podSpec = { containers: [{ name: 'c', image: 'nginx' }], terminationGracePeriodSeconds: 1 };
  const ownedBy = (owner: KubeObject, ref: ResourceRef, more: object = {}) => ({
    ownerReferences: [
      {
        apiVersion: ref.group === '' ? ref.version : `${ref.group}/${ref.version}`,
        kind: ref.kind,
        name: owner.metadata.name!,
        uid: owner.metadata.uid!,
        ...more,
      },
    ],
  });

  it('garbage of custom owners is collected, and custom objects of core owners are', async () => {
    const s = await vc.namespace();
    const owner = await s.create(WIDGETS, 'owner', {});
    await s.create(CONFIGMAPS, 'child', {}, ownedBy(owner, WIDGETS));
    const config = await s.create(CONFIGMAPS, 'config', {});
    await s.create(WIDGETS, 'child', {}, ownedBy(config, CONFIGMAPS));
    await s.create(WIDGETS, 'lost', {}, ownedBy({ metadata: { name: 'no', uid: 'nobody' } }, WIDGETS));
    await s.delete(WIDGETS, 'owner', { propagationPolicy: 'Background' });
    await s.delete(CONFIGMAPS, 'config');
    await vc.until('dependents are gone', async () => {
      const left = [...(await s.list(WIDGETS)), ...(await s.list(CONFIGMAPS))].map((o) => o.metadata.name);
      return left.join() === 'kube-root-ca.crt';
    });
  });

  it('foreground deletion of a custom owner waits for blocking dependents', async () => {
    const s = await vc.namespace();
    const owner = await s.create(WIDGETS, 'owner', {});
    await s.create(
      CONFIGMAPS,
      'held',
      {},
      { finalizers: ['example.com/hold'], ...ownedBy(owner, WIDGETS, { blockOwnerDeletion: true }) },
    );
    await s.delete(WIDGETS, 'owner', { propagationPolicy: 'Foreground' });
    await vc.clock.advance(10_000);
    const waiting = await s.get(WIDGETS, 'owner');
    assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion']);
    assert.notEqual((await s.get(CONFIGMAPS, 'held')).metadata.deletionTimestamp, undefined);
    await s.merge(CONFIGMAPS, 'held', { metadata: { finalizers: null } });
    await vc.until(
      'both are gone',
      async () => (await s.list(WIDGETS)).length === 0 && (await s.list(CONFIGMAPS)).length === 1,
    );
  });

  it('a quota counts custom resources, refuses one too many, and is given back', async () => {
    const s = await vc.namespace();
    await s.create(WIDGETS, 'w0', {});
    await s.create<ResourceQuota>(RESOURCEQUOTAS, 'q', { spec: { hard: { 'count/widgets.example.com': '2' } } });
    const used = (n: string) => (q: ResourceQuota) => q.status?.used?.['count/widgets.example.com'] === n;
    await s.until(RESOURCEQUOTAS, 'q', used('1'));
    await s.create(WIDGETS, 'w1', {});
    await assert.rejects(s.create(WIDGETS, 'w2', {}), (err: Error) => {
      assert.ok(isForbidden(err));
      assert.match(
        err.message,
        /widgets\.example\.com "w2" is forbidden: exceeded quota: q, requested: count\/widgets\.example\.com=1, used: count\/widgets\.example\.com=2, limited: count\/widgets\.example\.com=2/,
      );
      return true;
    });
    await s.delete(WIDGETS, 'w0');
    await s.until(RESOURCEQUOTAS, 'q', used('1'));
    await s.create(WIDGETS, 'w2', {});
  });

  it('a namespace takes its custom resources with it', async () => {
    const s = await vc.namespace();
    await s.create(WIDGETS, 'free', {});
    await s.create(WIDGETS, 'held', {}, { finalizers: ['example.com/hold'] });
    await s.create(PODS, 'p', { spec: podSpec });
    await vc.client.delete(NAMESPACES, s.namespace);
    await vc.clock.advance(30_000);
    const ns = await vc.client.get<Namespace>(NAMESPACES, s.namespace);
    const condition = (type: string) => ns.status?.conditions?.find((c) => c.type === type)?.message;
    assert.equal(
      condition('NamespaceContentRemaining'),
      'Some resources are remaining: widgets.example.com has 1 resource instances',
    );
    assert.equal(
      condition('NamespaceFinalizersRemaining'),
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    );
    await s.merge(WIDGETS, 'held', { metadata: { finalizers: null } });
    await vc.until('the namespace is gone', () => isGone(s.namespace), 120);
  });

  it('a namespace goes as soon as the last of its pods has, however long they may take', async () => {
    const s = await vc.namespace();
    const hold = { finalizers: ['example.com/hold'] };
    await s.create(PODS, 'p', { spec: { ...podSpec, terminationGracePeriodSeconds: 300 } }, hold);
    await s.create(CONFIGMAPS, 'after', {});
    await vc.client.delete(NAMESPACES, s.namespace);
    await vc.clock.advance(12_000);
    assert.notEqual((await s.get(PODS, 'p')).metadata.deletionTimestamp, undefined);
    assert.equal((await s.get(CONFIGMAPS, 'after')).metadata.deletionTimestamp, undefined);
    await s.merge(PODS, 'p', { metadata: { finalizers: null } });
    await vc.until('the namespace is gone', () => isGone(s.namespace), 1);
  });

  it('a ClusterRole aggregates the rules of those its selectors match', async () => {
    const rule = (verb: string) => ({ apiGroups: ['example.com'], resources: ['widgets'], verbs: [verb] });
    const label = { 'example.com/aggregate': 'true' };
    const create = (name: string, body: object, labels: object = {}) =>
      vc.client.create<ClusterRole>(CLUSTERROLES, { metadata: { name, labels }, ...body } as unknown as ClusterRole);
    await create('all-widgets', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: label }] }, rules: [] });
    await create('b-watch', { rules: [rule('watch')] }, label);
    await create('a-get', { rules: [rule('get')] }, label);
    await create('unrelated', { rules: [rule('delete')] });
    const verbs = async () =>
      ((await vc.client.get<ClusterRole>(CLUSTERROLES, 'all-widgets')).rules ?? []).flatMap((r) => r.verbs).join();
    await vc.until('both are in', async () => (await verbs()) === 'get,watch', 10);
    await vc.client.delete(CLUSTERROLES, 'a-get');
    // Upstream reacts to changes of roles, not to their deletion; the next change brings it up to date.
    await vc.client.patch(CLUSTERROLES, 'b-watch', 'merge', { rules: [rule('list')] });
    await vc.until('follows', async () => (await verbs()) === 'list', 10);
    const view = await vc.client.get<ClusterRole>(CLUSTERROLES, 'view');
    assert.ok((view.rules ?? []).length > 5, 'view is aggregated from system:aggregate-to-view');
  });

  it('finished pods beyond the threshold go, the oldest first', async () => {
    const s = await vc.namespace();
    for (const i of [1, 2, 3, 4]) {
      await s.create(PODS, `done-${i}`, {
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox', command: ['true'] }] },
      });
      await vc.clock.advance(2_000);
    }
    await vc.until(
      'two are left',
      async () => (await s.list(PODS)).map((p) => p.metadata.name).join() === 'done-3,done-4',
    );
  });

  it('pods of a node that is gone are deleted after the quarantine', async () => {
    const s = await vc.namespace();
    await vc.cluster.nodes.add({ name: 'short-lived' });
    await s.create(PODS, 'p', { spec: { ...podSpec, nodeName: 'short-lived' } });
    await s.until<Pod>(PODS, 'p', (p) => p.status?.phase === 'Running');
    await vc.cluster.nodes.silence('short-lived');
    await vc.client.delete(NODES, 'short-lived');
    await vc.clock.advance(20_000);
    assert.equal((await s.get(PODS, 'p')).metadata.deletionTimestamp, undefined);
    let last: Pod | undefined;
    await vc.until(
      'the pod is gone',
      async () => {
        try {
          last = await s.get<Pod>(PODS, 'p');
          return false;
        } catch (err) {
          return isNotFound(err);
        }
      },
      90,
    );
    assert.equal(last?.metadata.name, 'p');
  });

  it("a pod's ephemeral volume has a claim that goes with the pod", async () => {
    const s = await vc.namespace();
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec } } }];
    await s.create(PODS, 'p', { spec: { ...podSpec, volumes } });
    const claims = async () => (await s.list(PERSISTENTVOLUMECLAIMS)).map((c) => c.metadata.name).join();
    await vc.until('the claim is there', async () => (await claims()) === 'p-scratch', 5);
    await s.delete(PODS, 'p', { gracePeriodSeconds: 0 });
    await vc.until('the claim is gone', async () => (await claims()) === '', 10);
  });

  it('nodes get ranges for their pods, and give them back', async () => {
    await using other = await VirtualCluster.start({
      nodes: 2,
      controllerManager: {
        allocateNodeCidrs: true,
        clusterCidr: '10.244.0.0/23',
        serviceClusterIpRange: '10.96.0.0/12',
      },
    });
    const ranges = async () =>
      (await other.client.list<Node>(NODES)).items.map((n) => [n.metadata.name, n.spec?.podCIDR, n.spec?.podCIDRs]);
    await other.until('both have one', async () => (await ranges()).every(([, cidr]) => cidr !== undefined), 5);
    assert.deepEqual((await ranges()).map(([, cidr, all]) => [cidr, all]).sort(), [
      ['10.244.0.0/24', ['10.244.0.0/24']],
      ['10.244.1.0/24', ['10.244.1.0/24']],
    ]);
    await other.client.create<Node>(NODES, { metadata: { name: 'late' } });
    await other.clock.advance(2_000);
    assert.equal((await other.client.get<Node>(NODES, 'late')).spec?.podCIDR, undefined);
    await other.cluster.nodes.silence('node-1');
    const freed = (await other.client.get<Node>(NODES, 'node-1')).spec?.podCIDR;
    await other.client.delete(NODES, 'node-1');
    await other.until(
      'the late one has it',
      async () => (await other.client.get<Node>(NODES, 'late')).spec?.podCIDR === freed,
    );
  });

  it('a drain evicts as the budget allows', async () => {
    const s = await vc.namespace();
    await s.create<Deployment>(DEPLOYMENTS, 'web', {
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: podSpec },
      },
    });
    await s.create(PODDISRUPTIONBUDGETS, 'budget', {
      spec: { minAvailable: 3, selector: { matchLabels: { app: 'web' } } },
    });
    await s.until<Deployment>(DEPLOYMENTS, 'web', (d) => d.status?.availableReplicas === 4);
    const placed = (await s.list<Pod>(PODS)).map((p) => p.spec?.nodeName);
    const drained = placed.filter((n) => n === 'node-1').length >= 2 ? 'node-1' : 'node-2';
    await vc.client.patch(NODES, drained, 'merge', { spec: { unschedulable: true } });
    let refused = 0;
    const on = async () =>
      (await s.list<Pod>(PODS)).filter((p) => p.spec?.nodeName === drained && !p.metadata.deletionTimestamp);
    await vc.until('the node is empty', async () => {
      for (const pod of await on()) {
        try {
          const metadata = { name: pod.metadata.name!, namespace: s.namespace };
          await vc.client.createSubresource(
            PODS,
            metadata.name,
            'eviction',
            { apiVersion: 'policy/v1', kind: 'Eviction', metadata },
            { namespace: s.namespace },
          );
        } catch (err) {
          assert.ok(err instanceof StatusError && err.status.code === 429, String(err));
          assert.match((err as Error).message, /Cannot evict pod as it would violate the pod's disruption budget\./);
          refused++;
        }
      }
      const available = (await s.get<Deployment>(DEPLOYMENTS, 'web')).status?.availableReplicas ?? 0;
      assert.ok(available >= 3, `only ${available} available`);
      return (await on()).length === 0;
    });
    assert.ok(refused > 0, 'the budget was never asked');
    await s.until<Deployment>(DEPLOYMENTS, 'web', (d) => d.status?.availableReplicas === 4);
  });
});
