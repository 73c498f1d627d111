/** Watches over HTTP/1.1, whose chunks are made once for all: slow clients, an HTTP/1.0 one, one that asks for two on a connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { Listening } from '../../src/apiserver/server.ts';
import { systemClock, VirtualClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { ensurePki, type Pki } from '../../src/cluster/pki/pki.ts';
import { type Call, caller } from '../harness/request.ts';
import { startTestApi, type TestApi } from '../harness/start-test-api.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const WATCH = `${MAPS}?watch=1&timeoutSeconds=10`;
const admin = { username: 'admin', groups: ['system:masters'] };

describe('watches over HTTP/1.1', () => {
  let pki: Pki;
  let clock: VirtualClock;
  let api: TestApi;
  let listening: Listening;
  let call: Call;
  before(async () => {
    pki = await ensurePki(undefined, { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1' });
  });
  beforeEach(async () => {
    clock = new VirtualClock(systemClock.now());
    api = await startTestApi({
      clock,
      overrides: { authenticator: () => ({ authenticate: async () => ({ user: admin }) }) },
    });
    call = caller(api.transport);
    listening = await api.api.listen({
      port: 0,
      tls: { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate },
    });
  });
  afterEach(() => api.close());

  async function watch(path = WATCH): Promise<IncomingMessage> {
    const req = request({ port: listening.port, host: '127.0.0.1', path, ca: pki.ca.certificate, agent: false });
    req.end();
    const [response] = (await once(req, 'response')) as [IncomingMessage];
    return response;
  }

  async function textOf(response: IncomingMessage | TLSSocket): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  async function create(name: string, size = 10): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { x: 'é'.repeat(size / 2) } };
    assert.equal((await call('POST', MAPS, { body })).status, 201);
  }

  async function raw(text: string): Promise<TLSSocket> {
    const socket = connect({ port: listening.port, host: '127.0.0.1', ca: pki.ca.certificate });
    await once(socket, 'secureConnect');
    socket.write(text);
    return socket;
  }

  const names = (lines: readonly string[]) => lines.map((l) => JSON.parse(l).object.metadata.name);

  it('come whole and in order, also to a client that stops reading for a while', async () => {
    const [quick, slow] = [await watch(), await watch()];
    const quickText = textOf(quick);
    const want = Array.from({ length: 120 }, (_, i) => `m-${i}`);
    for (const name of want) await create(name, 100_000);
    await create('last');
    const chunks: Buffer[] = [];
    const whole = Promise.withResolvers<void>();
    slow.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunk.includes('"name":"last"')) whole.resolve();
    });
    await whole.promise;
    const ended = once(slow, 'end');
    await clock.advance(11_000);
    await ended;
    const texts = [await quickText, Buffer.concat(chunks).toString()] as const;
    assert.equal(texts[0], texts[1]);
    const lines = texts[0].split('\n').slice(0, -1);
    assert.deepEqual(names(lines), [...want, 'last']);
  });

  it('are no chunks for HTTP/1.0', async () => {
    const socket = await raw(`GET ${WATCH} HTTP/1.0\r\nHost: a\r\n\r\n`);
    await once(socket, 'readable');
    await create('a');
    await clock.advance(11_000);
    const [, body] = (await textOf(socket)).split('\r\n\r\n');
    assert.deepEqual(names(body!.split('\n').slice(0, -1)), ['a']);
  });

  it('wait for the one before them on a connection', async () => {
    const second = `${MAPS}?watch=1&timeoutSeconds=20`;
    const head = 'HTTP/1.1\r\nHost: a\r\n';
    const socket = await raw(`GET ${WATCH} ${head}\r\nGET ${second} ${head}Connection: close\r\n\r\n`);
    await once(socket, 'readable');
    await create('a');
    await clock.advance(11_000);
    await create('b');
    await clock.advance(11_000);
    const [, first, later] = (await textOf(socket)).split('HTTP/1.1 200 OK');
    const found = (text: string | undefined) => text?.match(/"name":"[ab]"/g);
    assert.deepEqual(found(first), ['"name":"a"']);
    assert.deepEqual(found(later), ['"name":"a"', '"name":"b"']);
    for (const answer of [first!, later!]) assert.match(answer, /\r\n[0-9a-f]+\r\n\{"type":"ADDED",[^\n]*\}\n\r\n/);
    assert.match(later!, /\r\n0\r\n\r\n$/);
  });
});
