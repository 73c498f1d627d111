/** Watches as clients see them: what comes first, what follows, bookmarks, selectors, and how they end. */
import assert from 'node:assert/strict';
import { type Call, caller, watchEvents } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';
import { VirtualClock } from '../../base/clock.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
});

describe('watch', () => {
  let api: TestApi;
  let call: Call;
  let clock: VirtualClock;
  let stop: AbortController;
  beforeEach(async () => {
    clock = new VirtualClock();
    api = await startTestApi({ clock });
    call = caller(api.transport);
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await api.close();
  });

  /** The next `n` events, shortened to `TYPE name`. */
  async function take(
    events: AsyncGenerator<{ type: string; object: { metadata: { name?: string } } }>,
    n: number,
  ): Promise<string[]> {
    const out: string[] = [];
    while (out.length < n) {
      const { value, done } = await events.next();
      if (done) break;
      out.push(`${value.type} ${value.object.metadata.name ?? ''}`.trim());
    }
    return out;
  }

  it('without a revision begins with what is there', async () => {
    await call('POST', MAPS, { body: map('a') });
    const events = watchEvents(api.transport, `${MAPS}?watch=1`, stop.signal);
    assert.deepEqual(await take(events, 1), ['ADDED a']);
    await call('POST', MAPS, { body: map('b') });
    await call('DELETE', `${MAPS}/a`);
    assert.deepEqual(await take(events, 2), ['ADDED b', 'DELETED a']);
  });

  it('from a revision sees every change after it, once and in order', async () => {
    const { json } = await call('POST', MAPS, { body: map('a') });
    for (let i = 0; i < 20; i++)
      await call('PATCH', `${MAPS}/a`, {
        body: { data: { n: String(i) } },
        headers: { 'content-type': 'application/merge-patch+json' },
      });
    const events = watchEvents(
      api.transport,
      `${MAPS}?watch=1&resourceVersion=${json.metadata.resourceVersion}`,
      stop.signal,
    );
    for (let i = 0; i < 20; i++) {
      const { value } = await events.next();
      assert.equal(value!.type, 'MODIFIED');
      assert.equal(value!.object.data.n, String(i));
    }
  });

  it('a selector turns changes into ADDED and DELETED', async () => {
    const events = watchEvents(api.transport, `${MAPS}?watch=1&labelSelector=x%3Dy`, stop.signal);
    const first = take(events, 3);
    await call('POST', MAPS, { body: map('a', { x: 'y' }) });
    const headers = { 'content-type': 'application/merge-patch+json' };
    await call('PATCH', `${MAPS}/a`, { body: { metadata: { labels: { x: 'z' } } }, headers });
    await call('PATCH', `${MAPS}/a`, { body: { metadata: { labels: { x: 'y' } } }, headers });
    assert.deepEqual(await first, ['ADDED a', 'DELETED a', 'ADDED a']);
  });

  it('sendInitialEvents ends its beginning with a marked bookmark', async () => {
    await call('POST', MAPS, { body: map('a') });
    const url = `${MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    const events = watchEvents(api.transport, url, stop.signal);
    assert.deepEqual(await take(events, 1), ['ADDED a']);
    const { value } = await events.next();
    assert.equal(value!.type, 'BOOKMARK');
    assert.deepEqual(value!.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
    assert.equal(value!.object.kind, 'ConfigMap');
  });

  it('bookmarks come by the clock and the watch ends at its timeout', async () => {
    const { json } = await call('POST', MAPS, { body: map('a') });
    const url = `${MAPS}?watch=1&resourceVersion=${json.metadata.resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=90`;
    const events = watchEvents(api.transport, url, stop.signal);
    const next = events.next();
    await clock.advance(1000);
    await call('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } },
    });
    await call('POST', MAPS, { body: map('b') });
    assert.equal((await next).value!.type, 'ADDED');
    const bookmark = events.next();
    await call('DELETE', `${MAPS}/b`);
    assert.equal((await bookmark).value!.type, 'DELETED');
    const rest = Array.fromAsync(events);
    await clock.advance(95_000);
    const last = (await rest) as { type: string; object: { metadata: { resourceVersion: string } } }[];
    assert.deepEqual(
      last.map((e) => e.type),
      ['BOOKMARK'],
    );
    assert.equal(last[0]!.object.metadata.resourceVersion, String(await api.storage.currentRevision()));
  });

  it('too old a revision is an ERROR event', async () => {
    for (const name of ['a', 'b', 'c']) await call('POST', MAPS, { body: map(name) });
    const revision = await api.storage.currentRevision();
    await api.storage.compact(revision);
    const other = await startTestApi({ clock, storage: api.storage });
    const events = watchEvents(other.transport, `${MAPS}?watch=1&resourceVersion=1`, stop.signal);
    const { value } = await events.next();
    assert.equal(value!.type, 'ERROR');
    assert.equal(value!.object.code, 410);
    assert.equal(value!.object.reason, 'Expired');
    assert.equal((await events.next()).done, true);
    stop.abort();
    await other.close();
  });

  it('a shutdown ends watches cleanly', async () => {
    const events = watchEvents(api.transport, `${MAPS}?watch=1`, stop.signal);
    const next = events.next();
    await clock.advance(1);
    await api.close();
    assert.equal((await next).done, true);
  });

  it('tables say their columns once', async () => {
    await call('POST', MAPS, { body: map('a') });
    const response = await api.transport.send({
      method: 'GET',
      url: `${MAPS}?watch=1`,
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      signal: stop.signal,
    });
    const reader = response.body[Symbol.asyncIterator]();
    const first = JSON.parse(String((await reader.next()).value));
    assert.equal(first.object.kind, 'Table');
    assert.equal(first.object.columnDefinitions[0].name, 'Name');
    await call('POST', MAPS, { body: map('b') });
    const second = JSON.parse(String((await reader.next()).value));
    assert.equal(second.object.columnDefinitions, null);
    assert.equal(second.object.rows[0].cells[0], 'b');
    await reader.return?.();
  });

  const watchTable = async (query: string) => {
    const response = await api.transport.send({
      method: 'GET',
      url: `${MAPS}?watch=1&${query}`,
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      signal: stop.signal,
    });
    const reader = response.body[Symbol.asyncIterator]();
    return { next: async () => JSON.parse(String((await reader.next()).value)), close: () => reader.return?.() };
  };

  it('tables print ages as they are when something happens, however long ago the watch began', async () => {
    const table = await watchTable('');
    const next = table.next();
    await clock.advance(60_000);
    await call('POST', MAPS, { body: map('a') });
    assert.deepEqual((await next).object.rows[0].cells, ['a', 0, '0s']);
    await clock.advance(60_000);
    const changed = table.next();
    await call('PATCH', `${MAPS}/a`, {
      body: { data: { other: 'x' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.deepEqual((await changed).object.rows[0].cells, ['a', 1, '60s']);
    await table.close();
  });

  it('a bookmark of a Table is a row of an object that is nothing but its revision', async () => {
    const revision = String(await api.storage.currentRevision());
    const initial = 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    for (const include of ['', '&includeObject=None']) {
      const table = await watchTable(initial + include);
      const { type, object } = await table.next();
      assert.equal(type, 'BOOKMARK');
      assert.equal(object.columnDefinitions[0].name, 'Name');
      assert.deepEqual(object.metadata, { resourceVersion: revision });
      assert.deepEqual(object.rows, [
        {
          cells: ['', 0, '<unknown>'],
          object: {
            kind: 'PartialObjectMetadata',
            apiVersion: 'meta.k8s.io/v1',
            metadata: { resourceVersion: revision, annotations },
          },
        },
      ]);
      await table.close();
    }
  });
});
