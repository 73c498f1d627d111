/** Many watchers while many write: every watcher sees every event once, in the order of revisions. */
import assert from 'node:assert/strict';
import { caller, watchEvents } from '../harness/request.ts';
import { startTestApi } from '../harness/start-test-api.ts';

const WATCHERS = 100;
const WRITERS = 64;
const WRITES = 10;
const MAPS = '/api/v1/namespaces/default/configmaps';

describe('watchers and writers', () => {
  it('100 watchers see each of 64 writers’ events once and in order', async () => {
    await using api = await startTestApi();
    const call = caller(api.transport);
    const { json } = await call('GET', MAPS);
    const from = json.metadata.resourceVersion;
    const stop = new AbortController();
    const seen = Array.from({ length: WATCHERS }, async (_, i) => {
      const selector = i % 2 === 0 ? '' : '&labelSelector=w';
      const events: { type: string; name: string; revision: number }[] = [];
      for await (const { type, object } of watchEvents(
        api.transport,
        `${MAPS}?watch=1&resourceVersion=${from}${selector}`,
        stop.signal,
      )) {
        events.push({ type, name: object.metadata.name, revision: Number(object.metadata.resourceVersion) });
        if (events.length === WRITERS * (WRITES + 2)) break;
      }
      return events;
    });
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, w) => {
        const name = `w-${w}`;
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { w: String(w) } } };
        assert.equal((await call('POST', MAPS, { body })).status, 201);
        for (let i = 0; i < WRITES; i++) {
          const headers = { 'content-type': 'application/merge-patch+json' };
          assert.equal(
            (await call('PATCH', `${MAPS}/${name}`, { body: { data: { i: String(i) } }, headers })).status,
            200,
          );
        }
        assert.equal((await call('DELETE', `${MAPS}/${name}`)).status, 200);
      }),
    );
    const all = await Promise.all(seen);
    stop.abort();
    for (const events of all) {
      assert.equal(events.length, WRITERS * (WRITES + 2));
      for (let i = 1; i < events.length; i++) assert(events[i]!.revision > events[i - 1]!.revision);
      assert.deepEqual(events, all[0]);
    }
  });
});
