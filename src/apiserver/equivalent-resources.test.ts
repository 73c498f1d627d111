/** Versions of one resource, and the two groups of events, know each other. */
import assert from 'node:assert/strict';
import { ResourceTable } from '../registry/resources.ts';
import { equivalentResources } from './equivalent-resources.ts';

describe('equivalent resources', () => {
  const cases = [
    { of: ['autoscaling', 'v1', 'horizontalpodautoscalers'], want: ['autoscaling/v2/horizontalpodautoscalers'] },
    { of: ['autoscaling', 'v2', 'horizontalpodautoscalers'], want: ['autoscaling/v1/horizontalpodautoscalers'] },
    { of: ['', 'v1', 'events'], want: ['events.k8s.io/v1/events'] },
    { of: ['', 'v1', 'pods'], want: [] },
    { of: ['nope', 'v1', 'pods'], want: [] },
  ] as const;
  for (const { of, want } of cases) {
    it(`of ${of.join('/')}`, () => {
      const [group, version, resource] = of;
      const found = equivalentResources(new ResourceTable())({ group, version, resource });
      assert.deepEqual(
        found.map((e) => `${e.resource.group}/${e.resource.version}/${e.resource.resource}`),
        want,
      );
    });
  }
});
