import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';

const ALL = '/api/v1/componentstatuses';
const status = (name: string, healthy: boolean, message: string) => ({
  metadata: { name },
  conditions: [{ type: 'Healthy', status: healthy ? 'True' : 'False', message }],
});

describe('componentstatuses', () => {
  let api: TestApi;
  let call: Call;
  let broken = false;
  before(async () => {
    api = await startTestApi();
    call = caller(api.transport);
    const { storage } = api;
    const healthy = storage.healthy.bind(storage);
    storage.healthy = async () => {
      if (broken) throw new Error('no disk');
      await healthy();
    };
  });
  beforeEach(() => {
    broken = false;
  });
  after(() => api.close());

  it('tell how the storage is', async () => {
    const { status: code, json } = await call('GET', ALL);
    assert.equal(code, 200);
    assert.deepEqual(json, {
      kind: 'ComponentStatusList',
      apiVersion: 'v1',
      metadata: {},
      items: [status('etcd-0', true, 'ok')],
    });
    broken = true;
    assert.deepEqual((await call('GET', ALL)).json.items, [status('etcd-0', false, 'no disk')]);
  });

  it('are got one by one, and selected', async () => {
    const one = { kind: 'ComponentStatus', apiVersion: 'v1', ...status('etcd-0', true, 'ok') };
    assert.deepEqual((await call('GET', `${ALL}/etcd-0`)).json, one);
    const none = await call('GET', `${ALL}/scheduler`);
    assert.deepEqual([none.status, none.json.message], [404, 'componentstatuses "scheduler" not found']);
    assert.deepEqual((await call('GET', `${ALL}?fieldSelector=metadata.name!=etcd-0`)).json.items, []);
    assert.deepEqual((await call('GET', `${ALL}?labelSelector=a`)).json.items, []);
    assert.equal((await call('GET', `${ALL}?watch=1`)).status, 405);
  });

  it('are tables, YAML and protobuf too', async () => {
    const table = await call('GET', ALL, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    assert.deepEqual(table.json.rows[0].cells, ['etcd-0', 'Healthy', 'ok', '']);
    for (const type of ['application/yaml', 'application/vnd.kubernetes.protobuf']) {
      const { status: code, bytes } = await call('GET', ALL, { headers: { accept: type } });
      assert.deepEqual([code, bytes.includes('etcd-0')], [200, true]);
    }
  });
});
