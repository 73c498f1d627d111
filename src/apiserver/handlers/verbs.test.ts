/** Every verb and its options against a whole server on memory storage: statuses asserted whole, in upstream's words. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';
import { encodeProtobufEnvelope } from '../../machinery/codec/protobuf.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const failure = (code: number, reason: string, message: string, details?: unknown) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
});

describe('verbs', () => {
  let api: TestApi;
  let call: Call;
  beforeEach(async () => {
    api = await startTestApi();
    call = caller(api.transport);
  });
  afterEach(() => api.close());

  describe('refusals', () => {
    const cases: { name: string; method: string; url: string; body?: unknown; type?: string; want: unknown }[] = [
      {
        name: 'get of nothing',
        method: 'GET',
        url: `${MAPS}/x`,
        want: failure(404, 'NotFound', 'configmaps "x" not found', { name: 'x', kind: 'configmaps' }),
      },
      {
        name: 'a group that names it',
        method: 'GET',
        url: '/apis/apps/v1/namespaces/default/deployments/x',
        want: failure(404, 'NotFound', 'deployments.apps "x" not found', {
          name: 'x',
          group: 'apps',
          kind: 'deployments',
        }),
      },
      {
        name: 'an unknown resource',
        method: 'GET',
        url: '/api/v1/foos',
        want: failure(404, 'NotFound', 'the server could not find the requested resource', {}),
      },
      {
        name: 'a method the path does not have',
        method: 'PUT',
        url: MAPS,
        body: {},
        want: failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {}),
      },
      {
        name: 'a second create',
        method: 'POST',
        url: MAPS,
        body: map('taken'),
        want: failure(409, 'AlreadyExists', 'configmaps "taken" already exists', { name: 'taken', kind: 'configmaps' }),
      },
      {
        name: 'a name that is none',
        method: 'POST',
        url: MAPS,
        body: map('Not_Good'),
        want: failure(
          422,
          'Invalid',
          "ConfigMap \"Not_Good\" is invalid: metadata.name: Invalid value: \"Not_Good\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
          {
            name: 'Not_Good',
            kind: 'ConfigMap',
            causes: [
              {
                reason: 'FieldValueInvalid',
                message:
                  "Invalid value: \"Not_Good\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
                field: 'metadata.name',
              },
            ],
          },
        ),
      },
      {
        name: 'another namespace in the body',
        method: 'POST',
        url: MAPS,
        body: { ...map('a'), metadata: { name: 'a', namespace: 'other' } },
        want: failure(
          400,
          'BadRequest',
          'the namespace of the provided object does not match the namespace sent on the request',
        ),
      },
      {
        name: 'another version in the body',
        method: 'POST',
        url: MAPS,
        body: { ...map('a'), apiVersion: 'v2' },
        want: failure(
          400,
          'BadRequest',
          'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
      },
      {
        name: 'an unknown field under Strict',
        method: 'POST',
        url: `${MAPS}?fieldValidation=Strict`,
        body: { ...map('a'), foo: 1 },
        want: failure(
          400,
          'BadRequest',
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
        ),
      },
      {
        name: 'a wrong type',
        method: 'POST',
        url: MAPS,
        body: { ...map('a'), data: { k: 1 } },
        want: failure(
          400,
          'BadRequest',
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
        ),
      },
      {
        name: 'dryRun other than All',
        method: 'POST',
        url: `${MAPS}?dryRun=Some`,
        body: map('a'),
        want: failure(
          422,
          'Invalid',
          'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
          {
            group: 'meta.k8s.io',
            kind: 'CreateOptions',
            causes: [
              {
                reason: 'FieldValueNotSupported',
                message: 'Unsupported value: ["Some"]: supported values: "All"',
                field: 'dryRun',
              },
            ],
          },
        ),
      },
      {
        name: 'apply without a field manager',
        method: 'PATCH',
        url: `${MAPS}/a`,
        body: map('a'),
        type: 'application/apply-patch+yaml',
        want: failure(
          422,
          'Invalid',
          'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
          {
            group: 'meta.k8s.io',
            kind: 'PatchOptions',
            causes: [
              {
                reason: 'FieldValueRequired',
                message: 'Required value: is required for apply patch',
                field: 'fieldManager',
              },
            ],
          },
        ),
      },
      {
        name: 'a patch of nothing',
        method: 'PATCH',
        url: `${MAPS}/x`,
        body: {},
        type: 'application/merge-patch+json',
        want: failure(404, 'NotFound', 'configmaps "x" not found', { name: 'x', kind: 'configmaps' }),
      },
      {
        name: 'a patch type nobody knows',
        method: 'PATCH',
        url: `${MAPS}/taken`,
        body: {},
        type: 'application/json',
        want: failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}),
      },
      {
        name: 'an update from an old revision',
        method: 'PUT',
        url: `${MAPS}/taken`,
        body: { ...map('taken'), metadata: { name: 'taken', resourceVersion: '1' } },
        want: failure(
          409,
          'Conflict',
          'Operation cannot be fulfilled on configmaps "taken": the object has been modified; please apply your changes to the latest version and try again',
          { name: 'taken', kind: 'configmaps' },
        ),
      },
      {
        name: 'an update under another name',
        method: 'PUT',
        url: `${MAPS}/taken`,
        body: map('b'),
        want: failure(400, 'BadRequest', 'the name of the object (b) does not match the name on the URL (taken)'),
      },
      {
        name: 'resourceVersionMatch alone',
        method: 'GET',
        url: `${MAPS}?resourceVersionMatch=Exact`,
        want: failure(
          422,
          'Invalid',
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
          {
            group: 'meta.k8s.io',
            kind: 'ListOptions',
            causes: [
              {
                reason: 'FieldValueForbidden',
                message: 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
                field: 'resourceVersionMatch',
              },
            ],
          },
        ),
      },
      {
        name: 'a resourceVersion that is none',
        method: 'GET',
        url: `${MAPS}?resourceVersion=abc`,
        want: failure(
          400,
          'BadRequest',
          'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
        ),
      },
      {
        name: 'a continue token that is none',
        method: 'GET',
        url: `${MAPS}?limit=1&continue=%21`,
        want: failure(
          400,
          'BadRequest',
          'invalid continue token: continue key is not valid: illegal base64 data at input byte 0',
        ),
      },
      {
        name: 'a field nobody selects by',
        method: 'GET',
        url: `${MAPS}?fieldSelector=data.k%3Dv`,
        want: failure(
          400,
          'BadRequest',
          '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
      },
      {
        name: 'a uid precondition that fails',
        method: 'DELETE',
        url: `${MAPS}/taken`,
        body: { preconditions: { uid: 'other' } },
        want: undefined,
      },
    ];
    for (const c of cases) {
      it(c.name, async () => {
        const taken = await call('POST', MAPS, { body: map('taken') });
        const answer = await call(c.method, c.url, {
          ...(c.body === undefined ? {} : { body: c.body }),
          ...(c.type === undefined ? {} : { headers: { 'content-type': c.type } }),
        });
        const want =
          c.want ??
          failure(
            409,
            'Conflict',
            `Operation cannot be fulfilled on ConfigMap "taken": the UID in the precondition (other) does not match the UID in record (${taken.json.metadata.uid}). The object might have been deleted and then recreated`,
            { name: 'taken', kind: 'ConfigMap' },
          );
        assert.deepEqual(answer.json, want);
        assert.equal(answer.status, (answer.json as { code: number }).code);
      });
    }
  });

  it('create fills system fields and keeps nothing a client may not set', async () => {
    const { status, json } = await call('POST', MAPS, {
      body: {
        ...map('a', { k: 'v' }),
        metadata: { name: 'a', uid: 'mine', resourceVersion: '', deletionTimestamp: '2020-01-01T00:00:00Z' },
      },
    });
    assert.equal(status, 201);
    assert.match(json.metadata.uid, /^[0-9a-f-]{36}$/);
    assert.equal(json.metadata.deletionTimestamp, undefined);
    assert.equal(json.metadata.managedFields[0].manager, 'tester');
    const got = await call('GET', `${MAPS}/a`);
    assert.deepEqual(got.json, json);
  });

  it('a generated name is tried again when it is taken', async () => {
    const { status, json } = await call('POST', MAPS, { body: { ...map(''), metadata: { generateName: 'g-' } } });
    assert.equal(status, 201);
    assert.match(json.metadata.name, /^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('a dry run changes nothing and answers what would be', async () => {
    const created = await call('POST', `${MAPS}?dryRun=All`, { body: map('a') });
    assert.equal(created.status, 201);
    assert.equal(created.json.metadata.resourceVersion, undefined);
    assert.equal((await call('GET', `${MAPS}/a`)).status, 404);
  });

  it('an update that changes nothing keeps the revision', async () => {
    const { json } = await call('POST', MAPS, { body: map('a', { k: 'v' }) });
    const { data, metadata, ...rest } = json;
    const same = await call('PUT', `${MAPS}/a`, { body: { data, ...rest, metadata } });
    assert.equal(same.status, 200);
    assert.equal(same.json.metadata.resourceVersion, json.metadata.resourceVersion);
    const patched = await call('PATCH', `${MAPS}/a`, {
      body: { data: { k: 'v' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(patched.json.metadata.resourceVersion, json.metadata.resourceVersion);
  });

  it('apply creates with 201, then updates with 200', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const first = await call('PATCH', `${MAPS}/a?fieldManager=me`, { body: map('a', { k: '1' }), headers });
    assert.equal(first.status, 201);
    const second = await call('PATCH', `${MAPS}/a?fieldManager=me`, { body: map('a', { k: '2' }), headers });
    assert.equal(second.status, 200);
    assert.equal(second.json.data.k, '2');
    const other = await call('PATCH', `${MAPS}/a?fieldManager=you`, { body: map('a', { k: '3' }), headers });
    assert.equal(other.status, 409);
    assert.equal(other.json.details.causes[0].reason, 'FieldManagerConflict');
  });

  it('apply reads YAML in braces, which need not be JSON', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const bodies = [
      '{"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "a",},\n\t"data": {"k": "v",},\n}',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}} # as typed',
    ];
    for (const text of bodies) {
      const url = `${MAPS}/a?fieldManager=me&fieldValidation=Strict`;
      const { json } = await call('PATCH', url, { body: text, headers });
      assert.deepEqual([json.kind, json.data], ['ConfigMap', { k: 'v' }], text);
    }
  });

  it('finalizers hold a deletion until the last one goes', async () => {
    await call('POST', MAPS, { body: { ...map('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } } });
    const marked = await call('DELETE', `${MAPS}/a`);
    assert.equal(marked.status, 200);
    assert.equal(marked.json.kind, 'ConfigMap');
    assert.equal(marked.json.metadata.deletionGracePeriodSeconds, 0);
    const again = await call('POST', MAPS, { body: map('a') });
    assert.equal(again.json.message, 'object is being deleted: configmaps "a" already exists');
    const freed = await call('PATCH', `${MAPS}/a`, {
      body: { metadata: { finalizers: null } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    assert.equal(freed.status, 200);
    assert.equal((await call('GET', `${MAPS}/a`)).status, 404);
  });

  it('propagation policies become finalizers', async () => {
    await call('POST', MAPS, { body: map('a') });
    const { json } = await call('DELETE', `${MAPS}/a`, { body: { propagationPolicy: 'Foreground' } });
    assert.deepEqual(json.metadata.finalizers, ['foregroundDeletion']);
    await call('POST', MAPS, { body: map('b') });
    const orphan = await call('DELETE', `${MAPS}/b?propagationPolicy=Orphan`);
    assert.deepEqual(orphan.json.metadata.finalizers, ['orphan']);
  });

  it('pages with continue at one revision, and says how many remain', async () => {
    for (const name of ['a', 'b', 'c']) await call('POST', MAPS, { body: map(name) });
    const first = await call('GET', `${MAPS}?limit=2`);
    assert.deepEqual(
      first.json.items.map((i: { metadata: { name: string } }) => i.metadata.name),
      ['a', 'b'],
    );
    assert.equal(first.json.metadata.remainingItemCount, 1);
    await call('POST', MAPS, { body: map('d') });
    const rest = await call('GET', `${MAPS}?limit=2&continue=${first.json.metadata.continue}`);
    assert.deepEqual(
      rest.json.items.map((i: { metadata: { name: string } }) => i.metadata.name),
      ['c'],
    );
    assert.equal(rest.json.metadata.resourceVersion, first.json.metadata.resourceVersion);
    assert.equal(rest.json.metadata.continue, undefined);
  });

  it('deletecollection takes what the selector says', async () => {
    for (const name of ['a', 'b'])
      await call('POST', MAPS, { body: { ...map(name), metadata: { name, labels: { n: name } } } });
    const { status, json } = await call('DELETE', `${MAPS}?labelSelector=n%3Da`);
    assert.equal(status, 200);
    assert.equal(json.kind, 'ConfigMapList');
    assert.equal(json.items.length, 1);
    const left = await call('GET', MAPS);
    assert.deepEqual(
      left.json.items.map((i: { metadata: { name: string } }) => i.metadata.name),
      ['b'],
    );
  });

  it('unknown fields are dropped with a warning', async () => {
    const { status, headers, json } = await call('POST', MAPS, { body: { ...map('a'), foo: 1 } });
    assert.equal(status, 201);
    assert.equal(headers.warning, '299 - "unknown field \\"foo\\""');
    assert.equal(json.foo, undefined);
  });

  it('speaks YAML, protobuf, CBOR, tables and metadata', async () => {
    await call('POST', MAPS, { body: map('a', { k: 'v' }) });
    const types = ['application/yaml', 'application/vnd.kubernetes.protobuf', 'application/cbor'];
    for (const accept of types) {
      for (const url of [MAPS, `${MAPS}/a`]) {
        const answer = await call('GET', url, { headers: { accept } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], accept);
      }
    }
    const table = await call('GET', MAPS, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    assert.equal(table.json.kind, 'Table');
    assert.deepEqual(table.json.rows[0].cells.slice(0, 2), ['a', 1]);
    const partial = await call('GET', MAPS, {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    assert.equal(partial.json.kind, 'PartialObjectMetadataList');
    assert.equal(partial.json.items[0].kind, 'PartialObjectMetadata');
    assert.equal(partial.json.items[0].data, undefined);
    const sent = await call('GET', `${MAPS}/a`, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
    const back = await call('PUT', `${MAPS}/a`, {
      body: sent.bytes,
      headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
    });
    assert.equal(back.status, 200);
    assert.deepEqual(back.json.data, { k: 'v' });
  });

  it('lists the same protobuf the first time and later, as JSON says it', async () => {
    // One that is read without being parsed, and two that are not: a map out of order, an escape in a key.
    const written: Record<string, string>[] = [{ a: '1', b: 'é"' }, { b: '1', a: '2' }, { ä: '\n' }];
    for (const [i, data] of written.entries()) await call('POST', MAPS, { body: map(`m${i}`, data) });
    const list = async (accept: string) => call('GET', MAPS, { headers: { accept } });
    const first = await list('application/vnd.kubernetes.protobuf');
    const later = await list('application/vnd.kubernetes.protobuf');
    const { json } = await list('application/json');
    assert.equal(first.bytes.toString('hex'), later.bytes.toString('hex'));
    assert.equal(first.bytes.toString('hex'), encodeProtobufEnvelope(json).toString('hex'));
  });
});
