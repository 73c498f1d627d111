import assert from 'node:assert/strict';
import { created, updated } from '../strategy-testing.ts';

describe('device claims', () => {
  const claim = (requests: object[]) => ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: 'x' },
    spec: { devices: { requests } },
  });

  it('ask for one device unless they say otherwise', () => {
    const { object, problems } = created(
      claim([
        { name: 'a', exactly: { deviceClassName: 'gpu', tolerations: [{ key: 'k' }] } },
        { name: 'b', exactly: { deviceClassName: 'gpu', allocationMode: 'All' } },
        { name: 'c', firstAvailable: [{ name: 'd', deviceClassName: 'gpu', count: 2 }] },
      ]),
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(object.spec, {
      devices: {
        requests: [
          {
            name: 'a',
            exactly: {
              deviceClassName: 'gpu',
              tolerations: [{ key: 'k', operator: 'Equal' }],
              allocationMode: 'ExactCount',
              count: 1,
            },
          },
          { name: 'b', exactly: { deviceClassName: 'gpu', allocationMode: 'All' } },
          {
            name: 'c',
            firstAvailable: [{ name: 'd', deviceClassName: 'gpu', count: 2, allocationMode: 'ExactCount' }],
          },
        ],
      },
    });
  });

  it('do not change', () => {
    const { object } = created(claim([]));
    object.metadata.resourceVersion = '7';
    const next = { ...claim([{ name: 'a', exactly: { deviceClassName: 'gpu' } }]), metadata: object.metadata };
    const { problems } = updated(next, object);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /^spec: Invalid value: .*: field is immutable$/);
  });
});
