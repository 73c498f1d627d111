/** Claims of ephemeral volumes: their names, owners and what is taken from the template. */
import assert from 'node:assert/strict';
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { claimOf, claimProblem, ephemeralVolumes } from './plan.ts';

describe('ephemeral volumes', () => {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: {
      containers: [],
      volumes: [
        { name: 'scratch', ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' } }, spec } } },
        { name: 'other', emptyDir: {} },
      ],
    },
  };

  it('each is a claim that the pod owns', () => {
    const volumes = ephemeralVolumes(pod);
    assert.deepEqual(
      volumes.map((v) => v.name),
      ['scratch'],
    );
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true, blockOwnerDeletion: true };
    assert.deepEqual(claimOf(pod, volumes[0]!), {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'p-scratch', namespace: 'n', labels: { a: 'b' }, ownerReferences: [owner] },
      spec,
    });
  });

  it("a claim of that name that is not the pod's is not used", () => {
    const claim = { metadata: { name: 'p-scratch', namespace: 'n' } } as PersistentVolumeClaim;
    assert.equal(claimProblem(pod, claim), 'PVC n/p-scratch was not created for pod n/p (pod is not owner)');
    assert.equal(claimProblem(pod, claimOf(pod, pod.spec!.volumes![0]!)), undefined);
  });
});
