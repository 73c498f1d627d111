/** What may change in workloads, when generation counts, and how scale sees them. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { strategyFor } from '../strategies.ts';
import { created, rowOf, updated } from '../strategy-testing.ts';

type Fields = Record<string, unknown>;

const KINDS = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'];
const stored = (kind: string, spec: Fields = {}): KubeObject & { spec: Fields } => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } };
  const selector = { matchLabels: { a: 'b' } };
  const { object, problems } = created({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'w' },
    spec: { selector, template, ...spec },
  });
  assert.deepEqual(problems, []);
  object.metadata.resourceVersion = '7';
  return object as unknown as KubeObject & { spec: Fields };
};

describe('updates of workloads', () => {
  for (const kind of KINDS) {
    it(`${kind}: generation counts changes of spec, status has its own door`, () => {
      const old = stored(kind);
      assert.equal(old.metadata.generation, 1);
      const same = updated({ ...old, status: { observedGeneration: 1, replicas: 1, numberReady: 1 } }, old);
      assert.deepEqual(same.problems, []);
      assert.equal(same.object.metadata.generation, 1);
      assert.deepEqual(same.object.status, (old as unknown as Fields).status);
      const spec = { ...old.spec, minReadySeconds: 3 };
      assert.equal(updated({ ...old, spec }, old).object.metadata.generation, 2);
      const status = { ...((old as unknown as Fields).status as Fields), observedGeneration: 1 };
      const door = updated({ ...old, spec, status }, old, 'status');
      assert.deepEqual(door.problems, []);
      assert.deepEqual(door.object.spec, old.spec);
      assert.equal((door.object.status as Fields).observedGeneration, 1);
    });
  }

  for (const kind of ['Deployment', 'ReplicaSet', 'DaemonSet']) {
    it(`${kind}: the selector stays`, () => {
      const old = stored(kind);
      const labels = { a: 'b', c: 'd' };
      const template = { ...(old.spec.template as Fields), metadata: { labels } };
      const { problems } = updated({ ...old, spec: { ...old.spec, selector: { matchLabels: labels }, template } }, old);
      assert.deepEqual(problems, [
        'spec.selector: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable',
      ]);
    });
  }

  it('StatefulSet: few fields may change', () => {
    const old = stored('StatefulSet', { serviceName: 's' });
    const { problems } = updated(
      { ...old, spec: { ...old.spec, serviceName: 't', podManagementPolicy: 'Parallel' } },
      old,
    );
    assert.deepEqual(problems, [
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
    assert.deepEqual(updated({ ...old, spec: { ...old.spec, replicas: 3 } }, old).problems, []);
  });

  it('Deployment: annotations count too', () => {
    const old = stored('Deployment');
    const annotations = { a: 'b' };
    assert.equal(updated({ ...old, metadata: { ...old.metadata, annotations } }, old).object.metadata.generation, 2);
  });

  it('Deployment: numbers of a status belong together', () => {
    const old = stored('Deployment');
    const status = { replicas: 1, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 3, unavailableReplicas: -1 };
    assert.deepEqual(updated({ ...old, status }, old, 'status').problems, [
      'status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0',
      'status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
    ]);
  });

  it('scale paths and selectors', () => {
    for (const kind of ['Deployment', 'ReplicaSet', 'StatefulSet']) {
      const old = stored(kind);
      const { scale } = strategyFor(rowOf({ apiVersion: 'apps/v1', kind }));
      assert.equal(scale?.specReplicas, '.spec.replicas');
      assert.equal(scale?.statusReplicas, '.status.replicas');
      assert.equal(scale?.selector(old), 'a=b');
    }
  });

  it('defaults again without changing anything', () => {
    for (const kind of KINDS) {
      const once = stored(kind);
      const twice = structuredClone(once);
      strategyFor(rowOf({ apiVersion: 'apps/v1', kind })).default!(twice);
      assert.deepEqual(twice, once);
    }
  });
});
