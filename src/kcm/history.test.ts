/** Revisions of templates as upstream's controllers read them. */
import assert from 'node:assert/strict';
import type { PodTemplateSpec } from '../api/core-v1.ts';
import { newRevision, type Templated, templateOf } from './history.ts';

describe('history of templates', () => {
  it('a revision holds the template with its keys sorted, and gives it back', () => {
    const template: PodTemplateSpec = {
      metadata: { labels: { b: '2', a: '1' } },
      spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'x', command: ['z', 'a'] }] },
    };
    const set = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 's', namespace: 'default', uid: 'u' },
      spec: { template, selector: { matchLabels: { a: '1' } } },
    } as Templated;
    const ref = { group: 'apps', version: 'v1', resource: 'statefulsets', kind: 'StatefulSet', namespaced: true };
    const revision = newRevision(set, ref, 1, 0);
    assert.equal(
      JSON.stringify(revision.data),
      '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"command":["z","a"],"image":"x","name":"c"}],"restartPolicy":"Always"}}}}',
    );
    assert.deepEqual(templateOf(revision), template);
  });
});
