import assert from 'node:assert/strict';
import { type Answer, type Ask, caller } from '../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../test/harness/start-test-api.ts';
import { VirtualClock } from '../base/clock.ts';

const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' } };

/** verb dry_run group version resource subresource scope code; parts that are empty say '-'. As the real server counts. */
const cases: { method?: string; url: string; body?: object; headers?: Record<string, string>; want: string[] }[] = [
  { url: '/apis/nobody.io/v1/things', want: [] },
  { url: '/apis/apps/v1/things', want: [] },
  { url: '/api/v1/namespaces/default/things/x', want: [] },
  { url: `${PODS}/x/madeup`, want: [] },
  { url: `${PODS}/x/madeup/more`, want: [] },
  { url: '/garbage/a/b', want: [] },
  { url: '/api/v9/pods', want: [] },
  { method: 'BREW', url: PODS, want: [] },
  { method: 'PUT', url: '/api/v1/pods', want: [] },
  { method: 'HEAD', url: PODS, want: [] },
  { url: '/version', want: [] },
  { url: '/apis/apps/v1', want: [] },
  { url: '/livez/ping', want: [] },
  { url: '/livez', want: ['GET - - - - /livez - 200'] },
  { url: '/openapi/v3', want: ['GET - - - - openapi/v3 - 200'] },
  { url: '/openapi/v3/apis/apps/v1', want: ['GET - - - - openapi/v3/ - 200'] },
  { url: PODS, want: ['LIST - - v1 pods - namespace 200'] },
  { url: '/api/v1/pods', want: ['LIST - - v1 pods - cluster 200'] },
  { url: '/api/v1/nodes', want: ['LIST - - v1 nodes - cluster 200'] },
  { url: `${PODS}?fieldSelector=metadata.name%3Dx`, want: ['LIST - - v1 pods - namespace 200'] },
  { url: `${PODS}/x`, want: ['GET - - v1 pods - resource 404'] },
  { url: `${PODS}/x/status`, want: ['GET - - v1 pods status resource 404'] },
  { url: '/api/v1/namespaces/nope', want: ['GET - - v1 namespaces - resource 404'] },
  { url: `${PODS}?watch=1&timeoutSeconds=1`, want: ['WATCH - - v1 pods - namespace 200'] },
  { url: '/api/v1/watch/pods?timeoutSeconds=1', want: ['WATCH - - v1 pods - cluster 200'] },
  { url: '/api/v1/watch/namespaces/default/pods/x?timeoutSeconds=1', want: ['WATCH - - v1 pods - resource 200'] },
  { method: 'POST', url: MAPS, body: { metadata: { name: 'a' } }, want: ['POST - - v1 configmaps - resource 201'] },
  { method: 'POST', url: MAPS, body: [], want: ['POST - - v1 configmaps - resource 400'] },
  {
    method: 'POST',
    url: `${MAPS}?dryRun=All&dryRun=All`,
    body: { metadata: { name: 'b' } },
    want: ['POST All - v1 configmaps - resource 201'],
  },
  {
    method: 'POST',
    url: `${MAPS}?dryRun=anything`,
    body: { metadata: { name: 'b' } },
    want: ['POST invalid - v1 configmaps - resource 422'],
  },
  {
    method: 'PUT',
    url: `${MAPS}/z`,
    body: { metadata: { name: 'z' } },
    want: ['PUT - - v1 configmaps - resource 404'],
  },
  {
    method: 'PATCH',
    url: `${MAPS}/applied?fieldManager=x`,
    body: applied,
    headers: APPLY,
    want: ['APPLY - - v1 configmaps - resource 201'],
  },
  {
    method: 'PATCH',
    url: `${MAPS}/none`,
    body: {},
    headers: { 'content-type': 'application/merge-patch+json' },
    want: ['PATCH - - v1 configmaps - resource 404'],
  },
  { method: 'DELETE', url: `${MAPS}/none`, want: ['DELETE - - v1 configmaps - resource 404'] },
  { method: 'DELETE', url: MAPS, want: ['DELETE - - v1 configmaps - namespace 200'] },
  {
    url: '/apis/apps/v1/namespaces/default/deployments/x/scale',
    want: ['GET - apps v1 deployments scale resource 404'],
  },
];

describe('request metrics', () => {
  let api: TestApi;
  const clock = new VirtualClock();
  before(async () => {
    api = await startTestApi({ clock });
  });
  after(() => api.close());

  /** A watch is over when its second is. */
  async function call(method: string, url: string, ask?: Ask): Promise<Answer> {
    const answer = caller(api.transport)(method, url, ask);
    if (url.includes('watch')) await clock.advance(1000);
    return answer;
  }

  /** Values of a family by their labels, put together as in `cases`. */
  async function values(family: string): Promise<Map<string, number>> {
    const { text } = await call('GET', '/metrics');
    const out = new Map<string, number>();
    for (const [, labels, value] of text.matchAll(new RegExp(`^${family}\\{(.*)\\} (\\S+)$`, 'gm'))) {
      const of = Object.fromEntries([...labels!.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v || '-']));
      const { verb, dry_run, group, version, resource, subresource, scope, code } = of;
      const words = [verb, dry_run, group, version, resource, subresource, scope, code];
      out.set(words.filter((w) => w !== undefined).join(' '), Number(value));
    }
    return out;
  }

  async function counted(family: string, run: () => Promise<unknown>): Promise<string[]> {
    const before = await values(family);
    await run();
    const grown = [...(await values(family))].filter(([key, value]) => value !== (before.get(key) ?? 0));
    return grown.map(([key]) => key);
  }

  for (const { method = 'GET', url, body, headers, want } of cases) {
    it(`${method} ${url} counts ${want.join(', ') || 'nothing'}`, async () => {
      const run = () => call(method, url, { ...(body === undefined ? {} : { body }), ...(headers && { headers }) });
      assert.deepEqual(await counted('apiserver_request_total', run), want);
    });
  }

  it('times what it counts, watches too', async () => {
    assert.deepEqual(
      await counted('apiserver_request_duration_seconds_count', () =>
        call('GET', '/api/v1/secrets?watch=1&timeoutSeconds=1'),
      ),
      ['WATCH - - v1 secrets - cluster'],
    );
  });

  it('measures the bodies of reads', async () => {
    const { text } = await call('GET', '/api/v1/namespaces');
    await call('POST', MAPS, { body: { metadata: { name: 'sized' } } });
    const sums = await values('apiserver_response_sizes_sum');
    assert.equal(sums.get('LIST - v1 namespaces - cluster'), Buffer.byteLength(text));
    assert.deepEqual(
      [...sums.keys()].filter((k) => k.startsWith('POST')),
      [],
    );
  });

  it('measures how long the first events of a watch took', async () => {
    const url = '/api/v1/secrets?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
    assert.deepEqual(
      await counted('apiserver_watch_list_duration_seconds_count', () => call('GET', `${url}&sendInitialEvents=true`)),
      ['- v1 secrets cluster'],
    );
  });

  it('counts custom resources under their own names', async () => {
    const group = 'made.up.io';
    await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      body: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `things.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'things', kind: 'Thing' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      },
    });
    const url = `/apis/${group}/v1/namespaces/default/things`;
    while ((await call('GET', url)).status !== 200);
    assert.deepEqual(await counted('apiserver_request_total', () => call('GET', `${url}/x`)), [
      `GET - ${group} v1 things - resource 404`,
    ]);
    assert.deepEqual(await counted('apiserver_request_total', () => call('GET', `${url}/x/madeup`)), []);
  });
});
