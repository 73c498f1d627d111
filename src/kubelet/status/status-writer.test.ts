/** What a status patch must say beyond the new status: a strategic merge keeps what is left out. */
import assert from 'node:assert/strict';
import { withRemovals } from './status-writer.ts';

describe('status patch', () => {
  it('removes a message that is gone', () => {
    assert.deepEqual(withRemovals({ phase: 'Pending', message: 'm', reason: 'r' }, { phase: 'Running' }), { phase: 'Running', message: null, reason: null });
  });
  it('removes addresses that are no longer the pod\'s', () => {
    const old = { podIPs: [{ ip: '10.244.0.1' }], hostIPs: [{ ip: '172.30.0.1' }] };
    assert.deepEqual(withRemovals(old, { podIPs: [{ ip: '10.244.0.2' }], hostIPs: [{ ip: '172.30.0.1' }] }), {
      podIPs: [{ ip: '10.244.0.2' }, { $patch: 'delete', ip: '10.244.0.1' }],
      hostIPs: [{ ip: '172.30.0.1' }],
    });
  });
});
