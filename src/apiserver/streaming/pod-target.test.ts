/** What logs and streams answer before any kubelet is asked. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';
import type { KubeletConnections } from './kubelet-connection.ts';
import { streamingSubresources } from './streaming-subresources.ts';

describe('logs and streams of a pod that is on no node', () => {
  let api: TestApi;
  let call: Call;
  before(async () => {
    const nobody = {
      request: () => assert.fail('a kubelet was asked'),
      upgrade: () => assert.fail('a kubelet was asked'),
    } as unknown as KubeletConnections;
    api = await startTestApi({
      overrides: { subresources: (services) => streamingSubresources(services, nobody) },
    });
    call = caller(api.transport);
    for (const [name, containers] of [
      ['one', [{ name: 'a', image: 'a' }]],
      [
        'two',
        [
          { name: 'a', image: 'a' },
          { name: 'b', image: 'b' },
        ],
      ],
    ] as const) {
      const created = await call('POST', '/api/v1/namespaces/default/pods', {
        body: { metadata: { name }, spec: { containers } },
      });
      assert.equal(created.status, 201, created.text);
    }
  });
  after(() => api.close());

  const noHost = 'pod one does not have a host assigned';
  const choose = 'a container name must be specified for pod two, choose one of: [a b]';
  const cases: { name: string; method?: string; url: string; status: number; message?: string }[] = [
    { name: 'its log is empty', url: 'one/log', status: 204 },
    { name: 'also of a container by name', url: 'one/log?container=a', status: 204 },
    {
      name: 'a log of a container that it has not',
      url: 'one/log?container=z',
      status: 400,
      message: 'container z is not valid for pod one',
    },
    { name: 'a log of nobody knows which container', url: 'two/log', status: 400, message: choose },
    { name: 'a log of no pod', url: 'none/log', status: 404, message: 'pods "none" not found' },
    { name: 'exec', method: 'POST', url: 'one/exec?command=ls&stdout=1', status: 400, message: noHost },
    {
      name: 'exec says first which container',
      method: 'POST',
      url: 'two/exec?command=ls&stdout=1',
      status: 400,
      message: choose,
    },
    { name: 'attach', method: 'POST', url: 'one/attach?stdout=1', status: 400, message: noHost },
    { name: 'port-forward', method: 'POST', url: 'one/portforward?ports=80', status: 400, message: noHost },
  ];
  for (const { name, method = 'GET', url, status, message } of cases) {
    it(name, async () => {
      const answer = await call(method, `/api/v1/namespaces/default/pods/${url}`);
      assert.deepEqual([answer.status, answer.json?.message], [status, message]);
      if (message === undefined) assert.equal(answer.text, '');
    });
  }
});
