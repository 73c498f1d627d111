/** What each built-in plugin changes and refuses, in upstream's words. */
import assert from 'node:assert/strict';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { AdmissionPlugin, Operation } from '../admission.ts';
import { chain } from '../chain.ts';
import { enabledPlugins, PLUGINS } from '../order.ts';
import { AdmissionWorld, failure, type RequestWords, request, run } from '../testing/admission-world.ts';
import { defaultStorageClass } from './default-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podResizeValidator } from './pod-resize-validator.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { alwaysDeny } from './simple.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

const pod = (spec: object = {}, metadata: object = {}): Pod => ({
  metadata: { name: 'p', namespace: 'dev', ...metadata },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const container = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  name,
  resources: { requests, limits },
});

describe('order', () => {
  it('has the defaults of upstream, webhooks and quota last', () => {
    const names = enabledPlugins().map((p) => p.name);
    assert.deepEqual(names.slice(0, 4), [
      'NamespaceLifecycle',
      'LimitRanger',
      'ServiceAccount',
      'TaintNodesByCondition',
    ]);
    assert.deepEqual(names.slice(-3), ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook', 'ResourceQuota']);
    assert.equal(new Set(PLUGINS.map((p) => p.name)).size, PLUGINS.length);
  });
  it('turns plugins on and off', () => {
    const names = enabledPlugins(['NodeRestriction'], ['ResourceQuota']).map((p) => p.name);
    assert.ok(names.includes('NodeRestriction') && !names.includes('ResourceQuota'));
  });
  it('asks only the plugins that a request concerns, in order', async () => {
    const asked: string[] = [];
    const plugin = (name: string, resources?: string[]): AdmissionPlugin => ({
      name,
      ...(resources ? { resources } : {}),
      handles: (o) => o !== 'CONNECT',
      admit: () => void asked.push(name),
      validate: () => void asked.push(`${name}!`),
    });
    const admission = chain([plugin('a', ['pods']), plugin('b'), plugin('c', ['deployments.apps'])]);
    for (const resource of ['pods/status', 'deployments.apps']) {
      const a = request({ resource, object: { metadata: { name: 'x' } } });
      await admission.admit(a);
      await admission.validate(a);
    }
    await admission.admit(request({ operation: 'CONNECT', resource: 'pods/exec' }));
    assert.deepEqual(asked, ['a', 'b', 'a!', 'b!', 'b', 'c', 'b!', 'c!']);
  });
  it('refuses what it does not know', () =>
    assert.throws(() => enabledPlugins(['Nope']), { message: 'enable-admission-plugins plugin "Nope" is unknown' }));
});

describe('NamespaceLifecycle', () => {
  const world = new AdmissionWorld()
    .add('namespaces', { metadata: { name: 'dev' }, status: { phase: 'Active' } })
    .add('namespaces', { metadata: { name: 'going' }, status: { phase: 'Terminating' } });
  const plugin = namespaceLifecycle(world);
  const cases: (RequestWords & { title: string; want: string | undefined })[] = [
    { title: 'lets into a living namespace', resource: 'pods', object: pod(), want: undefined },
    {
      title: 'refuses a missing one',
      resource: 'pods',
      object: pod({}, { namespace: 'gone' }),
      want: 'namespaces "gone" not found',
    },
    {
      title: 'lets delete in a missing one',
      operation: 'DELETE',
      resource: 'pods',
      old: pod({}, { namespace: 'gone' }),
      want: undefined,
    },
    {
      title: 'lets update in a dying one',
      operation: 'UPDATE',
      resource: 'pods',
      object: pod({}, { namespace: 'going' }),
      want: undefined,
    },
    {
      title: 'keeps the immortal',
      operation: 'DELETE',
      resource: 'namespaces',
      name: 'kube-system',
      want: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    },
    { title: 'lets others die', operation: 'DELETE', resource: 'namespaces', name: 'dev', want: undefined },
    {
      title: 'lets access reviews through',
      resource: 'localsubjectaccessreviews.authorization.k8s.io',
      namespace: 'gone',
      object: { metadata: {} },
      want: undefined,
    },
  ];
  for (const c of cases) it(c.title, async () => assert.equal(await run(plugin, request(c)), c.want));
  it('says why nothing is made in a dying one', async () => {
    const err = await failure(
      plugin,
      request({ resource: 'configmaps', object: { metadata: { generateName: 'x-', namespace: 'going' } } }),
    );
    assert.deepEqual(err?.status, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps "x-" is forbidden: unable to create new content in namespace going because it is being terminated',
      details: {
        name: 'x-',
        kind: 'configmaps',
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace going is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
  });
});

describe('ServiceAccount', () => {
  const world = new AdmissionWorld()
    .add('serviceaccounts', { metadata: { namespace: 'dev', name: 'default' }, imagePullSecrets: [{ name: 'pull' }] })
    .add('serviceaccounts', { metadata: { namespace: 'dev', name: 'shy' }, automountServiceAccountToken: false })
    .add('serviceaccounts', {
      metadata: {
        namespace: 'dev',
        name: 'strict',
        annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
      },
      secrets: [{ name: 'ok' }],
      automountServiceAccountToken: false,
    });
  const plugin = serviceAccount(world);
  const admitted = async (p: Pod) => {
    const a = request({ resource: 'pods', object: p });
    assert.equal(await run(plugin, a), undefined);
    return (a.object as Pod).spec!;
  };
  it('gives the default account and mounts its token', async () => {
    const spec = await admitted(pod({ initContainers: [{ name: 'i' }] }));
    const name = spec.volumes![0]!.name;
    assert.match(name, /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const mount = { name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    assert.deepEqual(spec, {
      containers: [{ name: 'c', volumeMounts: [mount] }],
      initContainers: [{ name: 'i', volumeMounts: [mount] }],
      serviceAccountName: 'default',
      serviceAccount: 'default',
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        {
          name,
          projected: {
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
            defaultMode: 420,
          },
        },
      ],
    });
  });
  it('leaves a pod alone that does not want the token', async () =>
    assert.equal((await admitted(pod({ automountServiceAccountToken: false }))).volumes, undefined));
  it('asks the account next', async () =>
    assert.equal((await admitted(pod({ serviceAccountName: 'shy' }))).volumes, undefined));
  it('leaves a container alone that has something there', async () => {
    const mounts = [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
    assert.equal((await admitted(pod({ containers: [{ name: 'c', volumeMounts: mounts }] }))).volumes, undefined);
  });
  const refused: { title: string; object: Pod; want: string }[] = [
    {
      title: 'a missing account',
      object: pod({ serviceAccountName: 'no' }),
      want: 'pods "p" is forbidden: error looking up service account dev/no: serviceaccount "no" not found',
    },
    {
      title: 'a mirror pod with an account',
      object: pod({ serviceAccountName: 'default' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      want: 'pods "p" is forbidden: a mirror pod may not reference service accounts',
    },
    {
      title: 'a mirror pod with secrets',
      object: pod(
        { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
        { annotations: { 'kubernetes.io/config.mirror': 'x' } },
      ),
      want: 'pods "p" is forbidden: a mirror pod may not reference secrets',
    },
    {
      title: 'a secret the account does not reference',
      object: pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      want: 'pods "p" is forbidden: volume with secret.secretName="s" is not allowed because service account strict does not reference that secret',
    },
  ];
  for (const c of refused)
    it(`refuses ${c.title}`, async () =>
      assert.equal(await run(plugin, request({ resource: 'pods', object: c.object })), c.want));
});

describe('LimitRanger', () => {
  const range = (limits: object[]) =>
    new AdmissionWorld().add('limitranges', { metadata: { namespace: 'dev', name: 'l' }, spec: { limits } });
  it('fills in defaults and says so', async () => {
    const plugin = limitRanger(
      range([{ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }]),
    );
    const a = request({
      resource: 'pods',
      object: pod({ containers: [container('c', {}, { memory: '2Gi' }), { name: 'd' }] }),
    });
    assert.equal(await run(plugin, a), undefined);
    assert.deepEqual((a.object as Pod).spec!.containers, [
      { name: 'c', resources: { requests: { cpu: '100m' }, limits: { memory: '2Gi', cpu: '500m' } } },
      { name: 'd', resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '1Gi' } } },
    ]);
    assert.equal(
      a.object!.metadata.annotations!['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c; cpu request for container d; cpu, memory limit for container d',
    );
  });
  const cases: { title: string; limits: object; spec: object; want: string | undefined }[] = [
    {
      title: 'within',
      limits: { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' } },
      spec: { containers: [container('c', { cpu: '200m' }, { cpu: '1' })] },
      want: undefined,
    },
    {
      title: 'no request',
      limits: { type: 'Container', min: { cpu: '100m' } },
      spec: {},
      want: 'minimum cpu usage per Container is 100m.  No request is specified',
    },
    {
      title: 'too little',
      limits: { type: 'Container', min: { memory: '1Gi' } },
      spec: { containers: [container('c', { memory: '512Mi' })] },
      want: 'minimum memory usage per Container is 1Gi, but request is 512Mi',
    },
    {
      title: 'too much',
      limits: { type: 'Container', max: { cpu: '1' } },
      spec: { containers: [container('c', { cpu: '1' }, { cpu: '1500m' })] },
      want: 'maximum cpu usage per Container is 1, but limit is 1500m',
    },
    {
      title: "a pod's sum",
      limits: { type: 'Pod', max: { cpu: '1' } },
      spec: { containers: [container('a', {}, { cpu: '600m' }), container('b', {}, { cpu: '600m' })] },
      want: 'maximum cpu usage per Pod is 1, but limit is 1200m',
    },
    {
      title: 'a ratio',
      limits: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      spec: { containers: [container('c', { cpu: '100m' }, { cpu: '250m' })] },
      want: 'cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000',
    },
    {
      title: 'several at once',
      limits: { type: 'Container', min: { cpu: '1', memory: '1Gi' } },
      spec: {},
      want: '[minimum cpu usage per Container is 1.  No request is specified, minimum memory usage per Container is 1Gi.  No request is specified]',
    },
  ];
  for (const c of cases)
    it(c.title, async () =>
      assert.equal(
        await run(limitRanger(range([c.limits])), request({ resource: 'pods', object: pod(c.spec) })),
        c.want && `pods "p" is forbidden: ${c.want}`,
      ),
    );
  it('bounds claims', async () => {
    const plugin = limitRanger(range([{ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }]));
    const claim = { metadata: { namespace: 'dev', name: 'v' }, spec: { resources: { requests: { storage: '2Gi' } } } };
    assert.equal(
      await run(plugin, request({ resource: 'persistentvolumeclaims', object: claim })),
      'persistentvolumeclaims "v" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    );
  });
});

describe('Priority', () => {
  const world = new AdmissionWorld()
    .add('priorityclasses.scheduling.k8s.io', { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' })
    .add('priorityclasses.scheduling.k8s.io', { metadata: { name: 'usual' }, value: 7, globalDefault: true });
  const of = async (spec: object, w = world) => {
    const a = request({ resource: 'pods', object: pod(spec) });
    const why = await run(priority(w), a);
    const { priorityClassName, priority: value, preemptionPolicy } = (a.object as Pod).spec!;
    return why ?? [priorityClassName, value, preemptionPolicy];
  };
  it('by class', async () => assert.deepEqual(await of({ priorityClassName: 'high' }), ['high', 1000, 'Never']));
  it('by the default class', async () => assert.deepEqual(await of({}), ['usual', 7, undefined]));
  it('by none', async () =>
    assert.deepEqual(await of({}, new AdmissionWorld()), [undefined, 0, 'PreemptLowerPriority']));
  it('unknown', async () =>
    assert.equal(
      await of({ priorityClassName: 'x' }),
      'pods "p" is forbidden: no PriorityClass with name x was found',
    ));
  it('given', async () =>
    assert.equal(
      await of({ priority: 5, priorityClassName: 'high' }),
      'pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    ));
  it('one default only', async () =>
    assert.equal(
      await run(
        priority(world),
        request({
          resource: 'priorityclasses.scheduling.k8s.io',
          object: { metadata: { name: 'new' }, globalDefault: true, value: 1 },
        }),
      ),
      'priorityclasses.scheduling.k8s.io "new" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    ));
});

describe('small plugins', () => {
  it('DefaultTolerationSeconds adds what is missing', async () => {
    const a = request({
      resource: 'pods',
      object: pod({ tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }] }),
    });
    await run(defaultTolerationSeconds(), a);
    assert.deepEqual((a.object as Pod).spec!.tolerations, [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]);
  });
  it('StorageObjectInUseProtection sets the finalizer once', async () => {
    const a = request({ resource: 'persistentvolumes', object: { metadata: { name: 'v', finalizers: ['x'] } } });
    await run(storageObjectInUseProtection(), a);
    await run(storageObjectInUseProtection(), a);
    assert.deepEqual(a.object!.metadata.finalizers, ['x', 'kubernetes.io/pv-protection']);
  });
  it('TaintNodesByCondition taints a new node', async () => {
    const a = request({ resource: 'nodes', object: { metadata: { name: 'n' } } });
    await run(taintNodesByCondition(), a);
    assert.deepEqual((a.object as Node).spec, {
      taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
    });
  });
  it('DefaultStorageClass takes the newest default', async () => {
    const mark = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    const world = new AdmissionWorld()
      .add('storageclasses.storage.k8s.io', {
        metadata: { name: 'old', annotations: mark, creationTimestamp: '2026-01-01T00:00:00Z' },
      })
      .add('storageclasses.storage.k8s.io', {
        metadata: { name: 'new', annotations: mark, creationTimestamp: '2026-01-02T00:00:00Z' },
      });
    const of = async (spec: object) => {
      const a = request({
        resource: 'persistentvolumeclaims',
        object: { metadata: { name: 'c', namespace: 'dev' }, spec },
      });
      await run(defaultStorageClass(world), a);
      return (a.object as PersistentVolumeClaim).spec!.storageClassName;
    };
    assert.deepEqual(
      [await of({}), await of({ storageClassName: '' }), await of({ storageClassName: 'x' })],
      ['new', '', 'x'],
    );
  });
  it('PersistentVolumeClaimResize', async () => {
    const world = new AdmissionWorld().add('storageclasses.storage.k8s.io', {
      metadata: { name: 'ok' },
      allowVolumeExpansion: true,
    });
    const claim = (storage: string, storageClassName = 'ok', phase = 'Bound') => ({
      metadata: { name: 'c', namespace: 'dev' },
      spec: { storageClassName, resources: { requests: { storage } } },
      status: { phase },
    });
    const of = (old: object, object: object) =>
      run(
        persistentVolumeClaimResize(world),
        request({ operation: 'UPDATE', resource: 'persistentvolumeclaims', object, old }),
      );
    assert.equal(await of(claim('1Gi'), claim('2Gi')), undefined);
    assert.equal(
      await of(claim('1Gi', 'ok', 'Pending'), claim('2Gi')),
      'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
    );
    assert.equal(
      await of(claim('1Gi', 'x'), claim('2Gi', 'x')),
      'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  });
  it('RuntimeClass gives overhead and scheduling', async () => {
    const world = new AdmissionWorld().add('runtimeclasses.node.k8s.io', {
      metadata: { name: 'vm' },
      overhead: { podFixed: { cpu: '100m' } },
      scheduling: { nodeSelector: { vm: 'yes' } },
    });
    const a = request({ resource: 'pods', object: pod({ runtimeClassName: 'vm' }) });
    assert.equal(await run(runtimeClass(world), a), undefined);
    assert.deepEqual(
      [(a.object as Pod).spec!.overhead, (a.object as Pod).spec!.nodeSelector],
      [{ cpu: '100m' }, { vm: 'yes' }],
    );
    assert.equal(
      await run(runtimeClass(world), request({ resource: 'pods', object: pod({ runtimeClassName: 'no' }) })),
      'pods "p" is forbidden: pod rejected: RuntimeClass "no" not found',
    );
    assert.equal(
      await run(runtimeClass(world), request({ resource: 'pods', object: pod({ overhead: { cpu: '1' } }) })),
      'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
  });
  it('PodTopologyLabels labels bindings and bound pods', async () => {
    const labels = { 'topology.kubernetes.io/zone': 'z', other: 'x' };
    const plugin = podTopologyLabels(new AdmissionWorld().add('nodes', { metadata: { name: 'n', labels } }));
    const of = async (resource: string, object: object) => {
      const a = request({ resource, object, namespace: 'dev' });
      await run(plugin, a);
      return a.object!.metadata.labels;
    };
    assert.deepEqual(await of('pods/binding', { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }), {
      'topology.kubernetes.io/zone': 'z',
    });
    assert.deepEqual(await of('pods', pod({ nodeName: 'n' }, { labels: { a: 'b' } })), {
      a: 'b',
      'topology.kubernetes.io/zone': 'z',
    });
    assert.equal(await of('pods', pod({ nodeName: 'gone' })), undefined);
  });
  it('PodResizeValidator keeps to the node', async () => {
    const world = new AdmissionWorld().add('nodes', {
      metadata: { name: 'n' },
      status: { allocatable: { cpu: '2', memory: '1Gi' } },
    });
    const resized = (cpu: string, generation: number) =>
      pod({ nodeName: 'n', containers: [container('c', { cpu })] }, { generation });
    const of = (cpu: string) =>
      run(
        podResizeValidator(world),
        request({ operation: 'UPDATE', resource: 'pods/resize', object: resized(cpu, 2), old: resized('1', 1) }),
      );
    assert.equal(await of('2'), undefined);
    assert.equal(
      await of('2500m'),
      `pods "p" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000`,
    );
  });
  it('AlwaysDeny', async () =>
    assert.equal(
      await run(alwaysDeny(), request({ resource: 'pods', object: pod() })),
      'pods "p" is forbidden: admission control is denying all modifications',
    ));
});

describe('NodeRestriction', () => {
  const kubelet = { username: 'system:node:n1', groups: ['system:nodes'] };
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true };
  const mirror = (spec: object, metadata: object = {}) =>
    pod(
      { nodeName: 'n1', ...spec },
      { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata },
    );
  const world = new AdmissionWorld()
    .add('nodes', { metadata: { name: 'n1', uid: 'u1' } })
    .add(
      'pods',
      pod(
        {
          nodeName: 'n1',
          volumes: [
            {
              name: 't',
              projected: {
                sources: [
                  { serviceAccountToken: { path: 'token', audience: 'vault' } },
                  { serviceAccountToken: { path: 'token' } },
                ],
              },
            },
          ],
        },
        { name: 'mine', uid: 'm' },
      ),
    )
    .add('pods', pod({ nodeName: 'n2' }, { name: 'other', uid: 'o' }));
  const node = (metadata: object, spec: object = {}): KubeObject =>
    ({ metadata: { name: 'n1', ...metadata }, spec }) as KubeObject;
  const token = (name: string, uid: string, audiences: string[] = []) => ({
    metadata: {},
    spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });
  const cases: {
    title: string;
    operation?: Operation;
    resource: string;
    object?: object;
    old?: object;
    name?: string;
    namespace?: string;
    user?: { username: string; groups: string[] };
    want: string | undefined;
  }[] = [
    {
      title: 'others are not concerned',
      resource: 'pods',
      object: pod(),
      user: { username: 'jane', groups: [] },
      want: undefined,
    },
    { title: 'mirror pods may be made', resource: 'pods', object: mirror({}), want: undefined },
    {
      title: 'other pods may not',
      resource: 'pods',
      object: pod({ nodeName: 'n1' }),
      want: 'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    },
    {
      title: 'nor on other nodes',
      resource: 'pods',
      object: mirror({ nodeName: 'n2' }),
      want: 'pods "p" is forbidden: node "n1" can only create pods with spec.nodeName set to itself',
    },
    {
      title: 'nor without owner',
      resource: 'pods',
      object: mirror({}, { ownerReferences: [] }),
      want: 'pods "p" is forbidden: node "n1" can only create pods with an owner reference set to itself',
    },
    {
      title: 'nor with secrets',
      resource: 'pods',
      object: mirror({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      want: 'pods "p" is forbidden: node "n1" can not create pods that reference secrets',
    },
    {
      title: 'own pods may be deleted',
      operation: 'DELETE',
      resource: 'pods',
      name: 'mine',
      namespace: 'dev',
      want: undefined,
    },
    {
      title: "others' pods may not",
      operation: 'DELETE',
      resource: 'pods',
      name: 'other',
      namespace: 'dev',
      want: 'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    },
    {
      title: "status of others' pods",
      operation: 'UPDATE',
      resource: 'pods/status',
      old: pod({ nodeName: 'n2' }),
      object: pod({ nodeName: 'n2' }),
      want: 'pods "p" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    },
    {
      title: 'its own node',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}),
      object: node({ labels: { 'kubernetes.io/hostname': 'n1', mine: 'x' } }),
      want: undefined,
    },
    {
      title: 'not another',
      operation: 'UPDATE',
      resource: 'nodes',
      name: 'n2',
      old: node({}),
      object: node({}),
      want: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    },
    {
      title: 'not its taints',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }),
      object: node({}),
      want: 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    },
    {
      title: 'not restricted labels',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}),
      object: node({ labels: { 'x.node-restriction.kubernetes.io/a': 'b' } }),
      want: 'nodes "n1" is forbidden: is not allowed to modify labels: x.node-restriction.kubernetes.io/a',
    },
    {
      title: 'its own lease',
      resource: 'leases.coordination.k8s.io',
      object: { metadata: { name: 'n1', namespace: 'kube-node-lease' } },
      want: undefined,
    },
    {
      title: "not another's",
      resource: 'leases.coordination.k8s.io',
      object: { metadata: { name: 'n2', namespace: 'kube-node-lease' } },
      want: 'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
    },
    {
      title: 'tokens of its pods',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm'),
      want: undefined,
    },
    {
      title: 'for audiences the pod names',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm', ['vault']),
      want: undefined,
    },
    {
      title: 'not for others',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm', ['bank']),
      want: 'serviceaccounts "bot" is forbidden: audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    },
    {
      title: "not of others' pods",
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('other', 'o'),
      want: 'serviceaccounts "bot" is forbidden: node requested token bound to a pod scheduled on a different node',
    },
    {
      title: 'not unbound',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: { metadata: {}, spec: {} },
      want: 'serviceaccounts "bot" is forbidden: node requested token not bound to a pod',
    },
  ];
  for (const c of cases)
    it(c.title, async () => assert.equal(await run(nodeRestriction(world), request({ user: kubelet, ...c })), c.want));
});
