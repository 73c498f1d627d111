/** What may change in jobs and cron jobs, and what the server fills in. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { created, updated } from '../strategy-testing.ts';

type Fields = Record<string, unknown>;
type Stored = KubeObject & { spec: Fields; status: Fields };

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x:1' }] } };
const stored = (kind: string, spec: Fields): Stored => {
  const { object, problems } = created({ apiVersion: 'batch/v1', kind, metadata: { name: 'j' }, spec });
  assert.deepEqual(problems, []);
  object.metadata.resourceVersion = '7';
  return object as unknown as Stored;
};
const job = (spec: Fields = {}) => stored('Job', { template, ...spec });

describe('updates of jobs', () => {
  it('labels of the job select its pods', () => {
    const { spec } = job() as unknown as { spec: { selector: unknown; template: { metadata: unknown } } };
    assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid' } });
    assert.deepEqual(spec.template.metadata, {
      labels: {
        'batch.kubernetes.io/controller-uid': 'uid',
        'batch.kubernetes.io/job-name': 'j',
        'controller-uid': 'uid',
        'job-name': 'j',
      },
    });
  });

  it('a selector of one’s own needs manualSelector and matching labels', () => {
    const selector = { matchLabels: { a: 'b' } };
    const input = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' } };
    const spec = { selector, manualSelector: true, template };
    assert.deepEqual(created({ ...input, spec }).problems, [
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    ]);
    assert.match(created({ ...input, spec: { selector, template } }).problems.join(), /`selector` not auto-generated/);
  });

  it('the main fields stay', () => {
    const old = job({ completions: 3 });
    const change = (spec: Fields) => updated({ ...old, spec: { ...old.spec, ...spec } }, old).problems;
    assert.deepEqual(change({ parallelism: 5 }), []);
    assert.deepEqual(change({ backoffLimit: 5, activeDeadlineSeconds: 3, ttlSecondsAfterFinished: 1 }), []);
    assert.deepEqual(change({ completions: 4 }), ['spec.completions: Invalid value: 4: field is immutable']);
    assert.deepEqual(change({ completionMode: 'Indexed' }), [
      'spec.completionMode: Invalid value: "Indexed": field is immutable',
    ]);
    const other = { ...(old.spec.template as Fields), spec: { ...template.spec, restartPolicy: 'OnFailure' } };
    const problems = change({ template: other });
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /^spec\.template: Invalid value: .*: field is immutable$/s);
  });

  it('an elastic indexed job grows with its parallelism', () => {
    const old = job({ completionMode: 'Indexed', completions: 3, parallelism: 3 });
    const both = { ...old, spec: { ...old.spec, completions: 5, parallelism: 5 } };
    assert.deepEqual(updated(both, old).problems, []);
  });

  it('a suspended job that never ran may change its scheduling', () => {
    const old = job({ suspend: true });
    const before = old.spec.template as { metadata: Fields; spec: Fields };
    const changed = { ...before, spec: { ...before.spec, nodeSelector: { a: 'b' } } };
    assert.deepEqual(updated({ ...old, spec: { ...old.spec, template: changed } }, old).problems, []);
  });

  it('status: generation stays, finished jobs do not start again', () => {
    const old = job();
    const condition = { type: 'Complete', status: 'True', lastTransitionTime: null, lastProbeTime: null };
    const { problems } = updated({ ...old, status: { ...old.status, conditions: [condition] } }, old, 'status');
    assert(problems.length > 0);
    assert.match(
      problems.join('\n'),
      /status\.completionTime: Required value: completionTime is required for Complete jobs/,
    );
  });

  it('cron jobs: generation and time zone', () => {
    const old = stored('CronJob', { schedule: '@daily', jobTemplate: { spec: { template } } });
    assert.equal(old.metadata.generation, 1);
    const later = updated({ ...old, spec: { ...old.spec, schedule: '@hourly', timeZone: 'Europe/Berlin' } }, old);
    assert.deepEqual(later.problems, []);
    assert.equal(later.object.metadata.generation, 2);
    assert.deepEqual(updated({ ...old, spec: { ...old.spec, timeZone: 'Mars/Olympus' } }, old).problems, [
      'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
    ]);
  });
});
