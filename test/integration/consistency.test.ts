/**
 * Consistent reads over HTTPS on sqlite: what was acknowledged on one connection is in a list, a get and a watch that another
 * connection asks for at once, ten thousand times, HTTP/1.1 and HTTP/2 either way round.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import { CONFIGMAPS } from '../../src/client/resources.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import type { KubeObject } from '../../src/machinery/meta/object.ts';
import { openSqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts';
import { startTestApi, type TestApi } from '../harness/start-test-api.ts';

const WRITES = 10_000;
const LANES = 20;
/** Every so many writes of a lane are looked for by a get and a new watch too. */
const LOOK = 25;
const admin = { username: 'admin', groups: ['system:masters'] };

type Map_ = KubeObject & { data: { n: string } };

describe('consistent reads', () => {
  let dir: string;
  let api: TestApi;
  let clients: Client[];
  const transports: AsyncDisposable[] = [];

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'keelson-consistency-'));
    const pki = await ensurePki(undefined, { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1' });
    api = await startTestApi({
      storage: await openSqliteStorage({ dir, clock: systemClock }),
      overrides: { authenticator: () => ({ authenticate: async () => ({ user: admin }) }) },
    });
    const tls = { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate };
    const { port } = await api.api.listen({ port: 0, host: '127.0.0.1', tls });
    clients = (['h1', 'h2'] as const).map((protocol) => {
      const transport = httpTransport({ server: `https://127.0.0.1:${port}`, ca: pki.ca.certificate, protocol });
      transports.push(transport);
      return createClient(transport);
    });
  });
  after(async () => {
    for (const t of transports) await t[Symbol.asyncDispose]();
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function watched(client: Client, namespace: string, resourceVersion: string): Promise<string> {
    const stop = new AbortController();
    try {
      for await (const e of client.watch<Map_>(CONFIGMAPS, { namespace, resourceVersion, signal: stop.signal }))
        if (e.type !== 'BOOKMARK') return (e.object as Map_).data.n;
    } finally {
      stop.abort();
    }
    return 'the watch ended';
  }

  async function lane(writer: Client, reader: Client, namespace: string): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace }, data: { n: '0' } };
    await writer.create(CONFIGMAPS, object, { namespace });
    let before = (await reader.list<Map_>(CONFIGMAPS, { namespace })).metadata.resourceVersion!;
    for (let i = 1; i <= WRITES / LANES; i++) {
      const n = String(i);
      const written = await writer.patch<Map_>(CONFIGMAPS, 'm', 'merge', { data: { n } }, { namespace });
      const { items, metadata } = await reader.list<Map_>(CONFIGMAPS, { namespace });
      assert.deepEqual(
        items.map((m) => [m.data.n, m.metadata.resourceVersion]),
        [[n, written.metadata.resourceVersion]],
      );
      assert(Number(metadata.resourceVersion) >= Number(written.metadata.resourceVersion));
      if (i % LOOK === 0) {
        assert.equal((await reader.get<Map_>(CONFIGMAPS, 'm', { namespace })).data.n, n);
        // From where the last list ended the next thing is this write: neither missed nor seen again.
        assert.equal(await watched(i % 2 === 0 ? writer : reader, namespace, before), n);
      }
      before = metadata.resourceVersion!;
    }
  }

  it(`${WRITES} writes are each in the list that follows from another connection`, async function () {
    this.timeout(120_000);
    const [h1, h2] = clients as [Client, Client];
    await Promise.all(
      Array.from({ length: LANES }, (_, i) => (i % 2 === 0 ? lane(h1, h2, `lane-${i}`) : lane(h2, h1, `lane-${i}`))),
    );
  });
});
