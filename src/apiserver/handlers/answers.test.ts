/** Answers that were held against an upstream server: forms, errors and ownership where an obvious answer would differ. */
import assert from 'node:assert/strict';
import { caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });

describe('answers', () => {
  let api: TestApi;
  let call: ReturnType<typeof caller>;
  beforeEach(async () => {
    api = await startTestApi();
    call = caller(api.transport);
    await call('POST', CONFIG_MAPS, { body: configMap('a') });
    await call('POST', CONFIG_MAPS, { body: configMap('b') });
  });
  afterEach(() => api.close());

  it('leaves kind and apiVersion out of the items of a typed list', async () => {
    const { json } = await call('GET', CONFIG_MAPS);
    assert.deepEqual([json.kind, json.apiVersion], ['ConfigMapList', 'v1']);
    assert.deepEqual(
      json.items.map((i: object) => Object.keys(i)),
      [
        ['metadata', 'data'],
        ['metadata', 'data'],
      ],
    );
    const page = (await call('GET', `${CONFIG_MAPS}?limit=1`)).json;
    assert.deepEqual(Object.keys(page.items[0]), ['metadata', 'data']);
  });

  it('gives clients their kind back', async () => {
    const ref = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
    const { items } = await api.client.list(ref, { namespace: 'default' });
    assert.deepEqual(
      items.map((i) => [i.apiVersion, i.kind]),
      [
        ['v1', 'ConfigMap'],
        ['v1', 'ConfigMap'],
      ],
    );
  });

  const refused = [
    {
      name: 'a list as PartialObjectMetadata',
      path: CONFIG_MAPS,
      accept: METADATA,
      want: [406, 'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)'],
    },
    {
      name: 'an object as PartialObjectMetadataList',
      path: `${CONFIG_MAPS}/a`,
      accept: METADATA_LIST,
      want: [406, 'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)'],
    },
    {
      name: 'a Table with objects nobody knows',
      path: `${CONFIG_MAPS}?includeObject=Foo`,
      accept: TABLE,
      want: [
        400,
        "Unable to convert to Table as requested: includeObject: Invalid value: \"Foo\": must be 'Metadata', 'Object', 'None', or empty",
      ],
    },
    {
      name: 'a version that a built-in group has not',
      path: '/apis/apps/v9',
      accept: 'application/json',
      want: [404, 'the server could not find the requested resource'],
    },
  ];
  for (const { name, path, accept, want } of refused) {
    it(`refuses ${name}`, async () => {
      const { status, json } = await call('GET', path, { headers: { accept } });
      assert.deepEqual([status, json.message], want);
    });
  }

  it('answers errors in YAML to who reads YAML', async () => {
    const { status, headers, text } = await call('GET', `${CONFIG_MAPS}/none`, {
      headers: { accept: 'application/yaml' },
    });
    assert.deepEqual([status, headers['content-type']], [404, 'application/yaml']);
    assert.match(text, /^apiVersion: v1\ncode: 404\n/);
  });

  const deleteBodies = [
    {
      body: '{',
      want: "couldn't get version/kind; json parse error: unexpected end of JSON input",
    },
    {
      body: '[]',
      want: 'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    },
    {
      body: '{"dryRun":"All"}',
      want: 'json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string',
    },
    { body: 'null', want: 'configmaps "none" not found' },
  ];
  for (const { body, want } of deleteBodies) {
    it(`reads ${body} as DeleteOptions`, async () => {
      assert.equal((await call('DELETE', `${CONFIG_MAPS}/none`, { body })).json.message, want);
    });
  }

  it('deletes a page of a collection and says where the next begins', async () => {
    const { json } = await call('DELETE', `${CONFIG_MAPS}?limit=1`);
    assert.deepEqual([json.items.length, json.metadata.remainingItemCount], [1, 1]);
    assert.notEqual(json.metadata.continue, undefined);
    assert.equal((await call('GET', CONFIG_MAPS)).json.items.length, 1);
  });

  it('owns nothing that equals the zero value of the kind', async () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
      reason: 'R',
    };
    const { json } = await call('POST', '/api/v1/namespaces/default/events', { body: event });
    assert.deepEqual(json.metadata.managedFields[0].fieldsV1, { 'f:involvedObject': {}, 'f:reason': {} });
    assert.deepEqual([json.eventTime, json.reportingComponent], [null, '']);
  });

  it('shows no owners in a Scale, and keeps whoever scaled without a time', async () => {
    const labels = { a: 'b' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { selector: { matchLabels: labels }, template };
    await call('POST', DEPLOYMENTS, {
      body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec },
    });
    const scaled = await call('PATCH', `${DEPLOYMENTS}/d/scale`, {
      body: { spec: { replicas: 5 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.deepEqual([scaled.json.spec, scaled.json.metadata.managedFields], [{ replicas: 5 }, undefined]);
    assert.equal((await call('GET', `${DEPLOYMENTS}/d/scale`)).json.metadata.managedFields, undefined);
    const { managedFields } = (await call('GET', `${DEPLOYMENTS}/d`)).json.metadata;
    const { manager: _, ...scaler } = managedFields.find((m: { subresource?: string }) => m.subresource === 'scale');
    assert.deepEqual(scaler, {
      operation: 'Update',
      apiVersion: 'apps/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      subresource: 'scale',
    });
  });

  it('prints events of events.k8s.io as those of the core group', async () => {
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      eventTime: '2020-01-01T00:00:00.000000Z',
      reportingController: 'a/b',
      reportingInstance: 'i',
      action: 'A',
      reason: 'R',
      type: 'Normal',
      regarding: { kind: 'Pod', name: 'x', namespace: 'default' },
      note: 'n',
    };
    const url = '/apis/events.k8s.io/v1/namespaces/default/events';
    assert.equal((await call('POST', url, { body: event })).status, 201);
    const { cells } = (await call('GET', url, { headers: { accept: TABLE } })).json.rows[0];
    assert.deepEqual([cells[3], cells[5], cells[6]], ['pod/x', 'a/b, i', 'n']);
    const refused = await call('POST', url, { body: { ...event, metadata: { name: 'f' }, type: 'Odd' } });
    assert.match(refused.json.message, /^Event "f" is invalid: type: Invalid value: "": has invalid value: Odd$/);
  });

  it('warns of the pods a deleted job leaves behind, unless the client has said what it wants', async () => {
    const url = '/apis/batch/v1/namespaces/default/jobs/none';
    assert.match((await call('DELETE', url)).headers.warning ?? '', /child pods are preserved by default/);
    assert.equal((await call('DELETE', `${url}?propagationPolicy=Background`)).headers.warning, undefined);
  });

  const kinds = [
    { patch: { kind: 'Foo' }, type: 'merge', why: 'no kind "Foo" is registered for version "v1" in scheme' },
    { patch: { kind: 'Pod' }, type: 'merge', why: 'converting (v1.Pod) to (core.ConfigMap): unknown conversion' },
    { patch: { apiVersion: 'v2' }, type: 'merge', why: 'no kind "ConfigMap" is registered for version "v2" in scheme' },
    { patch: { kind: null, apiVersion: null }, type: 'merge', why: undefined },
    { patch: { kind: 'Pod', apiVersion: 'v2' }, type: 'strategic-merge', why: undefined },
  ];
  for (const { patch, type, why } of kinds) {
    it(`keeps the kind under a ${type} patch ${JSON.stringify(patch)}`, async () => {
      const answer = await call('PATCH', `${CONFIG_MAPS}/a`, {
        body: patch,
        headers: { 'content-type': `application/${type}-patch+json` },
      });
      assert.equal(answer.status, why === undefined ? 200 : 422);
      if (why !== undefined) assert.ok(answer.json.message.includes(why), answer.json.message);
      const { kind, apiVersion } = (await call('GET', `${CONFIG_MAPS}/a`)).json;
      assert.deepEqual([kind, apiVersion], ['ConfigMap', 'v1']);
    });
  }

  it('forgets owners when a patch empties managedFields', async () => {
    const answer = await call('PATCH', `${CONFIG_MAPS}/a`, {
      body: { metadata: { managedFields: [] } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.deepEqual([answer.status, answer.json.metadata.managedFields], [200, undefined]);
  });

  it('wants finalizers of core kinds to be standard or qualified', async () => {
    const body = { ...configMap('f'), metadata: { name: 'f', finalizers: ['orphan', 'x/y', 'foo'] } };
    const { status, json } = await call('POST', CONFIG_MAPS, { body });
    assert.equal(status, 422);
    assert.deepEqual(json.details.causes, [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified',
        field: 'metadata.finalizers[2]',
      },
    ]);
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', finalizers: ['foo'] } };
    const url = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    assert.equal((await call('POST', url, { body: lease })).status, 201);
  });

  it('ends what a watch from nowhere begins with by a bookmark', async () => {
    const ref = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
    const stop = new AbortController();
    const seen: unknown[] = [];
    for await (const event of api.client.watch(ref, {
      namespace: 'default',
      allowWatchBookmarks: true,
      signal: stop.signal,
    })) {
      seen.push([event.type, event.object.metadata.annotations?.['k8s.io/initial-events-end']]);
      if (event.type === 'BOOKMARK') break;
    }
    stop.abort();
    assert.deepEqual(seen, [
      ['ADDED', undefined],
      ['ADDED', undefined],
      ['BOOKMARK', 'true'],
    ]);
    const refused = await call('GET', `${CONFIG_MAPS}?watch=1&continue=abc`);
    assert.equal(refused.status, 422);
  });
});
