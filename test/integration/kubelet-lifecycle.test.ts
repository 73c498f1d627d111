/** Lives of pods on a simulated node, from the API alone: phases, restarts, init containers, sidecars, probes, ends. */
import assert from 'node:assert/strict';
import type { ContainerStatus, Event, Pod, PodSpec } from '../../src/api/core-v1.ts';
import { CONFIGMAPS, EVENTS, NODES, PODDISRUPTIONBUDGETS, PODS, SECRETS } from '../../src/client/resources.ts';
import { isNotFound } from '../../src/machinery/errors/status-error.ts';
import { type Scope, VirtualCluster } from '../harness/virtual-cluster.ts';

const sh = (script: string, extra: object = {}) => ({
  name: 'c',
  image: 'lives:1',
  command: ['sh', '-c', script],
  ...extra,
});

describe('kubelet: lives of pods', function () {
  this.timeout(60_000);
  let vc: VirtualCluster;
  let scope: Scope;

  before(async () => {
    vc = await VirtualCluster.start({ nodes: 1 });
    await vc.clock.advance(1000);
    await runtime().pullImage('lives:1', []);
  });
  after(() => vc[Symbol.asyncDispose]());
  beforeEach(async () => {
    scope = await vc.namespace();
  });
  afterEach(() => {
    runtime().behaviour = {};
  });

  const runtime = () => vc.cluster.nodes.runtime('node-1')!;
  const make = (name: string, spec: object, metadata: object = {}) =>
    scope.create<Pod>(PODS, name, { spec: spec as PodSpec }, metadata);
  const pod = (name: string) => scope.get<Pod>(PODS, name);
  const only = (p: Pod): ContainerStatus => p.status!.containerStatuses![0]!;
  const condition = (p: Pod, type: string) => p.status!.conditions!.find((c) => c.type === type);
  const events = async (name: string) =>
    (await scope.list<Event>(EVENTS))
      .filter((e) => e.involvedObject.name === name)
      .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))
      .map((e) => `${e.type} ${e.reason} ${e.message}`);
  const gone = (name: string) =>
    pod(name).then(
      () => false,
      (err: unknown) => isNotFound(err),
    );

  const ends: { restartPolicy: string; script: string; phase: string; restarts: number; reason?: string }[] = [
    { restartPolicy: 'Never', script: 'sleep 2', phase: 'Succeeded', restarts: 0 },
    { restartPolicy: 'Never', script: 'sleep 2; exit 3', phase: 'Failed', restarts: 0 },
    { restartPolicy: 'OnFailure', script: 'sleep 2', phase: 'Succeeded', restarts: 0 },
    {
      restartPolicy: 'OnFailure',
      script: 'sleep 2; exit 3',
      phase: 'Running',
      restarts: 1,
      reason: 'CrashLoopBackOff',
    },
    { restartPolicy: 'Always', script: 'sleep 2', phase: 'Running', restarts: 1, reason: 'CrashLoopBackOff' },
  ];
  for (const c of ends) {
    it(`${c.restartPolicy}: '${c.script}' ends ${c.phase}`, async () => {
      await make('a', { restartPolicy: c.restartPolicy, containers: [sh(c.script)] });
      await vc.clock.advance(1000);
      const running = await pod('a');
      assert.equal(running.status?.phase, 'Running');
      assert.equal(condition(running, 'Ready')?.status, 'True');
      await vc.clock.advance(5000);
      const p = await pod('a');
      assert.equal(p.status?.phase, c.phase);
      assert.equal(only(p).restartCount, c.restarts);
      assert.equal(only(p).state?.waiting?.reason, c.reason);
      const reason = { Succeeded: 'PodCompleted', Failed: 'PodFailed' }[c.phase] ?? 'ContainersNotReady';
      assert.deepEqual([condition(p, 'Ready')?.status, condition(p, 'Ready')?.reason], ['False', reason]);
      assert.equal(condition(p, 'PodScheduled')?.status, 'True');
      const sandbox = c.phase === 'Running' ? 'True' : 'False';
      assert.equal(condition(p, 'PodReadyToStartContainers')?.status, sandbox);
    });
  }

  it('has its addresses, times, class and generation in its status', async () => {
    await make('a', { containers: [sh('sleep 100')] });
    await vc.clock.advance(1000);
    const p = await pod('a');
    const { hostIP, hostIPs, podIP, podIPs, qosClass, startTime, observedGeneration, conditions } = p.status!;
    assert.deepEqual(
      [hostIP, hostIPs, qosClass, observedGeneration],
      ['172.30.0.1', [{ ip: '172.30.0.1' }], 'BestEffort', 1],
    );
    assert.match(podIP ?? '', /^10\.244\./);
    assert.deepEqual(podIPs, [{ ip: podIP }]);
    assert.equal(startTime, p.metadata.creationTimestamp);
    assert.deepEqual(
      conditions?.map((c) => `${c.type}=${c.status}/${c.observedGeneration}`),
      [
        'PodReadyToStartContainers=True/1',
        'Initialized=True/1',
        'Ready=True/1',
        'ContainersReady=True/1',
        'PodScheduled=True/1',
      ],
    );
    assert.ok(
      conditions?.every((c) => c.reason === undefined && c.message === undefined),
      JSON.stringify(conditions),
    );
    const { name, ready, started, restartCount, image, state, lastState, containerID } = only(p);
    assert.deepEqual([name, ready, started, restartCount, image], ['c', true, true, 0, 'lives:1']);
    assert.deepEqual(state, { running: { startedAt: startTime } });
    assert.deepEqual(lastState, {});
    assert.match(containerID ?? '', /^simulated:\/\/[0-9a-f]{64}$/);
    await vc.clock.advance(30_000);
    assert.deepEqual((await pod('a')).status, p.status);
    const seen = await events('a');
    assert.deepEqual(
      seen.filter((e) => !e.startsWith('Normal Scheduled')),
      [
        'Normal Pulled Container image "lives:1" already present on machine and can be accessed by the pod',
        'Normal Created Container created',
        'Normal Started Container started',
      ],
    );
    assert.ok(seen.includes(`Normal Scheduled Successfully assigned ${scope.namespace}/a to node-1`));
  });

  it('has the last word on its own conditions, and none on others', async () => {
    await make('a', { containers: [sh('sleep 100')] });
    await vc.clock.advance(1000);
    const conditions = ['Ready', 'example.com/own'].map((type) => ({ type, status: 'False', message: 'by hand' }));
    const options = { namespace: scope.namespace, subresource: 'status' };
    await vc.client.patch(PODS, 'a', 'strategic', { status: { conditions } }, options);
    await vc.clock.advance(1000);
    const p = await pod('a');
    assert.deepEqual([condition(p, 'Ready')?.status, condition(p, 'Ready')?.message], ['True', undefined]);
    assert.deepEqual(
      [condition(p, 'example.com/own')?.status, condition(p, 'example.com/own')?.message],
      ['False', 'by hand'],
    );
  });

  it('ends a pod that somebody else declared over', async () => {
    const { metadata } = await make('a', { containers: [sh('sleep 1000')] });
    await vc.clock.advance(1000);
    const options = { namespace: scope.namespace, subresource: 'status' };
    await vc.client.patch(PODS, 'a', 'strategic', { status: { phase: 'Succeeded' } }, options);
    await vc.clock.advance(3000);
    assert.equal((await pod('a')).status?.phase, 'Succeeded');
    assert.ok((await runtime().pod(metadata.uid!))?.containers.every((c) => c.state === 'exited'));
  });

  it('backs off 10 s, 20 s, ... 300 s after crashes', async () => {
    await make('a', { containers: [sh('exit 1')] });
    await vc.clock.advance(1000);
    const start = vc.clock.now();
    const starts: number[] = [];
    const delays = new Set<string>();
    for (let last = only(await pod('a')).restartCount; starts.length < 8; ) {
      await vc.clock.advance(1000);
      const p = await pod('a');
      const s = only(p);
      if (s.restartCount > last) starts.push(Math.round((vc.clock.now() - start) / 1000));
      last = s.restartCount;
      assert.equal(p.status?.phase, 'Running');
      assert.equal(s.state?.waiting?.reason, 'CrashLoopBackOff');
      assert.equal(s.lastState?.terminated?.exitCode, 1);
      delays.add(
        /^back-off (\S+) restarting failed container=c pod=a_/.exec(s.state?.waiting?.message ?? '')?.[1] ?? '',
      );
    }
    assert.deepEqual([...delays], ['10s', '20s', '40s', '1m20s', '2m40s', '5m0s']);
    const gaps = starts.map((t, i) => t - (starts[i - 1] ?? 0)).slice(1);
    assert.deepEqual(gaps, [20, 40, 80, 160, 300, 300, 300]);
    assert.ok(
      (await events('a')).some((e) => e.startsWith('Warning BackOff Back-off restarting failed container c in pod a_')),
    );
  });

  it('starts anew without back-off after ten minutes of peace', async () => {
    await make('a', { containers: [sh('sleep 700; exit 1')] });
    await vc.clock.advance(701_000);
    await vc.clock.advance(1000);
    assert.equal(only(await pod('a')).restartCount, 1);
    await vc.clock.advance(702_000);
    assert.equal(only(await pod('a')).restartCount, 2);
  });

  it('runs init containers one after the other', async () => {
    const init = ['one', 'two'].map((name) => sh('sleep 3', { name }));
    await make('a', { initContainers: init, containers: [sh('sleep 100')] });
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      await vc.clock.advance(1000);
      const { status } = await pod('a');
      const all = [...status!.initContainerStatuses!, ...status!.containerStatuses!];
      const now = `${status!.phase} ${all.map((s) => Object.keys(s.state!)[0]).join(' ')} ${condition(await pod('a'), 'Initialized')?.status}`;
      if (seen.at(-1) !== now) seen.push(now);
    }
    assert.deepEqual(seen, [
      'Pending running waiting waiting False',
      'Pending terminated running waiting False',
      'Running terminated terminated running True',
    ]);
    const p = await pod('a');
    assert.deepEqual(
      p.status?.initContainerStatuses?.map((s) => [s.name, s.ready, s.started]),
      [
        ['one', true, false],
        ['two', true, false],
      ],
    );
  });

  it('waits with PodInitializing and names what is incomplete', async () => {
    await make('a', { initContainers: [sh('sleep 30', { name: 'i' })], containers: [sh('sleep 100')] });
    await vc.clock.advance(2000);
    const p = await pod('a');
    assert.deepEqual(only(p).state, { waiting: { reason: 'PodInitializing' } });
    const { reason, message } = condition(p, 'Initialized')!;
    assert.deepEqual([reason, message], ['ContainersNotInitialized', 'containers with incomplete status: [i]']);
  });

  it('a failing init container fails a pod that never restarts', async () => {
    await make('a', {
      restartPolicy: 'Never',
      initContainers: [sh('exit 1', { name: 'i' })],
      containers: [sh('sleep 100')],
    });
    await vc.clock.advance(2000);
    const p = await pod('a');
    assert.equal(p.status?.phase, 'Failed');
    assert.deepEqual(p.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 1);
    assert.deepEqual(only(p).state, { waiting: { reason: 'PodInitializing' } });
  });

  it('a failing init container is tried again with back-off otherwise', async () => {
    await make('a', { initContainers: [sh('exit 1', { name: 'i' })], containers: [sh('sleep 100')] });
    await vc.clock.advance(5000);
    const p = await pod('a');
    assert.equal(p.status?.phase, 'Pending');
    const s = p.status?.initContainerStatuses?.[0];
    assert.deepEqual([s?.restartCount, s?.state?.waiting?.reason], [1, 'CrashLoopBackOff']);
    await vc.clock.advance(8000);
    assert.equal((await pod('a')).status?.initContainerStatuses?.[0]?.restartCount, 2);
  });

  it('container restart rules override the policy', async () => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
    const container = (code: number) =>
      sh(`sleep 1; exit ${code}`, { restartPolicy: 'Never', restartPolicyRules: rules });
    await make('a', { restartPolicy: 'Never', containers: [container(42)] });
    await make('b', { restartPolicy: 'Never', containers: [container(43)] });
    await vc.clock.advance(5000);
    const [a, b] = [await pod('a'), await pod('b')];
    assert.deepEqual([a.status?.phase, only(a).restartCount], ['Running', 1]);
    assert.deepEqual([b.status?.phase, only(b).restartCount], ['Failed', 0]);
  });

  describe('sidecars', () => {
    const sidecar = (name: string, extra: object = {}) => sh('sleep 1000', { name, restartPolicy: 'Always', ...extra });

    it('start in order, do not hold back the pod, and end with it', async () => {
      await make('a', {
        restartPolicy: 'Never',
        initContainers: [sidecar('s1'), sh('sleep 2', { name: 'i' }), sidecar('s2')],
        containers: [sh('sleep 5')],
      });
      await vc.clock.advance(1000);
      let p = await pod('a');
      assert.deepEqual(
        p.status?.initContainerStatuses?.map((s) => Object.keys(s.state!)[0]),
        ['running', 'running', 'waiting'],
      );
      await vc.clock.advance(2000);
      p = await pod('a');
      assert.equal(p.status?.phase, 'Running');
      assert.deepEqual(
        p.status?.initContainerStatuses?.map((s) => [s.name, s.started, s.ready]),
        [
          ['s1', true, true],
          ['i', false, true],
          ['s2', true, true],
        ],
      );
      await vc.clock.advance(6000);
      p = await pod('a');
      assert.equal(p.status?.phase, 'Succeeded');
      assert.deepEqual(
        p.status?.initContainerStatuses?.map((s) => Object.keys(s.state!)[0]),
        ['terminated', 'terminated', 'terminated'],
      );
    });

    it('restart whatever the policy of the pod', async () => {
      await make('a', {
        restartPolicy: 'Never',
        initContainers: [sidecar('s', { command: ['sh', '-c', 'sleep 3; exit 1'] })],
        containers: [sh('sleep 100')],
      });
      await vc.clock.advance(6000);
      const p = await pod('a');
      assert.deepEqual([p.status?.phase, p.status?.initContainerStatuses?.[0]?.restartCount], ['Running', 1]);
    });

    it('with a startup probe hold back what follows until it passes', async () => {
      let up = false;
      runtime().behaviour = { probe: (c) => (c.name === 's' ? { success: up, output: 'no' } : undefined) };
      const startupProbe = { exec: { command: ['x'] }, periodSeconds: 1, failureThreshold: 100 };
      await make('a', { initContainers: [sidecar('s', { startupProbe })], containers: [sh('sleep 100')] });
      await vc.clock.advance(5000);
      let p = await pod('a');
      assert.deepEqual(
        [p.status?.phase, p.status?.initContainerStatuses?.[0]?.started, Object.keys(only(p).state!)[0]],
        ['Pending', false, 'waiting'],
      );
      up = true;
      await vc.clock.advance(2000);
      p = await pod('a');
      assert.deepEqual(
        [p.status?.phase, p.status?.initContainerStatuses?.[0]?.started, Object.keys(only(p).state!)[0]],
        ['Running', true, 'running'],
      );
    });

    it('end after the main containers, the last first', async () => {
      const order: string[] = [];
      runtime().behaviour = {
        stop: (c) => {
          order.push(`${c.name}@${vc.clock.now() - start}`);
          return { after: 2000, exitCode: 0 };
        },
      };
      let start = 0;
      await make('a', { initContainers: [sidecar('s1'), sidecar('s2')], containers: [sh('sleep 100')] });
      await vc.clock.advance(2000);
      start = vc.clock.now();
      await scope.delete(PODS, 'a');
      await vc.clock.advance(10_000);
      assert.deepEqual(order, ['c@0', 's2@2000', 's1@4000']);
      assert.ok(await gone('a'));
    });
  });

  describe('probes', () => {
    /** Answers by which probe is asked. */
    const answers = (
      by: { liveness?: () => boolean; readiness?: () => boolean; startup?: () => boolean },
      asked: string[] = [],
    ) => {
      runtime().behaviour = {
        probe: (c, p) => {
          if (c.pod.namespace !== scope.namespace) return undefined;
          const kind = (p.exec?.command?.[0] ?? '') as keyof typeof by;
          asked.push(kind);
          return { success: by[kind]?.() ?? true, output: `${kind} says no` };
        },
      };
    };
    const probe = (kind: string, extra: object = {}) => ({ exec: { command: [kind] }, periodSeconds: 1, ...extra });

    it('readiness decides on Ready by its thresholds', async () => {
      let ok = false;
      answers({ readiness: () => ok });
      await make('a', {
        containers: [
          sh('sleep 1000', { readinessProbe: probe('readiness', { successThreshold: 2, failureThreshold: 3 }) }),
        ],
      });
      await vc.clock.advance(5000);
      let p = await pod('a');
      assert.deepEqual([p.status?.phase, only(p).ready, only(p).started], ['Running', false, true]);
      const { reason, message } = condition(p, 'Ready')!;
      assert.deepEqual([reason, message], ['ContainersNotReady', 'containers with unready status: [c]']);
      ok = true;
      await vc.clock.advance(1000);
      assert.equal(only(await pod('a')).ready, false);
      await vc.clock.advance(1000);
      assert.equal(only(await pod('a')).ready, true);
      ok = false;
      await vc.clock.advance(2000);
      assert.equal(only(await pod('a')).ready, true);
      await vc.clock.advance(1000);
      p = await pod('a');
      assert.deepEqual([only(p).ready, only(p).restartCount], [false, 0]);
      assert.ok((await events('a')).includes('Warning Unhealthy Readiness probe failed: readiness says no'));
    });

    it('a failing liveness probe restarts the container', async () => {
      answers({ liveness: () => false });
      await make('a', {
        containers: [
          sh('sleep 1000', { livenessProbe: probe('liveness', { initialDelaySeconds: 5, failureThreshold: 2 }) }),
        ],
      });
      await vc.clock.advance(5500);
      assert.equal(only(await pod('a')).restartCount, 0);
      await vc.clock.advance(1500);
      const p = await pod('a');
      assert.deepEqual([only(p).restartCount, only(p).lastState?.terminated?.exitCode], [1, 143]);
      const seen = await events('a');
      assert.ok(seen.includes('Normal Killing Container c failed liveness probe, will be restarted'), seen.join('\n'));
      assert.ok(seen.includes('Warning Unhealthy Liveness probe failed: liveness says no'));
    });

    it('a failing liveness probe ends a pod that never restarts', async () => {
      answers({ liveness: () => false });
      await make('a', {
        restartPolicy: 'Never',
        containers: [sh('sleep 1000', { livenessProbe: probe('liveness', { failureThreshold: 1 }) })],
      });
      await vc.clock.advance(3000);
      assert.equal((await pod('a')).status?.phase, 'Failed');
      assert.ok((await events('a')).includes('Normal Killing Stopping container c'));
    });

    it('startup comes first; when it fails the container is restarted', async () => {
      const asked: string[] = [];
      let ok = false;
      answers({ startup: () => ok }, asked);
      const probes = {
        startupProbe: probe('startup', { failureThreshold: 5 }),
        livenessProbe: probe('liveness'),
        readinessProbe: probe('readiness'),
      };
      await make('a', { containers: [sh('sleep 1000', probes)] });
      await vc.clock.advance(3000);
      assert.deepEqual([...new Set(asked)], ['startup']);
      let p = await pod('a');
      assert.deepEqual([only(p).started, only(p).ready, p.status?.phase], [false, false, 'Running']);
      await vc.clock.advance(3000);
      p = await pod('a');
      assert.equal(only(p).restartCount, 1);
      assert.ok((await events('a')).includes('Normal Killing Container c failed startup probe, will be restarted'));
      ok = true;
      await vc.clock.advance(2000);
      p = await pod('a');
      assert.deepEqual([only(p).started, only(p).ready], [true, true]);
      const before = asked.filter((k) => k === 'startup').length;
      await vc.clock.advance(5000);
      assert.equal(asked.filter((k) => k === 'startup').length, before);
    });

    it('readiness gates hold Ready back', async () => {
      await make('a', { readinessGates: [{ conditionType: 'example.com/ok' }], containers: [sh('sleep 1000')] });
      await vc.clock.advance(2000);
      let p = await pod('a');
      assert.equal(condition(p, 'ContainersReady')?.status, 'True');
      assert.equal(
        condition(p, 'Ready')?.message,
        'corresponding condition of pod readiness gate "example.com/ok" does not exist.',
      );
      const status = { conditions: [{ type: 'example.com/ok', status: 'True' }] };
      await vc.client.patch(PODS, 'a', 'strategic', { status }, { namespace: scope.namespace, subresource: 'status' });
      await vc.clock.advance(2000);
      p = await pod('a');
      assert.deepEqual([condition(p, 'Ready')?.status, condition(p, 'Ready')?.message], ['True', undefined]);
      assert.equal(condition(p, 'example.com/ok')?.status, 'True');
    });
  });

  it('fails past its active deadline, and says so only when its containers have ended', async () => {
    runtime().behaviour = { stop: () => ({ after: 3000, exitCode: 0 }) };
    await make('a', { activeDeadlineSeconds: 5, containers: [sh('sleep 1000')] });
    await vc.clock.advance(5500);
    assert.equal((await pod('a')).status?.phase, 'Running');
    await vc.clock.advance(3500);
    const { phase, reason, message } = (await pod('a')).status!;
    assert.deepEqual([phase, reason], ['Failed', 'DeadlineExceeded']);
    assert.equal(message, 'Pod was active on the node longer than the specified deadline');
    assert.ok((await events('a')).includes(`Normal DeadlineExceeded ${message}`));
  });

  describe('deletion', () => {
    it('waits for a preStop sleep, then for the container, then removes the object', async () => {
      runtime().behaviour = { stop: () => ({ after: 2000, exitCode: 0 }) };
      await make('a', { containers: [sh('sleep 1000', { lifecycle: { preStop: { sleep: { seconds: 5 } } } })] });
      await vc.clock.advance(1000);
      await scope.delete(PODS, 'a');
      await vc.clock.advance(4000);
      assert.equal(Object.keys(only(await pod('a')).state!)[0], 'running');
      await vc.clock.advance(2500);
      assert.equal((await pod('a')).status?.phase, 'Running');
      await vc.clock.advance(1000);
      assert.ok(await gone('a'));
      assert.ok((await events('a')).includes('Normal Killing Stopping container c'));
    });

    it('kills what does not end within the grace period', async () => {
      const finalizers = ['example.com/keep'];
      runtime().behaviour = { stop: () => ({ after: 100_000, exitCode: 0 }) };
      await make('a', { terminationGracePeriodSeconds: 10, containers: [sh('sleep 1000')] }, { finalizers });
      await vc.clock.advance(1000);
      await scope.delete(PODS, 'a');
      await vc.clock.advance(9000);
      assert.equal((await pod('a')).status?.phase, 'Running');
      await vc.clock.advance(2000);
      const p = await pod('a');
      assert.deepEqual([p.status?.phase, only(p).state?.terminated?.exitCode], ['Failed', 137]);
      await scope.merge(PODS, 'a', { metadata: { finalizers: null } });
      assert.ok(await gone('a'));
    });

    it('heeds a shorter grace period while it stops', async () => {
      runtime().behaviour = { stop: () => ({ after: 100_000, exitCode: 0 }) };
      const preStop = { sleep: { seconds: 50 } };
      await make('a', {
        terminationGracePeriodSeconds: 60,
        containers: [sh('sleep 1000', { lifecycle: { preStop } })],
      });
      await vc.clock.advance(1000);
      await scope.delete(PODS, 'a');
      await vc.clock.advance(5000);
      await scope.delete(PODS, 'a', { gracePeriodSeconds: 3 });
      await vc.clock.advance(2000);
      assert.ok(!(await gone('a')));
      await vc.clock.advance(4000);
      assert.ok(await gone('a'));
    });

    it('a force deletion frees the node soon', async () => {
      runtime().behaviour = { stop: () => ({ after: 100_000, exitCode: 0 }) };
      const { metadata } = await make('a', { containers: [sh('sleep 1000')] });
      await vc.clock.advance(1000);
      await scope.delete(PODS, 'a', { gracePeriodSeconds: 0 });
      assert.ok(await gone('a'));
      assert.ok(await runtime().pod(metadata.uid!));
      await vc.clock.advance(4000);
      assert.equal(await runtime().pod(metadata.uid!), undefined);
    });

    it('of a pod that never started fails it', async () => {
      const volumes = [{ name: 'v', configMap: { name: 'missing' } }];
      await make('a', { volumes, containers: [sh('sleep 1')] }, { finalizers: ['example.com/keep'] });
      await vc.clock.advance(1000);
      await scope.delete(PODS, 'a');
      await vc.clock.advance(1000);
      const p = await pod('a');
      assert.equal(p.status?.phase, 'Failed');
      assert.deepEqual(only(p).state?.terminated?.reason, 'ContainerStatusUnknown');
      await scope.merge(PODS, 'a', { metadata: { finalizers: null } });
    });

    it('by eviction respects a disruption budget', async () => {
      const labels = { app: 'x' };
      await make('a', { containers: [sh('sleep 1000')] }, { labels });
      await scope.create(PODDISRUPTIONBUDGETS, 'pdb', { spec: { minAvailable: 1, selector: { matchLabels: labels } } });
      await vc.clock.advance(3000);
      const eviction = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'a', namespace: scope.namespace },
      };
      const evict = () => vc.client.createSubresource(PODS, 'a', 'eviction', eviction, { namespace: scope.namespace });
      await assert.rejects(evict(), { code: 429 });
      await scope.delete(PODDISRUPTIONBUDGETS, 'pdb');
      await vc.clock.advance(1000);
      await evict();
      await vc.clock.advance(3000);
      assert.ok(await gone('a'));
    });
  });

  describe('what is missing', () => {
    it('a config map in the environment: CreateContainerConfigError until it is there', async () => {
      const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'later', key: 'k' } } }];
      await make('a', { containers: [sh('sleep 1000', { env })] });
      await vc.clock.advance(2000);
      const p = await pod('a');
      assert.equal(p.status?.phase, 'Pending');
      assert.deepEqual(only(p).state?.waiting, {
        reason: 'CreateContainerConfigError',
        message: 'configmap "later" not found',
      });
      assert.ok((await events('a')).includes('Warning Failed Error: configmap "later" not found'));
      await scope.create(CONFIGMAPS, 'later', { data: { other: '1' } });
      await vc.clock.advance(8000);
      const message = `couldn't find key k in ConfigMap ${scope.namespace}/later`;
      assert.equal(only(await pod('a')).state?.waiting?.message, message);
      await scope.merge(CONFIGMAPS, 'later', { data: { k: 'v' } });
      await vc.clock.advance(8000);
      assert.equal((await pod('a')).status?.phase, 'Running');
    });

    it('a secret for a volume: FailedMount until it is there', async () => {
      const volumes = [{ name: 'v', secret: { secretName: 'later' } }];
      await make('a', { volumes, containers: [sh('sleep 1000')] });
      await vc.clock.advance(3000);
      const p = await pod('a');
      assert.deepEqual([p.status?.phase, only(p).state], ['Pending', { waiting: { reason: 'ContainerCreating' } }]);
      const text = 'Warning FailedMount MountVolume.SetUp failed for volume "v" : secret "later" not found';
      assert.ok((await events('a')).includes(text), (await events('a')).join());
      await scope.create(SECRETS, 'later', { data: {} });
      await vc.clock.advance(5000);
      assert.equal((await pod('a')).status?.phase, 'Running');
    });

    it('an image: ErrImagePull, then ImagePullBackOff', async () => {
      await make('a', { containers: [sh('sleep 1000', { image: 'busybox:missing' })] });
      const reasons = new Set<string>();
      let last = '';
      for (let i = 0; i < 40; i++) {
        const waiting = (await pod('a')).status?.containerStatuses?.[0]?.state?.waiting;
        if (waiting?.reason) reasons.add(waiting.reason);
        last = waiting?.message ?? last;
        await vc.clock.advance(500);
      }
      assert.deepEqual(
        [...reasons].filter((r) => r !== 'ContainerCreating'),
        ['ErrImagePull', 'ImagePullBackOff'],
      );
      const error = 'failed to pull and unpack image "busybox:missing": not found';
      assert.equal(last, `Back-off pulling image "busybox:missing": ErrImagePull: ${error}`);
      const seen = await events('a');
      for (const e of [
        'Normal Pulling Pulling image "busybox:missing"',
        `Warning Failed Failed to pull image "busybox:missing": ${error}`,
        'Warning Failed Error: ErrImagePull',
        'Normal BackOff Back-off pulling image "busybox:missing"',
        'Warning Failed Error: ImagePullBackOff',
      ])
        assert.ok(seen.includes(e), `${e} in\n${seen.join('\n')}`);
    });

    it('an image that is never to be pulled, or has no name', async () => {
      await make('a', { containers: [sh('sleep 1', { image: 'never:1', imagePullPolicy: 'Never' })] });
      await make('b', { containers: [sh('sleep 1', { image: 'Not//Valid' })] });
      await vc.clock.advance(2000);
      assert.deepEqual(only(await pod('a')).state?.waiting, {
        reason: 'ErrImageNeverPull',
        message: 'Container image "never:1" is not present with pull policy of Never',
      });
      assert.equal(only(await pod('b')).state?.waiting?.reason, 'InvalidImageName');
    });
  });

  it('ephemeral containers run once and are never ready', async () => {
    await make('a', { containers: [sh('sleep 1000')] });
    await vc.clock.advance(1000);
    const ephemeralContainers = [sh('sleep 2; exit 1', { name: 'debug' })];
    await vc.client.patch(
      PODS,
      'a',
      'strategic',
      { spec: { ephemeralContainers } },
      { namespace: scope.namespace, subresource: 'ephemeralcontainers' },
    );
    await vc.clock.advance(1000);
    let s = (await pod('a')).status?.ephemeralContainerStatuses?.[0];
    assert.deepEqual([s?.name, s?.ready, Object.keys(s?.state ?? {})[0]], ['debug', false, 'running']);
    await vc.clock.advance(20_000);
    const p = await pod('a');
    s = p.status?.ephemeralContainerStatuses?.[0];
    assert.deepEqual([s?.restartCount, s?.state?.terminated?.exitCode, p.status?.phase], [0, 1, 'Running']);
  });

  it('an ephemeral container whose target is not there waits and says so', async () => {
    await make('a', { containers: [sh('sleep 1000')], initContainers: [sh('sleep 10', { name: 'first' })] });
    await vc.clock.advance(1000);
    const [main] = (await pod('a')).spec!.containers;
    const ephemeralContainers = [{ ...sh('sleep 1000', { name: 'debug' }), targetContainerName: main!.name }];
    await vc.client.patch(
      PODS,
      'a',
      'strategic',
      { spec: { ephemeralContainers } },
      { namespace: scope.namespace, subresource: 'ephemeralcontainers' },
    );
    await vc.clock.advance(1000);
    const state = async () => (await pod('a')).status?.ephemeralContainerStatuses?.[0]?.state;
    assert.deepEqual((await state())?.waiting, {
      reason: 'CreateContainerConfigError',
      message: `unable to find target container ${main!.name}`,
    });
    await vc.clock.advance(30_000);
    assert.ok((await state())?.running);
  });

  it('resizes a running container in place, or restarts it where its policy says so', async () => {
    const resources = { requests: { cpu: '100m', memory: '64Mi' } };
    const resizePolicy = [
      { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      { resourceName: 'memory', restartPolicy: 'RestartContainer' },
    ];
    await make('a', { containers: [sh('sleep 1000', { resources, resizePolicy })] });
    await vc.clock.advance(1000);
    assert.deepEqual(only(await pod('a')).resources, resources);
    const resize = (requests: object) =>
      vc.client.patch(
        PODS,
        'a',
        'strategic',
        { spec: { containers: [{ name: 'c', resources: { requests } }] } },
        { namespace: scope.namespace, subresource: 'resize' },
      );
    await resize({ cpu: '200m' });
    await vc.clock.advance(2000);
    let p = await pod('a');
    assert.deepEqual([only(p).resources, only(p).restartCount], [{ requests: { cpu: '200m', memory: '64Mi' } }, 0]);
    assert.deepEqual(only(p).allocatedResources, { cpu: '200m', memory: '64Mi' });
    assert.equal(p.status?.observedGeneration, 2);
    assert.equal(condition(p, 'PodResizeInProgress'), undefined);
    await resize({ memory: '128Mi' });
    await vc.clock.advance(2000);
    p = await pod('a');
    assert.deepEqual([only(p).resources?.requests?.memory, only(p).restartCount], ['128Mi', 1]);
    assert.ok((await events('a')).includes('Normal Killing Container c resize requires restart'));
  });

  describe('the node', () => {
    it('that restarts finds its pods as they were', async () => {
      await make('a', { containers: [sh('sleep 1000', { readinessProbe: { exec: { command: ['x'] } } })] });
      await make('b', { restartPolicy: 'Never', containers: [sh('sleep 20; exit 4')] });
      await make('c', { containers: [sh('sleep 1000')] });
      await vc.clock.advance(2000);
      const before = (await pod('a')).status;
      const { metadata } = await pod('c');
      await vc.cluster.nodes.silence('node-1');
      await vc.clock.advance(10_000);
      await scope.delete(PODS, 'c', { gracePeriodSeconds: 0 });
      await vc.clock.advance(15_000);
      assert.equal((await pod('b')).status?.phase, 'Running');
      await vc.cluster.nodes.revive('node-1');
      await vc.clock.advance(5000);
      assert.deepEqual((await pod('a')).status, before);
      const b = await pod('b');
      assert.deepEqual([b.status?.phase, only(b).state?.terminated?.exitCode], ['Failed', 4]);
      assert.equal(await runtime().pod(metadata.uid!), undefined);
    });

    const refused: { name: string; spec: object; reason: string; message: string }[] = [
      {
        name: 'cpu',
        spec: { containers: [sh('sleep 1', { resources: { requests: { cpu: '9' } } })] },
        reason: 'OutOfcpu',
        message: "Node didn't have enough resource: cpu, requested: 9000, used: USED, capacity: 8000",
      },
      {
        name: 'memory',
        spec: { containers: [sh('sleep 1', { resources: { requests: { memory: '17Gi' } } })] },
        reason: 'OutOfmemory',
        message: "Node didn't have enough resource: memory, requested: 18253611008, used: USED, capacity: 17179869184",
      },
      {
        name: 'selector',
        spec: { nodeSelector: { disk: 'fast' }, containers: [sh('sleep 1')] },
        reason: 'NodeAffinity',
        message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
      },
    ];
    for (const r of refused) {
      it(`refuses a pod that does not fit: ${r.name}`, async () => {
        await make('a', { ...r.spec, nodeName: 'node-1' });
        await vc.clock.advance(2000);
        const { status } = await pod('a');
        assert.deepEqual([status?.phase, status?.reason], ['Failed', r.reason]);
        assert.equal(status?.message?.replace(/used: \d+/, 'used: USED'), `Pod was rejected: ${r.message}`);
        assert.ok((await events('a')).some((e) => e.startsWith(`Warning ${r.reason} `)));
        await scope.delete(PODS, 'a');
        await vc.clock.advance(1000);
        assert.ok(await gone('a'));
      });
    }

    it('takes a pod for a label it has just got', async () => {
      await vc.client.patch(NODES, 'node-1', 'merge', { metadata: { labels: { disk: 'fast' } } });
      await make('a', { nodeName: 'node-1', nodeSelector: { disk: 'fast' }, containers: [sh('sleep 1000')] });
      await vc.clock.advance(2000);
      assert.equal((await pod('a')).status?.phase, 'Running');
    });
  });

  describe('logs', () => {
    const logs = (name: string, query = '') =>
      vc.client.raw<string>('GET', `/api/v1/namespaces/${scope.namespace}/pods/${name}/log${query}`);

    it('have all options', async () => {
      await make('a', { restartPolicy: 'Never', containers: [sh('echo one; sleep 5; echo two; echo three')] });
      await vc.clock.advance(10_000);
      assert.equal((await pod('a')).status?.phase, 'Succeeded');
      assert.equal(await logs('a'), 'one\ntwo\nthree\n');
      assert.equal(await logs('a', '?tailLines=1'), 'three\n');
      assert.equal(await logs('a', '?limitBytes=5'), 'one\nt');
      assert.equal(await logs('a', '?sinceSeconds=7'), 'two\nthree\n');
      assert.match(await logs('a', '?timestamps=true&tailLines=1'), /^2026-\d\d-\d\dT[\d:.]+Z three\n$/);
      assert.equal(await logs('a', '?follow=true&container=c'), 'one\ntwo\nthree\n');
    });

    it('of the container before, and what is refused', async () => {
      await make('a', { containers: [sh('echo hello; sleep 3; exit 1')] });
      await make('b', { containers: [sh('sleep 1', { image: 'x:missing' })] });
      await vc.clock.advance(2000);
      await assert.rejects(logs('a', '?previous=true'), {
        message: `previous terminated container "c" in pod "a" not found`,
      });
      await assert.rejects(logs('b'), {
        message: `container "c" in pod "b" is waiting to start: trying and failing to pull image`,
      });
      await vc.clock.advance(3000);
      assert.equal(await logs('a', '?previous=true'), 'hello\n');
    });
  });
});
