import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { caller } from '../../test/harness/request.ts';
import { VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { openMemoryStorage } from '../storage/memory/memory-storage.ts';
import type { ApiServer } from './create-api-server.ts';
import { standardApiServer } from './standard-api-server.ts';

/** What upstream's kube-apiserver serves as STABLE, what it serves as BETA and ALPHA and is of use here, and its build. */
const FAMILIES = {
  apiserver_admission_controller_admission_duration_seconds: 'histogram',
  apiserver_admission_step_admission_duration_seconds: 'histogram',
  apiserver_admission_webhook_admission_duration_seconds: 'histogram',
  apiserver_admission_webhook_fail_open_count: 'counter',
  apiserver_admission_webhook_rejection_count: 'counter',
  apiserver_admission_webhook_request_total: 'counter',
  apiserver_current_inflight_requests: 'gauge',
  apiserver_longrunning_requests: 'gauge',
  apiserver_request_duration_seconds: 'histogram',
  apiserver_request_terminations_total: 'counter',
  apiserver_request_total: 'counter',
  apiserver_requested_deprecated_apis: 'gauge',
  apiserver_resource_objects: 'gauge',
  apiserver_response_sizes: 'histogram',
  apiserver_storage_events_received_total: 'counter',
  apiserver_storage_objects: 'gauge',
  apiserver_storage_size_bytes: 'gauge',
  apiserver_watch_events_sizes: 'histogram',
  apiserver_watch_events_total: 'counter',
  apiserver_watch_list_duration_seconds: 'histogram',
  etcd_request_duration_seconds: 'histogram',
  kubernetes_build_info: 'gauge',
};

describe('metrics', () => {
  let api: ApiServer;
  before(async () => {
    const clock = new VirtualClock();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    api = await standardApiServer({
      storage: await openMemoryStorage({ clock }),
      clock,
      random: seededRandom(1),
      log: silentLogger,
      serviceAccount: {
        issuer: 'https://issuer',
        signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      },
    });
  });
  after(() => api.close());
  const scrape = async () => (await caller(api.transport())('GET', '/metrics')).text;

  it('are these families', async () => {
    const types = [...(await scrape()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    assert.deepEqual(Object.fromEntries(types.sort()), FAMILIES);
  });

  it('tell what is stored, and where', async () => {
    const call = caller(api.transport());
    const before = await scrape();
    const url = '/apis/storage.k8s.io/v1/storageclasses';
    for (const name of ['a', 'b']) {
      const created = await call('POST', url, { body: { metadata: { name }, provisioner: 'example.com/none' } });
      assert.equal(created.status, 201, created.text);
    }
    await call('DELETE', `${url}/a`);
    const text = await scrape();
    const value = (of: string, line: string) =>
      Number(new RegExp(`^${line.replace(/[{}.]/g, '\\$&')} (\\S+)$`, 'm').exec(of)?.[1]);
    const labels = '{group="storage.k8s.io",resource="storageclasses"}';
    assert.equal(value(text, 'apiserver_storage_objects{resource="storageclasses.storage.k8s.io"}'), 1);
    assert.equal(value(text, `apiserver_resource_objects${labels}`), 1);
    assert.equal(value(text, `apiserver_storage_events_received_total${labels}`), 3);
    const timed =
      'etcd_request_duration_seconds_count{operation="delete",group="storage.k8s.io",resource="storageclasses"}';
    assert.equal(value(text, timed), 1);
    const size = 'apiserver_storage_size_bytes{storage_cluster_id="etcd-0"}';
    assert.ok(value(text, size) > value(before, size));
  });
});
