import assert from 'node:assert/strict';
import type { Job } from '../../api/batch-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import { NO_FAILURES, nextBackoffRecord, remainingTime } from './backoff.ts';
import { Indexes } from './indexes.ts';
import { matchPodFailurePolicy, matchSuccessPolicy } from './policies.ts';

const pod = (
  exitCode: number,
  conditions: { type: string; status: string }[] = [],
  finishedAt = '2026-01-01T00:00:10Z',
): Pod => ({
  metadata: { name: 'p', namespace: 'ns' },
  status: {
    phase: 'Failed',
    conditions,
    containerStatuses: [
      {
        name: 'main',
        ready: false,
        restartCount: 0,
        image: '',
        imageID: '',
        state: { terminated: { exitCode, finishedAt } },
      },
    ],
  },
});
const job = (spec: object): Job => ({ metadata: { name: 'j' }, spec: { template: {}, completions: 5, ...spec } });

describe('job policies', () => {
  it('matches the first rule for a failed pod', () => {
    const rules = [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
      { action: 'FailIndex', onExitCodes: { operator: 'NotIn', values: [1], containerName: 'main' } },
    ];
    const j = job({ podFailurePolicy: { rules } });
    const message = 'Container main for pod ns/p failed with exit code 42 matching FailJob rule at index 1';
    assert.deepEqual(matchPodFailurePolicy(j, pod(42)), { counts: true, action: 'FailJob', message });
    assert.deepEqual(matchPodFailurePolicy(j, pod(42, [{ type: 'DisruptionTarget', status: 'True' }])), {
      counts: false,
      action: 'Ignore',
    });
    assert.deepEqual(matchPodFailurePolicy(j, pod(7)), { counts: true, action: 'FailIndex' });
    assert.deepEqual(matchPodFailurePolicy(j, pod(1)), { counts: true });
  });

  it('tells which success rule is met', () => {
    const j = job({ successPolicy: { rules: [{ succeededIndexes: '0,2-3' }, { succeededCount: 4 }] } });
    assert.equal(matchSuccessPolicy(j, Indexes.of([0, 2])), undefined);
    assert.equal(matchSuccessPolicy(j, Indexes.of([0, 2, 3])), 'Matched rules at index 0');
    assert.equal(matchSuccessPolicy(j, Indexes.of([0, 1, 2, 4])), 'Matched rules at index 1');
  });

  it('waits twice as long after each failure, at most ten minutes, and forgets at a success', () => {
    const at = (s: string) => Date.parse(`2026-01-01T00:00:${s}Z`);
    const one = nextBackoffRecord(NO_FAILURES, [], [pod(1)]);
    assert.equal(remainingTime(one, at('10')), 10_000);
    const two = nextBackoffRecord(one, [], [pod(1, [], '2026-01-01T00:00:20Z')]);
    assert.equal(remainingTime(two, at('25')), 15_000);
    assert.equal(remainingTime({ failures: 30, lastFailure: at('20') }, at('20')), 600_000);
    assert.deepEqual(nextBackoffRecord(two, [pod(0, [], '2026-01-01T00:00:30Z')], [pod(1)]), {
      failures: 0,
      lastFailure: undefined,
    });
  });
});
