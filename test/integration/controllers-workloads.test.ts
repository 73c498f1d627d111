/** Deployments, ReplicationControllers and Jobs through their less common flows, on a whole cluster with simulated nodes and virtual time. */
import assert from 'node:assert/strict';
import type { Deployment, ReplicaSet } from '../../src/api/apps-v1.ts';
import type { Job } from '../../src/api/batch-v1.ts';
import type { Pod, ReplicationController } from '../../src/api/core-v1.ts';
import { DEPLOYMENTS, JOBS, PODS, REPLICASETS, REPLICATIONCONTROLLERS } from '../../src/client/resources.ts';
import { isNotFound } from '../../src/machinery/errors/status-error.ts';
import { type Scope, VirtualCluster } from '../harness/virtual-cluster.ts';

const REVISION = 'deployment.kubernetes.io/revision';

describe('workload controllers in a whole cluster', () => {
  let vc: VirtualCluster;
  before(async () => {
    vc = await VirtualCluster.start();
  });
  after(() => vc[Symbol.asyncDispose]());

  const container = (image: string) => ({ containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 1 });
  const deploy = (s: Scope, replicas: number, more: object = {}) =>
    s.create<Deployment>(DEPLOYMENTS, 'web', {
      spec: {
        replicas,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: container('nginx:1') },
        ...more,
      },
    });
  const setImage = (s: Scope, image: string) =>
    s.merge(DEPLOYMENTS, 'web', { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });
  const rolledOut = (n: number) => (d: Deployment) =>
    d.status?.observedGeneration === d.metadata.generation &&
    d.status?.updatedReplicas === n &&
    d.status?.replicas === n &&
    d.status?.availableReplicas === n;
  const images = async (s: Scope) =>
    (await s.list<ReplicaSet>(REPLICASETS))
      .map((r) => `${r.spec?.template?.spec?.containers[0]?.image} ${r.spec?.replicas}`)
      .sort();

  it('Recreate: no new pod before the last old one is gone', async () => {
    const s = await vc.namespace();
    await deploy(s, 3, { strategy: { type: 'Recreate' } });
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(3));
    const old = new Set((await s.list<Pod>(PODS)).map((p) => p.metadata.name));
    await setImage(s, 'nginx:2');
    await vc.until('only new pods, and never both', async () => {
      const pods = await s.list<Pod>(PODS);
      const kept = pods.filter((p) => old.has(p.metadata.name)).length;
      if (kept > 0) assert.equal(kept, pods.length, 'old and new pods at the same time');
      return kept === 0 && pods.length === 3;
    });
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(3));
    assert.deepEqual(await images(s), ['nginx:1 0', 'nginx:2 3']);
  });

  it('paused: scales but does not roll out; resumed: does', async () => {
    const s = await vc.namespace();
    await deploy(s, 2);
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(2));
    await s.merge(DEPLOYMENTS, 'web', { spec: { paused: true } });
    await setImage(s, 'nginx:2');
    await s.merge(DEPLOYMENTS, 'web', { spec: { replicas: 4 } });
    const paused = await s.until<Deployment>(DEPLOYMENTS, 'web', (d) => d.status?.availableReplicas === 4);
    assert.deepEqual(await images(s), ['nginx:1 4']);
    const progressing = paused.status?.conditions?.find((c) => c.type === 'Progressing');
    assert.deepEqual([progressing?.status, progressing?.reason], ['Unknown', 'DeploymentPaused']);
    await s.merge(DEPLOYMENTS, 'web', { spec: { paused: null } });
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(4));
    assert.deepEqual(await images(s), ['nginx:1 0', 'nginx:2 4']);
  });

  it('scaled in the middle of a rollout: both sets grow in proportion', async () => {
    const s = await vc.namespace();
    await deploy(s, 10, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(10));
    await setImage(s, 'invalid.example/never:1');
    await vc.until(
      'the rollout is stuck',
      async () => (await images(s)).join() === 'invalid.example/never:1 5,nginx:1 8',
    );
    await s.merge(DEPLOYMENTS, 'web', { spec: { replicas: 15 } });
    // 18 = 15 + maxSurge in all; upstream's documentation has this very case.
    await vc
      .until('both have grown', async () => (await images(s)).join() === 'invalid.example/never:1 7,nginx:1 11')
      .catch(async (err: unknown) => assert.fail(`${err}: ${await images(s)}`));
  });

  it('rolled back: the old set takes the next revision, and old sets beyond the limit go', async () => {
    const s = await vc.namespace();
    await deploy(s, 1, { revisionHistoryLimit: 1 });
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(1));
    const [first] = await s.list<ReplicaSet>(REPLICASETS);
    await setImage(s, 'nginx:2');
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(1));
    const { 'pod-template-hash': _, ...labels } = first!.spec!.template!.metadata!.labels!;
    const template = { ...first!.spec!.template, metadata: { labels } };
    await vc.client.patch(DEPLOYMENTS, 'web', 'json', [{ op: 'replace', path: '/spec/template', value: template }], {
      namespace: s.namespace,
    });
    const back = await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(1));
    assert.equal(back.metadata.annotations?.[REVISION], '3');
    const set = await s.get<ReplicaSet>(REPLICASETS, first!.metadata.name!);
    assert.deepEqual([set.metadata.annotations?.[REVISION], set.spec?.replicas], ['3', 1]);
    await setImage(s, 'nginx:3');
    await s.until<Deployment>(DEPLOYMENTS, 'web', rolledOut(1));
    await vc.until('one old set is left', async () => (await images(s)).join() === 'nginx:1 0,nginx:3 1');
  });

  it('a ReplicationController replaces, adopts and releases pods', async () => {
    const s = await vc.namespace();
    await s.create(PODS, 'stray', { spec: container('nginx') }, { labels: { app: 'rc' } });
    await s.create(REPLICATIONCONTROLLERS, 'rc', {
      spec: {
        replicas: 2,
        selector: { app: 'rc' },
        template: { metadata: { labels: { app: 'rc' } }, spec: container('nginx') },
      },
    });
    const ready = (rc: ReplicationController) => rc.status?.readyReplicas === 2 && rc.status.replicas === 2;
    await s.until(REPLICATIONCONTROLLERS, 'rc', ready);
    const controllers = async () =>
      (await s.list<Pod>(PODS)).map((p) => p.metadata.ownerReferences?.[0]?.kind ?? '-').sort();
    assert.deepEqual(await controllers(), ['ReplicationController', 'ReplicationController']);
    await s.merge(PODS, 'stray', { metadata: { labels: { app: 'else' } } });
    await vc.until('released and replaced', async () => (await controllers()).length === 3);
    await s.until(REPLICATIONCONTROLLERS, 'rc', ready);
    assert.deepEqual(await controllers(), ['-', 'ReplicationController', 'ReplicationController']);
  });

  const job = (s: Scope, command: string, spec: object, metadata: object = {}) =>
    s.create<Job>(
      JOBS,
      'job',
      {
        spec: {
          ...spec,
          template: {
            spec: {
              ...container('busybox'),
              containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', command] }],
              restartPolicy: 'Never',
            },
          },
        },
      },
      metadata,
    );
  const over = (j: Job) =>
    j.status?.conditions?.some((c) => ['Complete', 'Failed'].includes(c.type) && c.status === 'True') ?? false;
  const conditions = (j: Job) => j.status?.conditions?.map((c) => `${c.type}=${c.status} ${c.reason}`);
  const messages = (j: Job) => [...new Set(j.status?.conditions?.map((c) => c.message))];

  it('a Job that is suspended gives its pods up and starts anew when resumed', async () => {
    const s = await vc.namespace();
    await job(s, 'sleep 20', { parallelism: 2, completions: 2 });
    await s.until<Job>(JOBS, 'job', (j) => j.status?.ready === 2);
    await s.merge(JOBS, 'job', { spec: { suspend: true } });
    const suspended = await s.until<Job>(JOBS, 'job', (j) => !j.status?.active && j.status?.startTime === undefined);
    assert.deepEqual(conditions(suspended), ['Suspended=True JobSuspended']);
    assert.deepEqual(messages(suspended), ['Job suspended']);
    await vc.until('pods are gone', async () => (await s.list(PODS)).length === 0);
    await s.merge(JOBS, 'job', { spec: { suspend: false } });
    const done = await s.until<Job>(JOBS, 'job', over);
    assert.deepEqual(conditions(done), [
      'Suspended=False JobResumed',
      'SuccessCriteriaMet=True CompletionsReached',
      'Complete=True CompletionsReached',
    ]);
    assert.equal(done.status?.failed ?? 0, 0);
  });

  const onExit = (action: string, values: number[]) => ({
    action,
    onExitCodes: { containerName: 'c', operator: 'In', values },
  });
  it('podFailurePolicy FailJob ends the Job at once', async () => {
    const s = await vc.namespace();
    await job(s, 'exit 42', { podFailurePolicy: { rules: [onExit('FailJob', [42])] } });
    const failed = await s.until<Job>(JOBS, 'job', over);
    assert.deepEqual(conditions(failed), ['FailureTarget=True PodFailurePolicy', 'Failed=True PodFailurePolicy']);
    const [pod] = await s.list<Pod>(PODS);
    assert.deepEqual(messages(failed), [
      `Container c for pod ${s.namespace}/${pod!.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    ]);
    assert.equal(failed.status?.failed, 1);
  });

  it('podFailurePolicy Ignore does not count, Count does', async () => {
    const s = await vc.namespace();
    await job(s, 'sleep 1; exit 7', { backoffLimit: 0, podFailurePolicy: { rules: [onExit('Ignore', [7])] } });
    await vc.until('several pods have failed', async () => (await s.list(PODS)).length >= 3, 120);
    const going = await s.get<Job>(JOBS, 'job');
    assert.deepEqual([going.status?.failed ?? 0, going.status?.conditions ?? []], [0, []]);

    const t = await vc.namespace();
    await job(t, 'exit 7', { backoffLimit: 0, podFailurePolicy: { rules: [onExit('Count', [7])] } });
    const failed = await t.until<Job>(JOBS, 'job', over);
    assert.deepEqual(conditions(failed)?.at(-1), 'Failed=True BackoffLimitExceeded');
  });

  it('backoffLimitPerIndex and FailIndex: other indexes go on', async () => {
    const s = await vc.namespace();
    await s.create(JOBS, 'job', {
      spec: {
        completions: 3,
        parallelism: 3,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [onExit('FailIndex', [42])] },
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', 'exit 3'] }],
          },
        },
      },
    });
    const failed = await s.until<Job>(JOBS, 'job', over, 200);
    assert.deepEqual(
      [failed.status?.failedIndexes, failed.status?.failed, failed.status?.completedIndexes ?? ''],
      ['0-2', 6, ''],
    );
    assert.deepEqual(conditions(failed), ['FailureTarget=True FailedIndexes', 'Failed=True FailedIndexes']);
    assert.deepEqual(messages(failed), ['Job has failed indexes']);
    const counts = (await s.list<Pod>(PODS)).map(
      (p) =>
        `${p.metadata.labels?.['batch.kubernetes.io/job-completion-index']}:${p.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count']}`,
    );
    assert.deepEqual(counts.sort(), ['0:0', '0:1', '1:0', '1:1', '2:0', '2:1']);
    const t = await vc.namespace();
    await job(t, 'exit 42', {
      completions: 2,
      completionMode: 'Indexed',
      backoffLimitPerIndex: 5,
      podFailurePolicy: { rules: [onExit('FailIndex', [42])] },
    });
    const atOnce = await t.until<Job>(JOBS, 'job', over);
    assert.deepEqual([atOnce.status?.failedIndexes, atOnce.status?.failed], ['0,1', 2]);
  });

  it('successPolicy: enough indexes succeeded, the rest do not matter', async () => {
    const s = await vc.namespace();
    await job(s, 'sleep 5', {
      completions: 3,
      parallelism: 1,
      completionMode: 'Indexed',
      successPolicy: { rules: [{ succeededIndexes: '0-1', succeededCount: 1 }] },
    });
    const done = await s.until<Job>(JOBS, 'job', over);
    assert.deepEqual(conditions(done), ['SuccessCriteriaMet=True SuccessPolicy', 'Complete=True SuccessPolicy']);
    assert.deepEqual(messages(done), ['Matched rules at index 0']);
    assert.deepEqual([done.status?.completedIndexes, done.status?.active ?? 0], ['0', 0]);
  });

  it('activeDeadlineSeconds fails the Job; ttlSecondsAfterFinished takes it away with its pods', async () => {
    const s = await vc.namespace();
    await job(s, 'sleep 600', { activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 30 });
    await vc.clock.advance(4_000);
    assert.equal(over(await s.get<Job>(JOBS, 'job')), false);
    const failed = await s.until<Job>(JOBS, 'job', over, 10);
    assert.deepEqual(conditions(failed), ['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded']);
    assert.deepEqual(messages(failed), ['Job was active longer than specified deadline']);
    await vc.clock.advance(20_000);
    await s.get(JOBS, 'job');
    await vc.clock.advance(15_000);
    await assert.rejects(s.get(JOBS, 'job'), isNotFound);
    await vc.until('pods are gone', async () => (await s.list(PODS)).length === 0);
  });
});
