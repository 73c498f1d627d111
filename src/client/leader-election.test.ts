import assert from 'node:assert/strict';
import { settle, VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { conflict, notFound } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client } from './client.ts';
import { LeadershipLostError, runWithLeaderElection } from './leader-election.ts';

type Lease = KubeObject & { spec?: { holderIdentity?: string; leaseTransitions?: number } };

/** One Lease with compare-and-swap; `down` makes every call fail. */
function leaseServer() {
  const state: { lease: Lease | undefined; down: boolean } = { lease: undefined, down: false };
  const store = (object: Lease) => {
    const revision = Number(state.lease?.metadata.resourceVersion ?? 0) + 1;
    state.lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    return state.lease;
  };
  const gr = { group: 'coordination.k8s.io', resource: 'leases' };
  const client = {
    async get() {
      if (state.down) throw new Error('connection refused');
      if (!state.lease) throw notFound(gr, 'l');
      return state.lease;
    },
    async create(_: unknown, object: Lease) {
      return store(object);
    },
    async update(_: unknown, object: Lease) {
      if (state.down) throw new Error('connection refused');
      if (object.metadata.resourceVersion !== state.lease?.metadata.resourceVersion) throw conflict(gr, 'l', 'changed');
      return store(object);
    },
  } as unknown as Client;
  return { state, client };
}

describe('leader election', () => {
  function candidate(server: ReturnType<typeof leaseServer>, clock: VirtualClock, identity: string) {
    const stop = new AbortController();
    const seen = { leads: false, lost: false };
    const done = runWithLeaderElection(
      {
        client: server.client,
        clock,
        random: seededRandom(3),
        log: silentLogger,
        lease: { namespace: 'kube-system', name: 'l' },
        identity,
        signal: stop.signal,
      },
      async (signal) => {
        seen.leads = true;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        seen.leads = false;
      },
    ).catch((err: unknown) => {
      seen.lost = err instanceof LeadershipLostError;
    });
    return { seen, stop, done };
  }

  it('has one leader, and the next one at once when it lets go', async () => {
    const server = leaseServer();
    const clock = new VirtualClock();
    const a = candidate(server, clock, 'a');
    await clock.advance(100);
    const b = candidate(server, clock, 'b');
    await clock.advance(60_000);
    assert.deepEqual([a.seen.leads, b.seen.leads], [true, false]);
    a.stop.abort();
    await a.done;
    await clock.advance(5_000);
    assert.equal(b.seen.leads, true);
    assert.equal(server.state.lease?.spec?.leaseTransitions, 1);
    b.stop.abort();
    await settle();
    await b.done;
  });

  it('stops leading when it cannot renew, before the Lease runs out', async () => {
    const server = leaseServer();
    const clock = new VirtualClock();
    const a = candidate(server, clock, 'a');
    await clock.advance(100);
    server.state.down = true;
    await clock.advance(9_000);
    assert.equal(a.seen.leads, true);
    await clock.advance(5_000);
    assert.deepEqual([a.seen.leads, a.seen.lost], [false, true]);
  });
});
