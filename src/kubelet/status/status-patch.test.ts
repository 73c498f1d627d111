/** What a status patch must say: only what is new, and in a strategic merge what is gone has to be said. */
import assert from 'node:assert/strict';
import type { PodStatus } from '../../api/core-v1.ts';
import { statusPatch, withoutEarlyEnd } from './status-patch.ts';

const at = '2026-01-01T00:00:00Z';
const ready = { type: 'Ready', status: 'True', lastTransitionTime: at };
const unready = { ...ready, status: 'False', reason: 'ContainersNotReady', message: 'm' };
const foreign = { type: 'example.com/gate', status: 'True', lastTransitionTime: at };

const cases: { name: string; base: PodStatus; status: PodStatus; want: unknown }[] = [
  {
    name: 'says nothing when nothing changed',
    base: { phase: 'Running', conditions: [{ ...ready, lastProbeTime: null } as never] },
    status: { phase: 'Running', conditions: [ready] },
    want: undefined,
  },
  {
    name: 'removes a message that is gone',
    base: { phase: 'Pending', message: 'm', reason: 'r' },
    status: { phase: 'Running' },
    want: { phase: 'Running', message: null, reason: null },
  },
  {
    name: "removes addresses that are no longer the pod's",
    base: { podIPs: [{ ip: '10.244.0.1' }], hostIPs: [{ ip: '172.30.0.1' }] },
    status: { podIPs: [{ ip: '10.244.0.2' }], hostIPs: [{ ip: '172.30.0.1' }] },
    want: { podIPs: [{ ip: '10.244.0.2' }, { $patch: 'delete', ip: '10.244.0.1' }] },
  },
  {
    name: 'sends the conditions that changed and clears their old reasons',
    base: { conditions: [unready, foreign] },
    status: { conditions: [foreign, ready] },
    want: { conditions: [{ ...ready, reason: null, message: null }] },
  },
  {
    name: 'never takes back an end',
    base: { phase: 'Succeeded' },
    status: { phase: 'Running', podIP: '10.244.0.1' },
    want: { podIP: '10.244.0.1' },
  },
  {
    name: 'takes back a resize that is over',
    base: { conditions: [{ type: 'PodResizeInProgress', status: 'True' }] },
    status: { conditions: [] },
    want: { conditions: [{ $patch: 'delete', type: 'PodResizeInProgress' }] },
  },
];

describe('status patch', () => {
  for (const c of cases) it(c.name, () => assert.deepEqual(statusPatch(c.base, c.status), c.want));

  it('does not tell the end of a pod that may still run', () => {
    const ended = { phase: 'Failed', reason: 'DeadlineExceeded', message: 'm', podIP: '10.244.0.1' };
    assert.deepEqual(withoutEarlyEnd({ phase: 'Running' }, ended), { phase: 'Running', podIP: '10.244.0.1' });
    assert.deepEqual(withoutEarlyEnd({ phase: 'Failed' }, ended), ended);
  });
});
