/** Plugins of a few lines each. */
import assert from 'node:assert/strict';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { AdmissionWorld, container, pod, request, run } from '../testing/admission-world.ts';
import { defaultStorageClass } from './default-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podResizeValidator } from './pod-resize-validator.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { runtimeClass } from './runtime-class.ts';
import { alwaysDeny } from './simple.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

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
