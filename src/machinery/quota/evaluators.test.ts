/** Which claims a quota of a VolumeAttributesClass counts. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../meta/object.ts';
import { evaluatorFor } from './evaluators.ts';

const claim = (spec: object, status: object) => ({ metadata: { name: 'c' }, spec, status }) as unknown as KubeObject;

describe('claims and quotas of their class', () => {
  const evaluator = evaluatorFor({ group: '', resource: 'persistentvolumeclaims' })!;
  const gold = { scopeName: 'VolumeAttributesClass', operator: 'In', values: ['gold'] };
  const cases = [
    { name: 'no class', object: claim({}, {}), want: false },
    { name: 'another class', object: claim({ volumeAttributesClassName: 'silver' }, {}), want: false },
    { name: 'wanted', object: claim({ volumeAttributesClassName: 'gold' }, {}), want: true },
    { name: 'current', object: claim({}, { currentVolumeAttributesClassName: 'gold' }), want: true },
    {
      name: 'on its way',
      object: claim(
        { volumeAttributesClassName: 'silver' },
        { modifyVolumeStatus: { targetVolumeAttributesClassName: 'gold', status: 'InProgress' } },
      ),
      want: true,
    },
  ];
  for (const { name, object, want } of cases) {
    it(`${name}: ${want ? 'counts' : 'does not count'}`, () => {
      assert.equal(evaluator.matchesScope(gold, object), want);
    });
  }

  it('a status that names another class is a write that counts', () => {
    const write = (object: KubeObject, oldObject: KubeObject) =>
      evaluator.handles({ operation: 'UPDATE', subresource: 'status', object, oldObject });
    const before = claim({}, {});
    assert.equal(write(claim({}, { phase: 'Bound' }), before), false);
    assert.equal(write(claim({}, { currentVolumeAttributesClassName: 'gold' }), before), true);
  });
});
