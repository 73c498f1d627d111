import assert from 'node:assert/strict';
import { type Call, caller } from '../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../test/harness/start-test-api.ts';

/** What every server checks before anything is added. */
const OWN = [
  'ping',
  'log',
  'etcd',
  'poststarthook/start-apiserver-admission-initializer',
  'poststarthook/generic-apiserver-start-informers',
  'poststarthook/start-apiextensions-informers',
  'poststarthook/start-apiextensions-controllers',
  'poststarthook/crd-informer-synced',
]
  .map((name) => `[+]${name} ok\n`)
  .join('');

describe('health', () => {
  let api: TestApi;
  let call: Call;
  let broken = false;
  beforeEach(async () => {
    broken = false;
    api = await startTestApi();
    call = caller(api.transport);
    api.api.health.add({
      name: 'engine',
      check() {
        if (broken) throw new Error('no oil');
      },
    });
  });
  afterEach(() => api.close());

  const cases: { name: string; url: string; broken?: boolean; status: number; text: string }[] = [
    { name: 'all well', url: '/readyz', status: 200, text: 'ok' },
    { name: 'one check', url: '/livez/ping', status: 200, text: 'ok' },
    {
      name: 'verbose',
      url: '/livez?verbose',
      status: 200,
      text: `${OWN}[+]engine ok\nlivez check passed\n`,
    },
    {
      name: 'a failing check',
      url: '/livez',
      broken: true,
      status: 500,
      text: `${OWN}[-]engine failed: reason withheld\nlivez check failed\n`,
    },
    {
      name: 'a failing check alone',
      url: '/healthz/engine',
      broken: true,
      status: 500,
      text: 'internal server error: no oil\n',
    },
    { name: 'a failing check left out', url: '/livez?exclude=engine', broken: true, status: 200, text: 'ok' },
    {
      name: 'leaving out what is not there',
      url: '/livez?verbose&exclude=wings',
      status: 200,
      text: `${OWN}[+]engine ok\nwarn: some health checks cannot be excluded: no matches for "wings"\nlivez check passed\n`,
    },
    { name: 'that informers are in step', url: '/readyz/informer-sync', status: 200, text: 'ok' },
    { name: 'a check nobody knows', url: '/livez/wings', status: 404, text: '404 page not found\n' },
  ];
  for (const c of cases) {
    it(c.name, async () => {
      broken = c.broken === true;
      const { status, text } = await call('GET', c.url);
      assert.deepEqual({ status, text }, { status: c.status, text: c.text });
    });
  }

  it('metrics are under upstream’s names', async () => {
    await call('GET', '/api/v1/namespaces/default/configmaps/none');
    await call('POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'a' } } });
    const { text } = await call('GET', '/metrics');
    assert.match(
      text,
      /^apiserver_request_total\{verb="GET",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="resource",component="apiserver",code="404"\} 1$/m,
    );
    assert.match(text, /^apiserver_request_duration_seconds_bucket\{.*verb="POST".*le="\+Inf".*\} 1$/m);
    assert.match(text, /^etcd_request_duration_seconds_count\{operation="create",group="",resource="configmaps"\} 1$/m);
    assert.match(text, /^kubernetes_build_info\{.*git_version="v1\.36\.2\S*".*major="1",minor="36".*\} 1$/m);
  });

  it('metrics tell which deprecated APIs were asked for', async () => {
    const deprecated = async () =>
      (await call('GET', '/metrics')).text
        .split('\n')
        .filter((l) => l.startsWith('apiserver_requested_deprecated_apis{'));
    await call('GET', '/api/v1/pods');
    assert.deepEqual(await deprecated(), []);
    await call('GET', '/api/v1/endpoints');
    await call('GET', '/api/v1/namespaces/default/endpoints/none');
    assert.deepEqual(await deprecated(), [
      'apiserver_requested_deprecated_apis{group="",version="v1",resource="endpoints",subresource="",removed_release=""} 1',
    ]);
  });

  it('metrics of checks tell what they found', async () => {
    await call('GET', '/readyz');
    broken = true;
    await call('GET', '/readyz');
    const { text } = await call('GET', '/metrics/slis');
    assert.match(text, /^kubernetes_healthcheck\{name="engine",type="readyz"\} 0$/m);
    assert.match(text, /^kubernetes_healthcheck\{name="ping",type="readyz"\} 1$/m);
    assert.match(text, /^kubernetes_healthchecks_total\{name="engine",type="readyz",status="success"\} 1$/m);
    assert.match(text, /^kubernetes_healthchecks_total\{name="engine",type="readyz",status="error"\} 1$/m);
  });
});
