/** The controllers of a process against a real API server in the same process, on a virtual clock; pods are run by hand. */
import assert from 'node:assert/strict';
import { AdmissionMetrics } from '../../src/admission/admission-metrics.ts';
import { newAdmission } from '../../src/admission/chain.ts';
import { WebhookCaller } from '../../src/admission/webhook/caller.ts';
import type { Deployment, ReplicaSet } from '../../src/api/apps-v1.ts';
import type { Job } from '../../src/api/batch-v1.ts';
import type { Endpoints, Event, Namespace, Node, Pod, ResourceQuota, ServiceAccount } from '../../src/api/core-v1.ts';
import type { EndpointSlice } from '../../src/api/discovery-v1.ts';
import type { PodDisruptionBudget } from '../../src/api/policy-v1.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { Client, ResourceRef } from '../../src/client/client.ts';
import {
  CONFIGMAPS,
  DEPLOYMENTS,
  ENDPOINTS,
  ENDPOINTSLICES,
  EVENTS,
  JOBS,
  LEASES,
  NAMESPACES,
  NODES,
  PERSISTENTVOLUMECLAIMS,
  PODDISRUPTIONBUDGETS,
  PODS,
  REPLICASETS,
  RESOURCEQUOTAS,
  SERVICEACCOUNTS,
  SERVICES,
} from '../../src/client/resources.ts';
import { startControllerManager } from '../../src/kcm/controller-manager.ts';
import type { ControllerManagerFlags } from '../../src/kcm/flags.ts';
import { isNotFound } from '../../src/machinery/errors/status-error.ts';
import type { KubeObject } from '../../src/machinery/meta/object.ts';
import { formatMicroTime, formatTime } from '../../src/machinery/meta/time.ts';
import { startTestApi } from '../harness/start-test-api.ts';

const namespace = 'default';
const template = (labels: Record<string, string>, more: object = {}) => ({
  metadata: { labels },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'nginx:1' }], ...more },
});

class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  client!: Client;
  #close: (() => Promise<void>)[] = [];
  #ips = 0;

  static async open(flags: Partial<ControllerManagerFlags> = {}): Promise<World> {
    const w = new World();
    const webhooks = new WebhookCaller(
      { resolveService: () => Promise.reject(new Error('no services here')) },
      w.clock,
    );
    const random = seededRandom(7);
    const api = await startTestApi({
      clock: w.clock,
      random,
      admission: (services) => newAdmission({ data: services, webhooks, metrics: new AdmissionMetrics() }),
    });
    const manager = await startControllerManager({
      client: api.client,
      clock: w.clock,
      random,
      log: silentLogger,
      flags: { rootCa: 'CA', ...flags },
    });
    w.client = api.client;
    w.#close = [async () => manager[Symbol.asyncDispose](), () => api.close()];
    await manager.ready;
    for (const name of [namespace, 'kube-node-lease'])
      await w.client.create(NAMESPACES, { metadata: { name } }).catch(() => {});
    for (const name of ['n1', 'n2', 'n3']) await w.addNode(name);
    await w.clock.advance(1000);
    return w;
  }
  async addNode(name: string): Promise<void> {
    await this.client.create<Node>(NODES, { metadata: { name } });
    const now = formatTime(this.clock.now());
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'ok',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ];
    await this.client.patch(NODES, name, 'strategic', { status: { conditions } }, { subresource: 'status' });
  }
  async list<T extends KubeObject>(ref: ResourceRef): Promise<T[]> {
    return (await this.client.list<T>(ref, { namespace })).items;
  }
  /** Does what kubelets would: new pods run and are ready, deleted ones go. `steps` seconds. */
  async run(steps: number, phase: (p: Pod) => string = () => 'Running'): Promise<void> {
    for (let i = 0; i < steps; i++) {
      for (const pod of await this.list<Pod>(PODS)) await this.#runPod(pod, phase);
      await this.clock.advance(1000);
    }
  }
  async #runPod(pod: Pod, phase: (p: Pod) => string): Promise<void> {
    const name = pod.metadata.name!;
    if (pod.metadata.deletionTimestamp) {
      await this.client.delete(PODS, name, { namespace, gracePeriodSeconds: 0 }).catch(() => {});
      return;
    }
    const wanted = phase(pod);
    if (pod.status?.phase === wanted) return;
    const ip = pod.status?.podIP ?? `10.0.0.${++this.#ips}`;
    const ready = {
      type: 'Ready',
      status: wanted === 'Running' ? 'True' : 'False',
      lastTransitionTime: formatTime(this.clock.now()),
    };
    const status = { phase: wanted, podIP: ip, podIPs: [{ ip }], conditions: [ready] };
    await this.client.patch(PODS, name, 'strategic', { status }, { namespace, subresource: 'status' });
  }
  /** Renews the leases of these nodes every 10 s for `seconds`. */
  async beat(seconds: number, nodes: string[]): Promise<void> {
    for (let t = 0; t < seconds; t += 10) {
      for (const name of nodes) {
        const spec = { holderIdentity: name, renewTime: formatMicroTime(this.clock.now()), leaseDurationSeconds: 40 };
        const lease = { metadata: { name, namespace: 'kube-node-lease' }, spec };
        try {
          const held = await this.client.get(LEASES, name, { namespace: 'kube-node-lease' });
          await this.client.update(LEASES, { ...held, spec } as KubeObject);
        } catch (err) {
          if (!isNotFound(err)) throw err;
          await this.client.create(LEASES, lease as KubeObject);
        }
      }
      await this.clock.advance(10_000);
    }
  }
  async deploy(name: string, replicas: number, more: object = {}): Promise<void> {
    const labels = { app: name };
    const spec = { replicas, selector: { matchLabels: labels }, template: template(labels), ...more };
    await this.client.create<Deployment>(DEPLOYMENTS, { metadata: { name, namespace }, spec });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#close) await close();
  }
}

