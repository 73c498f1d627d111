/** More requests at once than the server may carry: they wait, then are refused; deadlines cut off what takes too long. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { Admission } from '../../src/admission/admission.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { startTestApi, type TestApi } from '../harness/start-test-api.ts';

const user = { username: 'bob', groups: ['system:authenticated'] };
const MAPS = '/api/v1/namespaces/default/configmaps';

describe('overload', () => {
  let clock: VirtualClock;
  let api: TestApi;
  let release: PromiseWithResolvers<void>;
  let running: number;
  let port: number;
  beforeEach(async () => {
    clock = new VirtualClock();
    release = Promise.withResolvers<void>();
    running = 0;
    const admission: Admission = {
      async admit() {
        running++;
        await release.promise;
      },
      async validate() {},
    };
    api = await startTestApi({
      clock,
      admission: () => admission,
      overrides: {
        authenticator: () => ({ authenticate: async () => ({ user }) }),
        authorizationModes: ['AlwaysAllow'],
        limits: { readOnly: 1, mutating: 1 },
      },
    });
    ({ port } = await api.api.listen({ port: 0 }));
  });
  afterEach(async () => {
    release.resolve();
    await api.close();
  });

  function post(name: string): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
    return new Promise((resolve, reject) => {
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
      const req = request(
        {
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: MAPS,
          agent: false,
          headers: { 'content-type': 'application/json', 'content-length': body.length },
        },
        (res) => {
          let text = '';
          res.on('data', (c: Buffer) => {
            text += c.toString();
          });
          res.on('end', () => resolve({ status: res.statusCode ?? 0, text, retryAfter: res.headers['retry-after'] }));
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  it('what is too much waits for its turn', async () => {
    const first = post('a');
    await until(() => running === 1);
    const second = post('b');
    await clock.advance(1000);
    assert.equal(running, 1);
    release.resolve();
    assert.deepEqual([(await first).status, (await second).status], [201, 201]);
  });

  it('what waits too long is told to come again', async () => {
    const answers = [post('a'), post('b')];
    await until(() => running === 1);
    let refused: Awaited<ReturnType<typeof post>> | undefined;
    for (const answer of answers)
      void answer.then((a) => {
        if (a.status === 429) refused = a;
      });
    // The second request arrives over a socket, so it may begin to wait after the first look.
    while (refused === undefined) await clock.advance(5000);
    assert.equal(refused.retryAfter, '1');
    assert.equal(refused.text, 'Too many requests, please try again later.\n');
    release.resolve();
    await Promise.all(answers);
  });

  it('a request past its deadline is answered with 504', async () => {
    const answer = post('a');
    await until(() => running === 1);
    await clock.advance(62_000);
    const { status, text } = await answer;
    assert.equal(status, 504);
    assert.deepEqual(JSON.parse(text), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Timeout: request did not complete within the allotted timeout',
      reason: 'Timeout',
      details: JSON.parse(text).details,
      code: 504,
    });
  });
});
