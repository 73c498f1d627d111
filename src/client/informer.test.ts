import assert from 'node:assert/strict';
import { settle, VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { badRequest, resourceExpired } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client, ClientWatchEvent, ListRequest, WatchRequest } from './client.ts';
import { Informer } from './informer.ts';
import { PODS } from './resources.ts';

type Step = ClientWatchEvent<KubeObject> | Error | 'end';

const object = (name: string, resourceVersion: string): KubeObject => ({
  metadata: { name, namespace: 'ns', uid: `u-${name}`, resourceVersion },
});
const bookmark = (resourceVersion: string, initialEnd = false): Step => ({
  type: 'BOOKMARK',
  object: {
    metadata: { resourceVersion, ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) },
  },
});
const added = (name: string, rv: string): Step => ({ type: 'ADDED', object: object(name, rv) });

/** A server whose watches play scripts, one a call; after the last script watches stay open. */
function scripted(scripts: Step[][], lists: { items: KubeObject[]; rv: string }[] = []) {
  const watches: WatchRequest[] = [];
  const listed: ListRequest[] = [];
  const client = {
    as: () => client,
    async list(_ref: unknown, options: ListRequest) {
      listed.push(options);
      const l = lists.shift()!;
      return { metadata: { resourceVersion: l.rv }, items: l.items };
    },
    async *watch(_ref: unknown, options: WatchRequest) {
      watches.push(options);
      const script = scripts.shift();
      if (!script)
        await new Promise((_, reject) =>
          options.signal?.addEventListener('abort', () => reject(options.signal?.reason)),
        );
      for (const step of script!) {
        if (step === 'end') return;
        if (step instanceof Error) throw step;
        yield step;
      }
      await new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal?.reason)));
    },
  } as unknown as Client;
  return { client, watches, listed };
}

describe('Informer', () => {
  const stops: AbortController[] = [];
  afterEach(() => {
    for (const s of stops.splice(0)) s.abort();
  });

  function start(server: ReturnType<typeof scripted>) {
    const clock = new VirtualClock();
    const stop = new AbortController();
    stops.push(stop);
    const informer = new Informer<KubeObject>({
      client: server.client,
      ref: PODS,
      clock,
      random: seededRandom(1),
      log: silentLogger,
    });
    const heard: string[] = [];
    informer.addHandler({
      added: (o, initial) => heard.push(`+${o.metadata.name}${initial ? '!' : ''}`),
      updated: (_, o) => heard.push(`~${o.metadata.name}@${o.metadata.resourceVersion}`),
      deleted: (o) => heard.push(`-${o.metadata.name}`),
    });
    void informer.run(stop.signal);
    return { clock, informer, heard };
  }

  it('streams initial state and resumes where the watch ended', async () => {
    const server = scripted([
      [
        added('a', '1'),
        added('b', '2'),
        bookmark('5', true),
        { type: 'MODIFIED', object: object('a', '6') },
        bookmark('9'),
        'end',
      ],
    ]);
    const { clock, informer, heard } = start(server);
    await informer.synced;
    await clock.advance(5000);
    assert.deepEqual(heard, ['+a!', '+b!', '~a@6']);
    assert.equal(server.watches[0]?.sendInitialEvents, true);
    assert.equal(server.watches[1]?.resourceVersion, '9');
    assert.equal(server.watches[1]?.sendInitialEvents, undefined);
  });

  it('is not synced before the initial events have ended', async () => {
    const { informer } = start(scripted([[added('a', '1')]]));
    await settle();
    assert.equal(informer.hasSynced, false);
    assert.equal(informer.lister.size, 0);
  });

  it('starts over after 410 and tells only the difference', async () => {
    const server = scripted([
      [added('a', '1'), added('b', '2'), bookmark('5', true), resourceExpired('too old')],
      [added('b', '2'), added('c', '7'), bookmark('8', true)],
    ]);
    const { clock, heard } = start(server);
    await clock.advance(5000);
    assert.deepEqual(heard, ['+a!', '+b!', '-a', '+c']);
  });

  it('falls back to list and watch where streaming is refused', async () => {
    const server = scripted(
      [[badRequest('sendInitialEvents is forbidden')], [added('b', '4')]],
      [{ items: [object('a', '1')], rv: '3' }],
    );
    const { clock, heard } = start(server);
    await clock.advance(5000);
    assert.equal(server.listed[0]?.resourceVersion, '0');
    assert.equal(server.watches[1]?.resourceVersion, '3');
    assert.deepEqual(heard, ['+a!', '+b']);
  });

  it('tells a handler that comes late of everything in the cache', async () => {
    const { informer } = start(scripted([[added('a', '1'), bookmark('5', true)]]));
    await informer.synced;
    const late: string[] = [];
    informer.addHandler({ added: (o) => late.push(o.metadata.name!) });
    assert.deepEqual(late, ['a']);
  });

  it('keeps indexes', async () => {
    const { informer } = start(scripted([[added('a', '1'), added('b', '2'), bookmark('5', true)]]));
    informer.addIndex('first', (o) => [o.metadata.name![0]!]);
    await informer.synced;
    assert.deepEqual(
      informer.lister.byIndex('first', 'b').map((o) => o.metadata.name),
      ['b'],
    );
    assert.equal(informer.lister.list('ns').length, 2);
    assert.equal(informer.lister.list('other').length, 0);
  });
});
