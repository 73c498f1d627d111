/** The HTTP shell: one port for HTTP/1.1 and HTTP/2 over TLS, large lists, cancelled watches, shutdown. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request } from 'node:https';
import { gunzipSync } from 'node:zlib';
import type { Listening } from '../../src/apiserver/server.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { ensurePki, type Pki } from '../../src/cluster/pki/pki.ts';
import { caller } from '../harness/request.ts';
import { startTestApi, type TestApi } from '../harness/start-test-api.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const admin = { username: 'admin', groups: ['system:masters'] };

describe('HTTP server', () => {
  let pki: Pki;
  let api: TestApi;
  let listening: Listening;
  before(async () => {
    pki = await ensurePki(undefined, { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1' });
  });
  beforeEach(async () => {
    api = await startTestApi({ overrides: { authenticator: () => ({ authenticate: async () => ({ user: admin }) }) } });
    listening = await api.api.listen({
      port: 0,
      tls: { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate },
    });
  });
  afterEach(() => api.close());

  const session = (): ClientHttp2Session => connect(`https://127.0.0.1:${listening.port}`, { ca: pki.ca.certificate });

  async function over2(h2: ClientHttp2Session, path: string, headers: Record<string, string> = {}) {
    const stream = h2.request({ ':path': path, ...headers });
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { status: head[':status'], head, body: Buffer.concat(chunks) };
  }

  function over1(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; head: Record<string, unknown>; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const req = request(
        { port: listening.port, host: '127.0.0.1', path, headers, ca: pki.ca.certificate, agent: false },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (c: Buffer) => chunks.push(c));
          res.on('end', () => resolve({ status: res.statusCode ?? 0, head: res.headers, body: Buffer.concat(chunks) }));
        },
      );
      req.on('error', reject);
      req.end();
    });
  }

  async function fill(n: number): Promise<void> {
    const call = caller(api.transport);
    for (let i = 0; i < n; i++) {
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `m-${String(i).padStart(4, '0')}` },
        data: { x: 'y'.repeat(4000) },
      };
      assert.equal((await call('POST', MAPS, { body })).status, 201);
    }
  }

  it('answers the same over HTTP/1.1 and HTTP/2', async () => {
    await fill(1);
    const h2 = session();
    const second = await over2(h2, `${MAPS}/m-0000`);
    h2.close();
    const first = await over1(`${MAPS}/m-0000`);
    assert.equal(second.status, 200);
    assert.equal(first.status, 200);
    assert.deepEqual(second.body, first.body);
    assert.equal(first.head['content-type'], 'application/json');
    assert.match(String(first.head['audit-id']), /^[0-9a-f-]{36}$/);
    assert.equal(first.head['cache-control'], 'no-cache, private');
    const common = ({ head }: { head: Record<string, unknown> }) =>
      Object.keys(head)
        .filter((name) => !/^(:status|audit-id|date|connection|keep-alive)$/.test(name))
        .map((name) => [name, head[name]]);
    assert.deepEqual(common(second), common(first));
  });

  it('every warning is sent, over HTTP/1.1 and HTTP/2', async () => {
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, one: 1, two: 2 });
    const headers = { 'content-type': 'application/json' };
    const path = `${MAPS}?dryRun=All`;
    const options = { port: listening.port, host: '127.0.0.1', path, headers, method: 'POST', ca: pki.ca.certificate };
    const req = request({ ...options, agent: false }).end(body);
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    res.resume();
    const h2 = session();
    const stream = h2.request({ ':path': path, ':method': 'POST', ...headers }).end(body);
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    await once(stream, 'close');
    h2.close();
    assert.match(String(head.warning), /^299 - "unknown field \\"one\\"", 299 - "unknown field \\"two\\""$/);
    assert.equal(res.headers.warning, head.warning);
  });

  for (const path of ['/version', '/healthz', '/apis/nobody.io/v1/things'])
    it(`HEAD of ${path} is GET without its body`, async () => {
      await fill(1);
      const h2 = session();
      const get = await over2(h2, path);
      const head = await over2(h2, path, { ':method': 'HEAD' });
      assert.equal(head.status, get.status);
      assert.equal(head.head['content-length'], get.head['content-length']);
      assert.equal(head.head['content-type'], get.head['content-type']);
      assert.equal(head.body.length, 0);
      h2.close();
    });

  it('HEAD of a built-in resource is not allowed, as upstream', async () => {
    await fill(1);
    const h2 = session();
    for (const path of [MAPS, `${MAPS}/m-0000`]) {
      assert.equal((await over2(h2, path, { ':method': 'HEAD' })).status, 405);
    }
    h2.close();
  });

  it('a body of HTTP/2 is asked for, read whole, or broken off', async () => {
    const h2 = session();
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'slow' } });
    const broken = h2.request({ ':method': 'POST', ':path': MAPS });
    broken.on('error', () => {});
    broken.write(body.slice(0, 20));
    await new Promise((resolve) => setImmediate(resolve));
    broken.close(8);
    await once(broken, 'close');
    const asked = h2.request({ ':method': 'POST', ':path': MAPS, expect: '100-continue' });
    await once(asked, 'continue');
    asked.write(body.slice(0, 20));
    asked.end(body.slice(20));
    const [head] = (await once(asked, 'response')) as [Record<string, unknown>];
    assert.equal(head[':status'], 201);
    assert.equal((await over2(h2, `${MAPS}/slow`)).status, 200);
    assert.equal((await over2(h2, MAPS, { expect: 'the unexpected' })).status, 417);
    h2.close();
  });

  it('CONNECT over HTTP/2 is refused', async () => {
    const h2 = session();
    const stream = h2.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(head[':status'], 405);
    stream.resume();
    h2.close();
  });

  it('streams a large list whole, plain and gzipped', async () => {
    await fill(300);
    const h2 = session();
    const plain = await over2(h2, MAPS);
    const zipped = await over2(h2, MAPS, { 'accept-encoding': 'gzip' });
    h2.close();
    assert.equal(JSON.parse(plain.body.toString()).items.length, 300);
    assert.equal(zipped.head['content-encoding'], 'gzip');
    assert(zipped.body.length < plain.body.length / 10);
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    assert.deepEqual((await over1(MAPS)).body, plain.body);
  });

  it('many lists at once, some cut off by their clients, each get their own bytes in every form', async () => {
    const call = caller(api.transport);
    const body = (name: string, i: number) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, annotations: { note: `${i} \u00fc`.repeat(300) } },
      data: { text: `${name} ${i * 7919} `.repeat(400) },
    });
    for (let i = 0; i < 150; i++) await call('POST', MAPS, { body: body(`m-${i}`, i) });
    const accepts = [
      'application/json',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
      'application/json;as=Table;v=v1beta1;g=meta.k8s.io',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
      'application/vnd.kubernetes.protobuf',
    ];
    // Ages are the one thing that moves on.
    const ageless = (bytes: Buffer) => bytes.toString('latin1').replaceAll(/,"\d+m?\d*s"\]/g, ',"age"]');
    const h2 = session();
    for (let round = 0; round < 3; round++) {
      const { metadata } = (await call('GET', `${MAPS}/m-7`)).json;
      await call('PUT', `${MAPS}/m-7`, { body: { ...body('m-7', round), metadata } });
      await Promise.all(
        accepts.flatMap((accept) => {
          const want = call('GET', MAPS, { headers: { accept } });
          const check = async (answer: Promise<{ body: Buffer }>, isZipped = false) => {
            const { body: got } = await answer;
            assert.equal(ageless(isZipped ? gunzipSync(got) : got), ageless((await want).bytes), accept);
          };
          const cut = h2.request({ ':path': MAPS, accept });
          cut.once('data', () => cut.close(8));
          cut.on('error', () => {});
          return [
            check(over1(MAPS, { accept })),
            check(over2(h2, MAPS, { accept })),
            check(over2(h2, MAPS, { accept, 'accept-encoding': 'gzip' }), true),
            once(cut, 'close'),
          ];
        }),
      );
    }
    h2.close();
  });

  it('a thousand and a half cancelled watches leave the connection alive', async () => {
    const h2 = session();
    for (let i = 0; i < 15; i++) {
      const streams = Array.from({ length: 100 }, () => h2.request({ ':path': `${MAPS}?watch=1&resourceVersion=1` }));
      await Promise.all(streams.map((s) => once(s, 'response')));
      for (const s of streams) s.close(8);
    }
    assert.equal((await over2(h2, '/readyz')).status, 200);
    assert.equal(h2.closed, false);
    // The server has let go of them too.
    const watching = async () =>
      /apiserver_longrunning_requests\{[^}]*"configmaps"[^}]*\} (\d+)/.exec(
        await api.api.metrics.registry.metrics(),
      )?.[1];
    for (let i = 0; i < 1000 && (await watching()) !== '0'; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await watching(), '0');
    h2.close();
  });

  it('an upgrade nobody takes is answered and closed', async () => {
    const answer = await over1('/api/v1/namespaces/default/pods/x/exec', {
      connection: 'Upgrade',
      upgrade: 'websocket',
    });
    assert(answer.status >= 400);
  });

  it('a shutdown ends watches and refuses what comes after', async () => {
    const h2 = session();
    const stream = h2.request({ ':path': `${MAPS}?watch=1` });
    await once(stream, 'response');
    stream.resume();
    const ended = once(stream, 'end');
    h2.on('error', () => {});
    await api.close();
    await ended;
    await assert.rejects(over1('/readyz'));
    h2.destroy();
  });
});
