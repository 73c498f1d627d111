/** StatefulSets, DaemonSets and CronJobs on a whole cluster with simulated nodes and virtual time. */
import assert from 'node:assert/strict';
import type { ControllerRevision, DaemonSet, StatefulSet } from '../../src/api/apps-v1.ts';
import type { CronJob, Job } from '../../src/api/batch-v1.ts';
import type { Event, PersistentVolumeClaim, Pod } from '../../src/api/core-v1.ts';
import {
  CONTROLLERREVISIONS,
  CRONJOBS,
  DAEMONSETS,
  EVENTS,
  JOBS,
  NODES,
  PERSISTENTVOLUMECLAIMS,
  PODS,
  STATEFULSETS,
} from '../../src/client/resources.ts';
import { type Scope, VirtualCluster } from '../harness/virtual-cluster.ts';

describe('sets of pods in a whole cluster', () => {
  let vc: VirtualCluster;
  before(async () => {
    vc = await VirtualCluster.start();
  });
  after(() => vc[Symbol.asyncDispose]());

  const podSpec = (image: string) => ({ containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 1 });
  const labels = { app: 'web' };
  const createSet = (s: Scope, replicas: number, more: object = {}) =>
    s.create<StatefulSet>(STATEFULSETS, 'web', {
      spec: {
        replicas,
        serviceName: 'web',
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec('nginx:1') },
        ...more,
      },
    });
  const setImage = (s: Scope, image: string) =>
    s.merge(STATEFULSETS, 'web', { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });
  const updated = (n: number) => (set: StatefulSet) =>
    set.status?.observedGeneration === set.metadata.generation &&
    set.status?.updatedReplicas === n &&
    set.status.readyReplicas === n &&
    set.status.currentRevision === set.status.updateRevision;
  const images = async (s: Scope) =>
    (await s.list<Pod>(PODS)).map((p) => `${p.metadata.name} ${p.spec?.containers[0]?.image}`).sort();

  describe('StatefulSet', () => {
    it('pods come one after the other, with their identity, and go in reverse', async () => {
      const s = await vc.namespace();
      await createSet(s, 3);
      const order: string[] = [];
      await vc.until('three are ready', async () => {
        const pods = await s.list<Pod>(PODS);
        const waiting = pods.filter(
          (p) => !p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        );
        assert.ok(waiting.length <= 1, 'two pods start at the same time');
        for (const p of pods) if (!order.includes(p.metadata.name!)) order.push(p.metadata.name!);
        return pods.length === 3 && waiting.length === 0;
      });
      assert.deepEqual(order, ['web-0', 'web-1', 'web-2']);
      const set = await s.until<StatefulSet>(STATEFULSETS, 'web', updated(3));
      const pod = await s.get<Pod>(PODS, 'web-1');
      assert.deepEqual(pod.metadata.labels, {
        app: 'web',
        'apps.kubernetes.io/pod-index': '1',
        'controller-revision-hash': set.status!.updateRevision,
        'statefulset.kubernetes.io/pod-name': 'web-1',
      });
      assert.deepEqual([pod.spec?.hostname, pod.spec?.subdomain, pod.metadata.generateName], ['web-1', 'web', 'web-']);
      const { observedGeneration, currentRevision: _, updateRevision: __, ...status } = set.status!;
      assert.equal(observedGeneration, 1);
      assert.deepEqual(status, {
        availableReplicas: 3,
        collisionCount: 0,
        currentReplicas: 3,
        readyReplicas: 3,
        replicas: 3,
        updatedReplicas: 3,
      });
      await s.merge(STATEFULSETS, 'web', { spec: { replicas: 1 } });
      const seen: string[] = [];
      await vc.until('one is left', async () => {
        const pods = await s.list<Pod>(PODS);
        const going = pods.filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name!);
        assert.ok(going.length <= 1);
        seen.push(...going.filter((n) => !seen.includes(n)));
        return pods.length === 1;
      });
      assert.deepEqual(await images(s), ['web-0 nginx:1']);
      const events = (await s.list<Event>(EVENTS)).filter((e) => e.involvedObject.kind === 'StatefulSet');
      assert.deepEqual([...new Set(events.map((e) => `${e.reason}: ${e.message}`))].slice(0, 1), [
        'SuccessfulCreate: Create Pod web-0 in StatefulSet web successful',
      ]);
      assert.deepEqual(
        events.filter((e) => e.reason === 'SuccessfulDelete').map((e) => e.message),
        ['Delete Pod web-2 in StatefulSet web successful', 'Delete Pod web-1 in StatefulSet web successful'],
      );
    });

    it('a deleted pod comes back under its name; Parallel starts all at once', async () => {
      const s = await vc.namespace();
      await createSet(s, 4, {
        podManagementPolicy: 'Parallel',
        ordinals: { start: 5 },
        template: { metadata: { labels }, spec: podSpec('invalid.example/never:1') },
      });
      await vc.until('all are there, none ready', async () => (await s.list(PODS)).length === 4, 5);
      assert.deepEqual((await s.list(PODS)).map((p) => p.metadata.name).sort(), ['web-5', 'web-6', 'web-7', 'web-8']);
      const uid = (await s.get(PODS, 'web-6')).metadata.uid;
      await s.delete(PODS, 'web-6');
      await vc.until('it is back', async () => {
        const pods = await s.list(PODS);
        return pods.length === 4 && pods.every((p) => p.metadata.uid !== uid && !p.metadata.deletionTimestamp);
      });
    });

    it('RollingUpdate goes from the highest to the partition, one at a time', async () => {
      const s = await vc.namespace();
      await createSet(s, 3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } });
      await s.until<StatefulSet>(STATEFULSETS, 'web', updated(3));
      await setImage(s, 'nginx:2');
      await vc.until('those from the partition on are new', async () => {
        const pods = await s.list<Pod>(PODS);
        const ready = pods.filter(
          (p) =>
            !p.metadata.deletionTimestamp &&
            p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        );
        assert.ok(ready.length >= 2, 'more than one pod is away');
        return ready.length === 3 && (await images(s)).join() === 'web-0 nginx:1,web-1 nginx:2,web-2 nginx:2';
      });
      const part = await s.until<StatefulSet>(
        STATEFULSETS,
        'web',
        (x) => x.status?.readyReplicas === 3 && x.status.updatedReplicas === 2,
      );
      assert.equal(part.status?.currentReplicas, 1);
      assert.notEqual(part.status?.currentRevision, part.status?.updateRevision);
      // A pod below the partition that is lost comes back as it was.
      await s.delete(PODS, 'web-0');
      await vc.clock.advance(10_000);
      assert.equal((await images(s))[0], 'web-0 nginx:1');
      await s.merge(STATEFULSETS, 'web', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
      await s.until<StatefulSet>(STATEFULSETS, 'web', updated(3));
      assert.deepEqual(await images(s), ['web-0 nginx:2', 'web-1 nginx:2', 'web-2 nginx:2']);
    });

    it('OnDelete waits for deletion; a rollback renumbers the old revision, unused ones beyond the limit go', async () => {
      const s = await vc.namespace();
      await createSet(s, 2, { updateStrategy: { type: 'OnDelete' }, revisionHistoryLimit: 1 });
      await s.until<StatefulSet>(STATEFULSETS, 'web', (x) => x.status?.readyReplicas === 2);
      await setImage(s, 'nginx:2');
      await vc.clock.advance(10_000);
      assert.deepEqual(await images(s), ['web-0 nginx:1', 'web-1 nginx:1']);
      await s.delete(PODS, 'web-0');
      await vc.until('web-0 is new', async () => (await images(s)).join() === 'web-0 nginx:2,web-1 nginx:1');
      const revisions = async () =>
        (await s.list<ControllerRevision>(CONTROLLERREVISIONS))
          .map(
            (r) =>
              `${r.revision} ${(r.data as { spec: { template: { spec: { containers: { image: string }[] } } } }).spec.template.spec.containers[0]!.image}`,
          )
          .sort();
      assert.deepEqual(await revisions(), ['1 nginx:1', '2 nginx:2']);
      await setImage(s, 'nginx:1');
      await vc.until('the first is the latest', async () => (await revisions()).join() === '2 nginx:2,3 nginx:1');
      await s.delete(PODS, 'web-0');
      await vc.until(
        'web-0 is back at the first',
        async () => (await images(s)).join() === 'web-0 nginx:1,web-1 nginx:1',
      );
      for (const v of [3, 4]) {
        await setImage(s, `nginx:${v}`);
        await vc.clock.advance(3_000);
      }
      // nginx:1 is in use, nginx:4 wanted; of the others one is kept.
      assert.deepEqual(await revisions(), ['3 nginx:1', '4 nginx:3', '5 nginx:4']);
    });

    it('claims are made of templates and kept, or go as the retention policy says', async () => {
      const s = await vc.namespace();
      const volumeClaimTemplates = [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ];
      await createSet(s, 2, {
        podManagementPolicy: 'Parallel',
        volumeClaimTemplates,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
      });
      const claims = async () =>
        (await s.list<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS)).map(
          (c) =>
            `${c.metadata?.name} ${JSON.stringify(c.metadata?.labels)} ${c.metadata?.ownerReferences?.map((r) => `${r.kind}/${r.name}`)}`,
        );
      await vc.until(
        'claims are owned by the set',
        async () =>
          (await claims()).join() ===
          'data-web-0 {"app":"web"} StatefulSet/web,data-web-1 {"app":"web"} StatefulSet/web',
      );
      assert.deepEqual((await s.get<Pod>(PODS, 'web-1')).spec?.volumes?.[0], {
        name: 'data',
        persistentVolumeClaim: { claimName: 'data-web-1' },
      });
      await s.merge(STATEFULSETS, 'web', { spec: { replicas: 1 } });
      await vc.until(
        'the claim went with its pod',
        async () => (await claims()).join() === 'data-web-0 {"app":"web"} StatefulSet/web',
      );
      await s.merge(STATEFULSETS, 'web', {
        spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } },
      });
      await vc.until(
        'nobody owns the claim',
        async () => (await claims()).join() === 'data-web-0 {"app":"web"} undefined',
      );
      await s.delete(STATEFULSETS, 'web', { propagationPolicy: 'Foreground' });
      await vc.until(
        'pods are gone',
        async () => (await s.list(PODS)).length + (await s.list(STATEFULSETS)).length === 0,
      );
      assert.equal((await claims()).length, 1);
    });

    it('minReadySeconds holds the next pod back', async () => {
      const s = await vc.namespace();
      await createSet(s, 2, { minReadySeconds: 10 });
      await s.until<StatefulSet>(STATEFULSETS, 'web', (x) => x.status?.readyReplicas === 1);
      await vc.clock.advance(5_000);
      assert.equal((await s.list(PODS)).length, 1);
      await s.until<StatefulSet>(STATEFULSETS, 'web', (x) => x.status?.availableReplicas === 2, 25);
    });
  });

  describe('DaemonSet', () => {
    const createDaemon = (s: Scope, more: object = {}, spec: object = {}) =>
      s.create<DaemonSet>(DAEMONSETS, 'd', {
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { ...podSpec('nginx:1'), ...spec } },
          ...more,
        },
      });
    const setDaemonImage = (s: Scope, image: string) =>
      s.merge(DAEMONSETS, 'd', { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });
    const isReady = (p: Pod) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
    const done = (n: number) => (d: DaemonSet) =>
      d.status?.observedGeneration === d.metadata.generation &&
      d.status?.updatedNumberScheduled === n &&
      d.status.numberAvailable === n;
    const placed = async (s: Scope) =>
      (await s.list<Pod>(PODS)).map((p) => `${p.spec?.nodeName} ${p.spec?.containers[0]?.image}`).sort();

    it('one pod on every node it belongs on, old and new, whatever is wrong with the node', async () => {
      const s = await vc.namespace();
      await vc.client.patch(NODES, 'node-2', 'merge', { spec: { unschedulable: true } });
      await createDaemon(s);
      const d = await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      assert.deepEqual(d.status, {
        currentNumberScheduled: 2,
        desiredNumberScheduled: 2,
        numberMisscheduled: 0,
        numberReady: 2,
        numberAvailable: 2,
        updatedNumberScheduled: 2,
        observedGeneration: 1,
      });
      const pod = (await s.list<Pod>(PODS)).find((p) => p.spec?.nodeName === 'node-2')!;
      assert.deepEqual(
        pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
        [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-2'] }] }],
      );
      assert.deepEqual(pod.spec?.tolerations?.map((t) => `${t.key}:${t.effect}`).sort(), [
        'node.kubernetes.io/disk-pressure:NoSchedule',
        'node.kubernetes.io/memory-pressure:NoSchedule',
        'node.kubernetes.io/not-ready:NoExecute',
        'node.kubernetes.io/pid-pressure:NoSchedule',
        'node.kubernetes.io/unreachable:NoExecute',
        'node.kubernetes.io/unschedulable:NoSchedule',
      ]);
      const [revision] = await s.list<ControllerRevision>(CONTROLLERREVISIONS);
      assert.deepEqual(pod.metadata.labels, {
        app: 'web',
        'controller-revision-hash': revision!.metadata.labels!['controller-revision-hash'],
        'pod-template-generation': '1',
      });
      assert.equal(revision!.metadata.name, `d-${pod.metadata.labels!['controller-revision-hash']}`);
      await vc.client.patch(NODES, 'node-2', 'merge', { spec: { unschedulable: null } });
      await vc.cluster.nodes.add({ name: 'node-3', labels: { disk: 'ssd' } });
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(3));

      // Only where the label is; the others lose theirs.
      await s.merge(DAEMONSETS, 'd', { spec: { template: { spec: { nodeSelector: { disk: 'ssd' } } } } });
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(1));
      assert.deepEqual(await placed(s), ['node-3 nginx:1']);
      // A taint that is not tolerated keeps new pods away but lets running ones be; NoExecute does not.
      const taint = (effect: string) => ({ spec: { taints: [{ key: 'k', value: 'v', effect }] } });
      await vc.client.patch(NODES, 'node-3', 'merge', taint('NoSchedule'));
      await vc.clock.advance(5_000);
      assert.equal((await s.list(PODS)).length, 1);
      await vc.client.patch(NODES, 'node-3', 'merge', taint('NoExecute'));
      await vc.until('the pod is gone', async () => (await s.list(PODS)).length === 0);
      await s.delete(DAEMONSETS, 'd');
      await vc.cluster.nodes.silence('node-3');
      await vc.client.delete(NODES, 'node-3');
    });

    it('RollingUpdate: at most maxUnavailable are away; a rollback takes the old revision up again', async () => {
      const s = await vc.namespace();
      await createDaemon(s);
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      await setDaemonImage(s, 'nginx:2');
      await vc.until('both are new', async () => {
        const ready = (await s.list<Pod>(PODS)).filter((p) => isReady(p) && !p.metadata.deletionTimestamp);
        assert.ok(ready.length >= 1, 'both are away');
        return ready.length === 2 && (await placed(s)).every((p) => p.endsWith('nginx:2'));
      });
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      await setDaemonImage(s, 'nginx:1');
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      assert.deepEqual(await placed(s), ['node-1 nginx:1', 'node-2 nginx:1']);
      assert.deepEqual((await s.list<ControllerRevision>(CONTROLLERREVISIONS)).map((r) => r.revision).sort(), [2, 3]);
    });

    it('maxSurge: the new pod is ready before the old one goes; OnDelete waits', async () => {
      const s = await vc.namespace();
      const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
      await createDaemon(s, { updateStrategy: rolling });
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      await setDaemonImage(s, 'nginx:2');
      await vc.until('both are new', async () => {
        const pods = (await s.list<Pod>(PODS)).filter((p) => !p.metadata.deletionTimestamp);
        const nodes = new Set(pods.filter(isReady).map((p) => p.spec?.nodeName));
        assert.equal(nodes.size, 2, 'a node without its daemon');
        assert.ok(pods.length <= 3);
        return pods.length === 2 && (await placed(s)).join() === 'node-1 nginx:2,node-2 nginx:2';
      });
      await s.merge(DAEMONSETS, 'd', { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } });
      await setDaemonImage(s, 'nginx:3');
      await vc.clock.advance(10_000);
      assert.deepEqual(await placed(s), ['node-1 nginx:2', 'node-2 nginx:2']);
      await s.delete(PODS, (await s.list<Pod>(PODS)).find((p) => p.spec?.nodeName === 'node-1')!.metadata.name!);
      await vc.until('one is new', async () => (await placed(s)).join() === 'node-1 nginx:3,node-2 nginx:2');
    });

    it('failed pods are replaced, ever more slowly', async () => {
      const s = await vc.namespace();
      await createDaemon(s);
      await s.until<DaemonSet>(DAEMONSETS, 'd', done(2));
      const seen = new Set<string>();
      for (let t = 0; t < 20; t++) {
        const pod = (await s.list<Pod>(PODS)).find(
          (p) => p.spec?.nodeName === 'node-1' && !p.metadata.deletionTimestamp,
        );
        if (pod) {
          seen.add(pod.metadata.uid!);
          await vc.client.patch(
            PODS,
            pod.metadata.name!,
            'merge',
            { status: { phase: 'Failed' } },
            { namespace: s.namespace, subresource: 'status' },
          );
        }
        await vc.clock.advance(1_000);
      }
      assert.ok(seen.size >= 4 && seen.size <= 7, `${seen.size} pods in 20 s`);
      const events = (await s.list<Event>(EVENTS)).filter((e) => e.reason === 'FailedDaemonPod');
      assert.match(events[0]!.message!, /^Found failed daemon pod t\d+\/d-\w+ on node node-1, will try to kill it$/);
    });
  });

  describe('CronJob', () => {
    const createCron = (s: Scope, command: string, spec: object = {}) =>
      s.create<CronJob>(CRONJOBS, 'c', {
        spec: {
          schedule: '* * * * *',
          ...spec,
          jobTemplate: {
            metadata: { labels: { of: 'cron' } },
            spec: {
              template: {
                spec: {
                  restartPolicy: 'Never',
                  terminationGracePeriodSeconds: 1,
                  containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', command] }],
                },
              },
            },
          },
        },
      });
    const eventsOf = async (s: Scope) => [
      ...new Set(
        (await s.list<Event>(EVENTS)).filter((e) => e.involvedObject.kind === 'CronJob').map((e) => e.reason!),
      ),
    ];
    /** To the start of a minute, or of one that `of` divides. */
    const toMinute = (of = 1) => vc.clock.advance(of * 60_000 - (vc.clock.now() % (of * 60_000)));

    it('starts a Job each minute, keeps the last ones, and can be suspended', async () => {
      const s = await vc.namespace();
      await toMinute();
      await createCron(s, 'sleep 5', { successfulJobsHistoryLimit: 2 });
      const start = vc.clock.now();
      await vc.clock.advance(59_000);
      assert.equal((await s.list(JOBS)).length, 0);
      await vc.clock.advance(4_000);
      const [job] = await s.list<Job>(JOBS);
      assert.equal(job?.metadata.name, `c-${start / 60_000 + 1}`);
      assert.deepEqual(job?.metadata.labels, { of: 'cron' });
      const active = (await s.get<CronJob>(CRONJOBS, 'c')).status?.active;
      assert.deepEqual(
        active?.map((a) => [a.kind, a.name, a.uid]),
        [['Job', job?.metadata.name, job?.metadata.uid]],
      );
      await vc.clock.advance(4 * 60_000);
      const numbers = (await s.list(JOBS)).map((j) => Number(j.metadata.name!.slice(2)) - start / 60_000);
      assert.deepEqual(numbers, [3, 4, 5], 'two that succeeded and one that runs');
      const cron = await s.until<CronJob>(CRONJOBS, 'c', (c) => c.status?.active === undefined);
      assert.equal(Date.parse(cron.status!.lastScheduleTime!), start + 5 * 60_000);
      assert.ok(Date.parse(cron.status!.lastSuccessfulTime!) > start + 5 * 60_000);
      assert.deepEqual(await eventsOf(s), ['SuccessfulCreate', 'SawCompletedJob', 'SuccessfulDelete']);
      await s.merge(CRONJOBS, 'c', { spec: { suspend: true } });
      await vc.clock.advance(180_000);
      assert.equal((await s.get<CronJob>(CRONJOBS, 'c')).status?.lastScheduleTime, cron.status!.lastScheduleTime);
    });

    for (const [policy, want] of [
      ['Forbid', { jobs: 1, event: 'JobAlreadyActive' }],
      ['Replace', { jobs: 1, event: 'SuccessfulDelete' }],
      ['Allow', { jobs: 3, event: 'SuccessfulCreate' }],
    ] as const) {
      it(`${policy}: ${want.jobs} of 3 Jobs that take long are there`, async () => {
        const s = await vc.namespace();
        await toMinute();
        await createCron(s, 'sleep 6000', { concurrencyPolicy: policy });
        const minute = vc.clock.now() / 60_000;
        await vc.clock.advance(3 * 60_000 + 5_000);
        const names = (await s.list(JOBS)).map((j) => j.metadata.name);
        assert.equal(names.length, want.jobs);
        assert.equal(names.at(-1), `c-${minute + (policy === 'Forbid' ? 1 : 3)}`);
        assert.ok((await eventsOf(s)).includes(want.event));
        await s.delete(CRONJOBS, 'c', { propagationPolicy: 'Background' });
        await vc.until('Jobs are gone', async () => (await s.list(JOBS)).length === 0);
      });
    }

    it('what was missed while suspended is started once, unless its deadline has passed', async () => {
      const s = await vc.namespace();
      await toMinute(5);
      await createCron(s, 'sleep 5', { schedule: '*/5 * * * *', suspend: true });
      await vc.clock.advance(17 * 60_000);
      await s.merge(CRONJOBS, 'c', { spec: { startingDeadlineSeconds: 10 } });
      await s.merge(CRONJOBS, 'c', { spec: { suspend: false } });
      await vc.clock.advance(5_000);
      assert.equal((await s.list(JOBS)).length, 0);
      await s.merge(CRONJOBS, 'c', { spec: { startingDeadlineSeconds: null } });
      await vc.clock.advance(5_000);
      assert.equal((await s.list(JOBS)).length, 1);
    });
  });
});
