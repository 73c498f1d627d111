/** Pods get the number of their priority class; classes keep their rules. */
import assert from 'node:assert/strict';
import type { Pod } from '../../api/core-v1.ts';
import { AdmissionWorld, pod, request, run } from '../testing/admission-world.ts';
import { priority } from './priority.ts';

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