describe('controllers', () => {
  it('give every namespace its service account and root CA', async () => {
    await using w = await World.open();
    assert.deepEqual(
      (await w.list<ServiceAccount>(SERVICEACCOUNTS)).map((s) => s.metadata.name),
      ['default'],
    );
    assert.deepEqual(
      (await w.list(CONFIGMAPS)).map((s) => s.metadata.name),
      ['kube-root-ca.crt'],
    );
  });

  it('roll a Deployment out, and back to what it was', async () => {
    await using w = await World.open();
    await w.deploy('web', 3);
    await w.run(5);
    const first = await w.client.get<Deployment>(DEPLOYMENTS, 'web', { namespace });
    assert.equal(first.status?.availableReplicas, 3);
    assert.equal(first.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    assert.deepEqual(
      first.status?.conditions?.map((c) => [c.type, c.status, c.reason]),
      [
        ['Available', 'True', 'MinimumReplicasAvailable'],
        ['Progressing', 'True', 'NewReplicaSetAvailable'],
      ],
    );

    const image = (i: string) => [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: i }];
    await w.client.patch(DEPLOYMENTS, 'web', 'json', image('nginx:2'), { namespace });
    await w.run(12);
    assert.deepEqual((await w.list<ReplicaSet>(REPLICASETS)).map((s) => s.spec?.replicas).sort(), [0, 3]);
    await w.client.patch(DEPLOYMENTS, 'web', 'json', image('nginx:1'), { namespace });
    await w.run(12);
    const sets = await w.list<ReplicaSet>(REPLICASETS);
    const current = sets.find((s) => s.spec?.replicas === 3)!;
    assert.equal(sets.length, 2);
    assert.equal(current.metadata.annotations?.['deployment.kubernetes.io/revision'], '3');
    assert.equal(current.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1');

    const events = (await w.list<Event>(EVENTS)).filter((e) => e.reason === 'ScalingReplicaSet').map((e) => e.message);
    assert.ok(events.includes(`Scaled up replica set ${current.metadata.name} from 0 to 3`));
    assert.ok(events.includes(`Scaled down replica set ${current.metadata.name} from 1 to 0`));
  });

  it('say when a rollout makes no progress', async () => {
    await using w = await World.open();
    await w.deploy('stuck', 1, { progressDeadlineSeconds: 60 });
    await w.clock.advance(30_000);
    const progress = async () => {
      const d = await w.client.get<Deployment>(DEPLOYMENTS, 'stuck', { namespace });
      return d.status?.conditions?.find((c) => c.type === 'Progressing')?.reason;
    };
    assert.equal(await progress(), 'ReplicaSetUpdated');
    await w.beat(60, ['n1', 'n2', 'n3']);
    assert.equal(await progress(), 'ProgressDeadlineExceeded');
  });

  it('keep endpoints and slices of a Service', async () => {
    await using w = await World.open();
    await w.deploy('web', 2);
    await w.client.create(SERVICES, {
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }], clusterIP: '10.96.0.9', ipFamilies: ['IPv4'] },
    } as KubeObject);
    await w.run(8);
    const [slice] = await w.list<EndpointSlice>(ENDPOINTSLICES);
    assert.deepEqual(
      slice?.endpoints?.map((e) => [e.addresses, e.conditions?.ready, e.nodeName]),
      [
        [['10.0.0.1'], true, 'n1'],
        [['10.0.0.2'], true, 'n1'],
      ],
    );
    assert.equal(slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslice-controller.k8s.io');
    const [endpoints] = await w.list<Endpoints>(ENDPOINTS);
    assert.deepEqual(
      endpoints?.subsets?.[0]?.addresses?.map((a) => a.ip),
      ['10.0.0.1', '10.0.0.2'],
    );
    await w.client.delete(SERVICES, 'web', { namespace });
    await w.clock.advance(3000);
    assert.equal((await w.list(ENDPOINTSLICES)).length, 0);
    assert.equal((await w.list(ENDPOINTS)).length, 0);
  });

  for (const [policy, want] of [
    ['Background', 0],
    ['Foreground', 0],
    ['Orphan', 2],
  ] as const) {
    it(`delete a Deployment's dependents as propagation policy ${policy} says`, async () => {
      await using w = await World.open();
      await w.deploy('web', 2);
      await w.run(3);
      await w.client.delete(DEPLOYMENTS, 'web', { namespace, propagationPolicy: policy });
      await w.clock.advance(500);
      // In the foreground the owner is there until the last dependent is gone.
      assert.equal((await w.list(DEPLOYMENTS)).length, policy === 'Foreground' ? 1 : 0);
      await w.run(6);
      assert.equal((await w.list(DEPLOYMENTS)).length, 0);
      assert.equal((await w.list(PODS)).length, want);
      const owners = (await w.list<ReplicaSet>(REPLICASETS)).map((s) => s.metadata.ownerReferences ?? []);
      assert.deepEqual(owners, policy === 'Orphan' ? [[]] : []);
    });
  }

  it('empty and finalize a namespace', async () => {
    await using w = await World.open();
    await w.client.create(NAMESPACES, { metadata: { name: 'doomed' } });
    await w.client.create(CONFIGMAPS, {
      metadata: { name: 'held', namespace: 'doomed', finalizers: ['example.com/hold'] },
    });
    await w.client.delete(NAMESPACES, 'doomed');
    await w.clock.advance(8_000);
    const ns = await w.client.get<Namespace>(NAMESPACES, 'doomed');
    assert.equal(ns.status?.phase, 'Terminating');
    const remaining = ns.status?.conditions?.find((c) => c.type === 'NamespaceFinalizersRemaining');
    assert.equal(
      remaining?.message,
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    );
    await w.client.patch(CONFIGMAPS, 'held', 'merge', { metadata: { finalizers: null } }, { namespace: 'doomed' });
    await w.clock.advance(60_000);
    await assert.rejects(w.client.get(NAMESPACES, 'doomed'), isNotFound);
  });

  it('run a Job to its completions', async () => {
    await using w = await World.open();
    const spec = {
      completions: 3,
      parallelism: 2,
      completionMode: 'Indexed',
      template: template({}, { restartPolicy: 'Never' }),
    };
    await w.client.create(JOBS, { metadata: { name: 'sum', namespace }, spec } as KubeObject);
    await w.run(12, (p) =>
      p.status?.phase === 'Running' ? 'Succeeded' : p.status?.phase === 'Succeeded' ? 'Succeeded' : 'Running',
    );
    const job = await w.client.get<Job>(JOBS, 'sum', { namespace });
    assert.equal(job.status?.succeeded, 3);
    assert.equal(job.status?.completedIndexes, '0-2');
    assert.deepEqual(
      job.status?.conditions?.map((c) => [c.type, c.reason]),
      [
        ['SuccessCriteriaMet', 'CompletionsReached'],
        ['Complete', 'CompletionsReached'],
      ],
    );
    for (const pod of await w.list<Pod>(PODS)) assert.deepEqual(pod.metadata.finalizers ?? [], []);
  });

  it('fail a Job at its back-off limit, waiting longer after each failure', async () => {
    await using w = await World.open();
    await w.client.create(JOBS, {
      metadata: { name: 'bad', namespace },
      spec: { backoffLimit: 1, template: template({}, { restartPolicy: 'Never' }) },
    } as KubeObject);
    await w.run(5, () => 'Failed');
    assert.equal((await w.list(PODS)).length, 1);
    await w.run(15, () => 'Failed');
    const job = await w.client.get<Job>(JOBS, 'bad', { namespace });
    assert.equal(job.status?.failed, 2);
    assert.deepEqual(
      job.status?.conditions?.map((c) => [c.type, c.reason, c.message]),
      [
        ['FailureTarget', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit'],
        ['Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit'],
      ],
    );
  });

  it('mark a silent node and evict its pods after their toleration', async () => {
    await using w = await World.open({ nodeMonitorGracePeriod: 40_000 });
    const tolerations = ['not-ready', 'unreachable'].map((k) => ({
      key: `node.kubernetes.io/${k}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    }));
    await w.deploy('web', 1, { template: template({ app: 'web' }, { tolerations }) });
    await w.beat(30, ['n1', 'n2', 'n3']);
    await w.run(3);
    const [pod] = await w.list<Pod>(PODS);
    await w.beat(60, ['n2', 'n3']);
    const node = await w.client.get<Node>(NODES, 'n1');
    const ready = node.status?.conditions?.find((c) => c.type === 'Ready');
    assert.deepEqual(
      [ready?.status, ready?.reason, ready?.message],
      ['Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'],
    );
    assert.deepEqual(node.spec?.taints?.map((t) => `${t.key}:${t.effect}`).sort(), [
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    assert.equal(
      (await w.client.get<Pod>(PODS, pod!.metadata.name!, { namespace })).metadata.deletionTimestamp,
      undefined,
    );
    await w.beat(310, ['n2', 'n3']);
    const evicted = await w.client.get<Pod>(PODS, pod!.metadata.name!, { namespace });
    assert.notEqual(evicted.metadata.deletionTimestamp, undefined);
    assert.equal(
      evicted.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason,
      'DeletionByTaintManager',
    );
  });

  it('count what a quota limits', async () => {
    await using w = await World.open();
    await w.client.create<ResourceQuota>(RESOURCEQUOTAS, {
      metadata: { name: 'q', namespace },
      spec: { hard: { pods: '5', configmaps: '9', 'count/jobs.batch': '2' } },
    });
    await w.deploy('web', 2);
    await w.run(3);
    await w.beat(300, ['n1', 'n2', 'n3']);
    const used = async () => (await w.client.get<ResourceQuota>(RESOURCEQUOTAS, 'q', { namespace })).status?.used;
    assert.deepEqual(await used(), { configmaps: '1', 'count/jobs.batch': '0', pods: '2' });
    await w.client.delete(CONFIGMAPS, 'kube-root-ca.crt', { namespace });
    await w.client.delete(DEPLOYMENTS, 'web', { namespace });
    await w.run(4);
    assert.deepEqual(await used(), { configmaps: '1', 'count/jobs.batch': '0', pods: '0' });
  });

  it('count a pod for another quota when it gets a deadline', async () => {
    await using w = await World.open();
    const scopes = ['Terminating', 'NotTerminating'] as const;
    for (const scope of scopes)
      await w.client.create<ResourceQuota>(RESOURCEQUOTAS, {
        metadata: { name: scope.toLowerCase(), namespace },
        spec: { hard: { pods: '5' }, scopes: [scope] },
      });
    const made = await w.client.create<Pod>(PODS, {
      metadata: { name: 'p', namespace },
      spec: template({}).spec,
    } as Pod);
    const used = async () => {
      const quotas = scopes.map((s) => w.client.get<ResourceQuota>(RESOURCEQUOTAS, s.toLowerCase(), { namespace }));
      return (await Promise.all(quotas)).map((q) => q.status?.used?.pods);
    };
    await w.run(3);
    assert.deepEqual(await used(), ['0', '1']);
    await w.client.patch<Pod>(
      PODS,
      made.metadata.name!,
      'merge',
      { spec: { activeDeadlineSeconds: 3600 } },
      { namespace },
    );
    await w.run(3);
    assert.deepEqual(await used(), ['1', '0']);
  });

  it('say how many pods of a budget may be disrupted', async () => {
    await using w = await World.open();
    const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } };
    await w.client.create<PodDisruptionBudget>(PODDISRUPTIONBUDGETS, { metadata: { name: 'b', namespace }, spec });
    await w.deploy('web', 3);
    const status = async () =>
      (await w.client.get<PodDisruptionBudget>(PODDISRUPTIONBUDGETS, 'b', { namespace })).status;
    await w.run(8);
    const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = (await status())!;
    assert.deepEqual([disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods], [1, 3, 2, 3]);
    await w.client.delete(PODS, (await w.list<Pod>(PODS))[0]!.metadata.name!, { namespace });
    await w.clock.advance(1000);
    assert.equal((await status())?.disruptionsAllowed, 0);
    assert.equal((await status())?.conditions?.[0]?.reason, 'InsufficientPods');
  });

  it('let a claim go only when no pod uses it', async () => {
    await using w = await World.open();
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    await w.client.create(PERSISTENTVOLUMECLAIMS, { metadata: { name: 'data', namespace }, spec } as KubeObject);
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    await w.client.create(PODS, {
      metadata: { name: 'p', namespace },
      spec: { ...template({}).spec, volumes },
    } as KubeObject);
    await w.client.delete(PERSISTENTVOLUMECLAIMS, 'data', { namespace });
    await w.clock.advance(2000);
    assert.deepEqual(
      (await w.list(PERSISTENTVOLUMECLAIMS)).map((c) => c.metadata.finalizers),
      [['kubernetes.io/pvc-protection']],
    );
    await w.client.delete(PODS, 'p', { namespace, gracePeriodSeconds: 0 });
    await w.clock.advance(2000);
    assert.equal((await w.list(PERSISTENTVOLUMECLAIMS)).length, 0);
  });
});
