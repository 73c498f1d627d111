/** The client over real sockets: HTTP/1.1, and HTTP/2 with TLS and a kubeconfig, against the API server. */
import assert from 'node:assert/strict';
import type { ConfigMap } from '../../src/api/core-v1.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import { InformerFactory } from '../../src/client/informer-factory.ts';
import { parseKubeconfig } from '../../src/client/kubeconfig.ts';
import { CONFIGMAPS } from '../../src/client/resources.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import { isNotFound } from '../../src/machinery/errors/status-error.ts';
import { startTestApi, type TestApi } from '../harness/start-test-api.ts';

const namespace = 'default';
const TRUSTED = { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] };

describe('client over HTTP', () => {
  const open = async (tls: boolean) => {
    const api: TestApi = await startTestApi({
      clock: systemClock,
      overrides: { authenticator: () => ({ authenticate: async () => ({ user: TRUSTED }) }) },
    });
    const pki = tls
      ? await ensurePki(undefined, { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1' })
      : undefined;
    const served = pki?.apiServer;
    const listener = await api.api.listen({
      host: '127.0.0.1',
      port: 0,
      ...(served ? { tls: { key: served.key, cert: served.certificate } } : {}),
    });
    const config = tls
      ? parseKubeconfig(
          JSON.stringify({
            'current-context': 'c',
            contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'n' } }],
            clusters: [
              {
                name: 'k',
                cluster: {
                  server: `https://127.0.0.1:${listener.port}`,
                  'certificate-authority-data': Buffer.from(pki!.ca.certificate).toString('base64'),
                },
              },
            ],
            users: [{ name: 'u', user: { token: 't' } }],
          }),
          '/',
        )
      : { server: `http://127.0.0.1:${listener.port}` };
    const transport = httpTransport(config);
    return {
      client: createClient(transport),
      async [Symbol.asyncDispose]() {
        await transport[Symbol.asyncDispose]();
        await listener.close();
        await api.close();
      },
    };
  };

  for (const tls of [false, true]) {
    it(`reads, writes and watches over ${tls ? 'HTTP/2 with TLS' : 'HTTP/1.1'}`, async () => {
      await using w = await open(tls);
      const stop = new AbortController();
      const informers = new InformerFactory({
        client: w.client,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
      });
      const informer = informers.informer<ConfigMap>(CONFIGMAPS);
      const seen: string[] = [];
      const first = Promise.withResolvers<void>();
      informer.addHandler({
        added: (cm) => {
          seen.push(cm.metadata.name!);
          if (seen.length === 20) first.resolve();
        },
      });
      informers.start(stop.signal);
      await informer.synced;
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          w.client.create<ConfigMap>(CONFIGMAPS, {
            metadata: { name: `m${i}`, namespace },
            data: { i: 'ü'.repeat(i * 100) },
          }),
        ),
      );
      await first.promise;
      assert.equal(informer.lister.get(namespace, 'm9')?.data?.i, 'ü'.repeat(900));
      assert.equal((await w.client.list(CONFIGMAPS, { namespace, limit: 5 })).items.length, 5);
      await w.client.delete(CONFIGMAPS, 'm1', { namespace });
      await assert.rejects(w.client.get(CONFIGMAPS, 'm1', { namespace }), isNotFound);
      stop.abort();
    });
  }

  it('says what is wrong with a kubeconfig', () => {
    const cases = [
      { text: '{}', want: 'kubeconfig has no context ""' },
      {
        text: '{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b"}}]}',
        want: 'kubeconfig has no cluster "b"',
      },
    ];
    for (const c of cases) assert.throws(() => parseKubeconfig(c.text, '/'), { message: c.want });
  });
});
