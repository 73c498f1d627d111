/** The life of a pod between its doors: what each may change, generation, grace, what selectors see. */
import assert from 'node:assert/strict';
import type { Pod } from '../../../api/core-v1.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { contextFor, created, rowOf, updated } from '../../strategy-testing.ts';
import { podStrategy } from './strategy.ts';

type Fields = Record<string, unknown>;

const pod = (spec: Fields = {}, metadata: Fields = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', ...metadata },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...spec },
});
const stored = (spec?: Fields, metadata?: Fields) => {
  const { object, problems } = created(pod(spec, metadata));
  assert.deepEqual(problems, []);
  object.metadata.resourceVersion = '7';
  return object;
};
const changed = (old: KubeObject, spec: Fields, door?: string) =>
  updated({ ...old, spec: { ...(old as { spec?: Fields }).spec, ...spec } }, old, door);

describe('pod strategy', () => {
  it('classes pods by their resources', () => {
    const classOf = (...resources: Fields[]) =>
      (stored({ containers: resources.map((r, i) => ({ name: `c${i}`, image: 'x', resources: r })) }) as Pod).status!
        .qosClass;
    const full = { cpu: '1', memory: '1Gi' };
    assert.equal(classOf({}), 'BestEffort');
    assert.equal(classOf({ limits: full }), 'Guaranteed');
    assert.equal(classOf({ limits: full, requests: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed');
    assert.equal(classOf({ limits: full, requests: { cpu: '0.5' } }), 'Burstable');
    assert.equal(classOf({ limits: full }, {}), 'Burstable');
    assert.equal(classOf({ limits: { cpu: '1' } }), 'Burstable');
    assert.equal(classOf({ requests: { memory: '1' } }), 'Burstable');
  });

  it('starts a pod Pending in generation 1, whatever the client says', () => {
    const { object } = created({ ...pod({}, { generation: 9 }), status: { phase: 'Running', podIP: '1.2.3.4' } });
    assert.equal(object.metadata.generation, 1);
    assert.deepEqual(object.status, { phase: 'Pending', qosClass: 'BestEffort' });
  });

  it('lets images, deadlines and added tolerations change, and counts', () => {
    const old = stored();
    const image = changed(old, { containers: [{ name: 'c', image: 'nginx:2' }] });
    assert.deepEqual(image.problems, []);
    assert.equal(image.object.metadata.generation, 2);
    assert.deepEqual(changed(old, { tolerations: [{ key: 'a', operator: 'Exists' }] }).problems, []);
    assert.deepEqual(changed(old, { activeDeadlineSeconds: 5 }).problems, []);
    const labels = updated({ ...old, metadata: { ...old.metadata, labels: { a: 'b' } } }, old);
    assert.deepEqual(labels.problems, []);
    assert.equal(labels.object.metadata.generation, 1);
  });

  it('refuses other changes, with what differs', () => {
    const { problems } = changed(stored(), { dnsPolicy: 'Default' });
    assert.equal(problems.length, 1);
    const [first, ...lines] = problems[0]!.split('\n');
    assert.equal(
      first,
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,' +
        '`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
        '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    );
    const signs = lines.filter((l) => /^[-+]/.test(l)).map((l) => l.replace(/\s+/g, ' ').trim());
    assert.deepEqual(signs, ['- "DNSPolicy": "ClusterFirst",', '+ "DNSPolicy": "Default",']);
  });

  it('refuses another number of containers, a removed toleration, a raised deadline', () => {
    const old = stored({ activeDeadlineSeconds: 5, tolerations: [{ key: 'a', operator: 'Exists' }] });
    const two = ['c', 'd'].map((name) => ({ name, image: 'x' }));
    assert.deepEqual(changed(old, { containers: two }).problems, [
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ]);
    assert.match(changed(old, { tolerations: [] }).problems.join(), /existing toleration can not be modified except/);
    assert.deepEqual(changed(old, { activeDeadlineSeconds: 9 }).problems, [
      'spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value',
    ]);
  });

  it('keeps status from the main door, spec from the status door', () => {
    const old = stored();
    const main = updated({ ...old, status: { phase: 'Running' } }, old);
    assert.deepEqual(main.object.status, old.status);
    const { object, problems } = updated(
      {
        ...pod({ nodeName: 'n' }, { resourceVersion: '7', name: 'p', namespace: 'default', uid: 'uid' }),
        status: { phase: 'Running' },
      },
      old,
      'status',
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(object.spec, old.spec);
    assert.deepEqual(object.status, { phase: 'Running', qosClass: 'BestEffort' });
  });

  it('adds ephemeral containers through their door only', () => {
    const old = stored();
    const ephemeralContainers = [{ name: 'e', image: 'x' }];
    const { object, problems } = changed(old, { ephemeralContainers }, 'ephemeralcontainers');
    assert.deepEqual(problems, []);
    assert.equal((object as Pod).spec!.ephemeralContainers!.length, 1);
    assert.match(changed(old, { ephemeralContainers }).problems.join(), /pod updates may not change fields/);
    const clash = changed(old, { ephemeralContainers: [{ name: 'c', image: 'x' }] }, 'ephemeralcontainers');
    assert.deepEqual(clash.problems, ['spec.ephemeralContainers[0].name: Duplicate value: "c"']);
  });

  it('resizes through the resize door only', () => {
    const resources = (cpu: string) => ({
      containers: [{ name: 'c', image: 'nginx:1', resources: { requests: { cpu } } }],
    });
    const old = stored(resources('1'));
    const resize = changed(old, resources('2'), 'resize');
    assert.deepEqual(resize.problems, []);
    assert.equal((resize.object as Pod).spec!.containers[0]!.resources!.requests!.cpu, '2');
    assert.equal(resize.object.metadata.generation, 2);
    assert.match(changed(old, resources('2')).problems.join(), /pod updates may not change fields/);
  });

  it('gives grace to scheduled, living pods', () => {
    const context = contextFor(rowOf({ apiVersion: 'v1', kind: 'Pod' }));
    const grace = (spec: Fields, phase: string, gracePeriodSeconds?: number) =>
      podStrategy.gracePeriod!(
        { ...pod(spec), status: { phase } } as unknown as Pod,
        gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
        context,
      );
    const on = { nodeName: 'n', terminationGracePeriodSeconds: 30 };
    assert.equal(grace(on, 'Running'), 30);
    assert.equal(grace(on, 'Running', 5), 5);
    assert.equal(grace(on, 'Running', 0), 0);
    assert.equal(grace(on, 'Running', -1), 1);
    assert.equal(grace({ ...on, terminationGracePeriodSeconds: -3 }, 'Running'), 1);
    assert.equal(grace(on, 'Succeeded', 5), 0);
    assert.equal(grace({ terminationGracePeriodSeconds: 30 }, 'Pending'), 0);
  });

  it('shows selectors what upstream shows', () => {
    assert.deepEqual(podStrategy.fields!(stored({ nodeName: 'n', hostNetwork: true }) as unknown as Pod), {
      'spec.nodeName': 'n',
      'spec.restartPolicy': 'Always',
      'spec.schedulerName': 'default-scheduler',
      'spec.serviceAccountName': '',
      'spec.hostNetwork': 'true',
      'status.phase': 'Pending',
      'status.podIP': '',
      'status.nominatedNodeName': '',
    });
  });

  it('warns about what is probably a mistake', () => {
    const env = ['1', '2'].map((value) => ({ name: 'A', value }));
    const { warnings } = created(
      pod({ containers: [{ name: 'c', image: 'x', env, resources: { limits: { memory: '100m' } } }] }, { name: 'a.b' }),
    );
    assert.deepEqual(warnings.length, 4);
    assert.match(warnings[0]!, /this is used in the Pod's hostname/);
  });

  it('warns of preferences no label can meet, of old labels and of a host IP without its port', () => {
    const preference = { matchExpressions: [{ key: 'beta.kubernetes.io/os', operator: 'In', values: ['-'] }] };
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] },
    };
    const ports = [{ containerPort: 1, hostIP: '127.0.0.1' }];
    const { problems, warnings } = created(pod({ affinity, containers: [{ name: 'c', image: 'x', ports }] }));
    assert.deepEqual(problems, []);
    assert.deepEqual(warnings, [
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:1 Protocol:TCP HostIP:127.0.0.1}',
    ]);
  });

  it('warns about files of a volume that hide each other', () => {
    const items = (...paths: string[]) => paths.map((path) => ({ key: path, path }));
    const volumes = [
      { name: 'm', configMap: { name: 'c', items: items('a', 'b/c', 'a', 'b/c/d', 'bc') } },
      { name: 's', secret: { secretName: 'x', items: items('q/w', 'q') } },
      {
        name: 'd',
        downwardAPI: { items: ['l', 'l'].map((path) => ({ path, fieldRef: { fieldPath: 'metadata.labels' } })) },
      },
      {
        name: 'p',
        projected: {
          sources: [
            { secret: { name: 'x', items: items('t') } },
            { serviceAccountToken: { path: 't/u' } },
            { configMap: { name: 'c' } },
          ],
        },
      },
    ];
    const { problems, warnings } = created(pod({ volumes, serviceAccountName: 'x' }));
    assert.deepEqual(problems, []);
    assert.deepEqual(warnings, [
      'volume "m" (ConfigMap "c"): overlapping paths: "a" with "a"',
      'volume "m" (ConfigMap "c"): overlapping paths: "b/c/d" with "b/c"',
      'volume "s" (Secret "x"): overlapping paths: "q" with "q/w"',
      'volume "d" (DownwardAPI): overlapping paths: "l" with "l"',
      'volume "p" (Projected): overlapping paths: "t/u" (ServiceAccountToken) with "t" (Secret "x")',
    ]);
  });

  it('defaults again without changing anything', () => {
    const once = stored({
      hostNetwork: true,
      serviceAccountName: 's',
      containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }], livenessProbe: { grpc: { port: 1 } } }],
      volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'x' } }] } }],
    });
    const twice = structuredClone(once);
    podStrategy.default!(twice as unknown as Pod);
    assert.deepEqual(twice, once);
  });
});
