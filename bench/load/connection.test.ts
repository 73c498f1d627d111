/** The load generator's own HTTP against Node's server: statuses, lengths, bodies, many streams at once, a body beyond a window. */
import assert from 'node:assert/strict';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import type { Connection, Endpoint, WireRequest } from './connection.ts';
import { connectHttp1 } from './http1.ts';
import { connectHttp2 } from './http2.ts';

interface Answer {
  status: number;
  body: string;
  error: Error | undefined;
}

function ask(connection: Connection, request: WireRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let status = 0;
    connection.send(request, {
      head: (s) => {
        status = s;
      },
      data: (chunk) => parts.push(Buffer.from(chunk)),
      end: (error) => resolve({ status, body: Buffer.concat(parts).toString(), error }),
    });
  });
}

for (const [name, connect] of [
  ['HTTP/1.1', connectHttp1],
  ['HTTP/2', connectHttp2],
] as const) {
  describe(`load over ${name}`, () => {
    let server: Http2SecureServer;
    let endpoint: Endpoint;
    let connection: Connection;

    before(async () => {
      const pki = await ensurePki(undefined, {
        clock: systemClock,
        random: systemRandom,
        serviceIP: '10.96.0.1',
        ips: ['127.0.0.1'],
      });
      server = createSecureServer({ key: pki.apiServer.key, cert: pki.apiServer.certificate, allowHTTP1: true });
      server.on('request', (request, response) => {
        const parts: Buffer[] = [];
        request.on('data', (c: Buffer) => parts.push(c));
        request.on('end', () => {
          response.statusCode = Number(/status=(\d+)/.exec(request.url)?.[1] ?? 200);
          const body = `${request.method} ${request.url} ${request.headers.authorization} ${Buffer.concat(parts)}`;
          if (request.url.includes('chunked')) {
            response.write(body.slice(0, 7));
            response.end(body.slice(7));
          } else {
            response.setHeader('content-length', Buffer.byteLength(body));
            response.end(body);
          }
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      endpoint = {
        host: '127.0.0.1',
        port,
        ca: pki.ca.certificate,
        headers: { authorization: `Bearer ${'x'.repeat(300)}` },
      };
      connection = await connect(endpoint);
    });
    after(async () => {
      connection.close();
      await new Promise((resolve) => server.close(resolve));
    });

    for (const status of [200, 201, 404, 409, 422, 500, 503]) {
      it(`reads status ${status}`, async () => {
        const path = `/a?status=${status}`;
        const { authorization } = endpoint.headers;
        const want = { status, body: `GET ${path} ${authorization} `, error: undefined };
        assert.deepEqual(await ask(connection, { method: 'GET', path }), want);
      });
    }
    it('reads a body in pieces and sends one', async () => {
      const answer = await ask(connection, {
        method: 'POST',
        path: '/chunked',
        headers: { 'x-a': 'b' },
        body: 'héllo',
      });
      assert.equal(answer.body, `POST /chunked ${endpoint.headers.authorization} héllo`);
    });
    it('sends and reads more than a frame', async () => {
      const body = 'y'.repeat(40_000);
      for (let i = 0; i < 5; i++) {
        const answer = await ask(connection, { method: 'POST', path: '/big', body });
        assert.equal(answer.body.length, `POST /big ${endpoint.headers.authorization} `.length + body.length);
      }
    });
    if (name === 'HTTP/2') {
      it('keeps streams apart and waits for the window', async () => {
        const bodies = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(3000));
        const answers = await Promise.all(bodies.map((body) => ask(connection, { method: 'PUT', path: '/x', body })));
        for (const [i, { body }] of answers.entries()) assert(body.endsWith(` ${bodies[i]}`));
      });
    }
  });
}
