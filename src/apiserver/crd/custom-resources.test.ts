/** Custom resources through a whole server: from definition to objects, every door, and out again. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';
import { scaleHandlers } from '../handlers/subresources/scale.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1 },
        color: { type: 'string', enum: ['red', 'green'], default: 'red' },
        replicas: { type: 'integer' },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, n: { type: 'integer' } },
          },
        },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, phase: { type: 'string' } } },
  },
};
const definition = (plural = 'widgets', kind = 'Widget') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural, kind, shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Parts', type: 'string', jsonPath: '.spec.parts[*].name' },
        ],
        selectableFields: [{ jsonPath: '.spec.color' }],
      },
      {
        name: 'v1alpha1',
        served: true,
        storage: false,
        deprecated: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});
const widget = (name: string, spec: unknown, more: object = {}) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});

describe('custom resources', () => {
  let api: TestApi;
  let call: Call;
  beforeEach(async () => {
    api = await startTestApi({ overrides: { subresources: () => new Map([['*/*/scale', scaleHandlers]]) } });
    call = caller(api.transport);
  });
  afterEach(() => api.close());

  /** Waits, without sleeping, until the answer satisfies: the controller runs in this process. */
  async function until(
    url: string,
    test: (answer: Awaited<ReturnType<Call>>) => boolean,
  ): Promise<Awaited<ReturnType<Call>>> {
    for (let i = 0; i < 20_000; i++) {
      const answer = await call('GET', url);
      if (test(answer)) return answer;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`${url} never came to it`);
  }
  const define = async (body = definition()): Promise<void> => {
    assert.equal((await call('POST', CRDS, { body })).status, 201);
    await until(`/apis/example.com/v1/${body.spec.names.plural}`, (a) => a.status === 200);
  };

  it('say what they are accepted in, not what a route could', async () => {
    await define();
    const { status, json } = await call('GET', '/apis/example.com/v1/widgets', { headers: { accept: 'text/plain' } });
    const types = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
    assert.deepEqual([status, json.message], [406, `only the following media types are accepted: ${types}`]);
  });

  it('accepts names, establishes and serves', async () => {
    await define();
    const { json } = await call('GET', `${CRDS}/widgets.example.com`);
    assert.deepEqual(json.spec.names, {
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
      shortNames: ['wd'],
    });
    assert.deepEqual(json.status.acceptedNames, json.spec.names);
    assert.deepEqual(json.status.storedVersions, ['v1']);
    assert.deepEqual(
      json.status.conditions.map((c: Record<string, string>) => [c.type, c.status, c.reason, c.message]),
      [
        ['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'],
        ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'],
      ],
    );
    const resources = (await call('GET', '/apis/example.com/v1')).json.resources;
    assert.deepEqual(resources.map((r: { name: string }) => r.name).sort(), [
      'widgets',
      'widgets/scale',
      'widgets/status',
    ]);
    const v3 = (await call('GET', '/openapi/v3/apis/example.com/v1')).json;
    assert.equal(v3.components.schemas['com.example.v1.Widget'].properties.spec.properties.size.type, 'integer');
  });

  it('refuses names that are in use until they are free', async () => {
    await define();
    await call('POST', CRDS, { body: definition('gadgets') });
    const { json } = await until(`${CRDS}/gadgets.example.com`, (a) => a.json.status.conditions?.length > 0);
    assert.deepEqual(json.status.acceptedNames, { plural: 'gadgets', kind: '' });
    assert.deepEqual(
      json.status.conditions.map((c: Record<string, string>) => [c.type, c.status, c.reason, c.message]),
      [
        ['NamesAccepted', 'False', 'ListKindConflict', '"WidgetList" is already in use'],
        ['Established', 'False', 'NotAccepted', 'not all names are accepted'],
      ],
    );
    await call('DELETE', `${CRDS}/widgets.example.com`);
    await until('/apis/example.com/v1/gadgets', (a) => a.status === 200);
  });

  it('defaults, prunes, validates and prints objects', async () => {
    await define();
    const created = await call('POST', WIDGETS, {
      body: widget('a', { size: 1, odd: 2, parts: [{ name: 'p' }] }, { status: { phase: 'x' } }),
    });
    assert.equal(created.status, 201);
    assert.deepEqual(created.json.spec, { size: 1, color: 'red', parts: [{ name: 'p' }] });
    assert.equal(created.json.status, undefined);
    assert.equal(created.json.metadata.generation, 1);
    const bad = await call('POST', WIDGETS, { body: widget('b', { size: 'x', color: 'blue' }) });
    assert.equal(bad.status, 422);
    const byField = (a: { field: string }, b: { field: string }): number => (a.field < b.field ? -1 : 1);
    assert.deepEqual(bad.json.details.causes.sort(byField), [
      {
        reason: 'FieldValueNotSupported',
        message: 'Unsupported value: "blue": supported values: "red", "green"',
        field: 'spec.color',
      },
      {
        reason: 'FieldValueTypeInvalid',
        message: 'Invalid value: "string": spec.size in body must be of type integer: "string"',
        field: 'spec.size',
      },
    ]);
    const table = (await call('GET', WIDGETS, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }))
      .json;
    assert.deepEqual(
      table.columnDefinitions.map((c: { name: string }) => c.name),
      ['Name', 'Size', 'Parts'],
    );
    assert.deepEqual(table.rows[0].cells, ['a', 1, 'p']);
    assert.equal((await call('GET', `${WIDGETS}?fieldSelector=spec.color%3Dred`)).json.items.length, 1);
    assert.equal((await call('GET', `${WIDGETS}?fieldSelector=spec.color%3Dgreen`)).json.items.length, 0);
  });

  it('takes no other kind and no other version', async () => {
    await define();
    await call('POST', WIDGETS, { body: widget('a', { size: 1 }) });
    const sent = [
      [{ ...widget('b', { size: 1 }), kind: 'Bar' }, 422, 'kind: Invalid value: "Bar": must be Widget'],
      [{ ...widget('b', { size: 1 }), kind: undefined }, 400, "Object 'Kind' is missing in '"],
      [{ ...widget('b', { size: 1 }), apiVersion: undefined }, 400, 'the API version in the data () does not match'],
    ] as const;
    for (const [body, status, text] of sent) {
      const answer = await call('POST', WIDGETS, { body });
      assert.equal(answer.status, status);
      assert.ok(answer.json.message.includes(text), answer.json.message);
    }
    for (const body of [{ kind: 'Bar' }, { apiVersion: 'v1' }]) {
      assert.equal((await call('PATCH', `${WIDGETS}/a`, { body, headers: MERGE })).status, 422);
    }
    assert.equal((await call('GET', `${WIDGETS}/a`)).json.kind, 'Widget');
    const nothing = await call('GET', `${WIDGETS}/a/nope`);
    assert.equal(nothing.status, 404);
    assert.match(nothing.json.message, /^widgets\.\S+ "a" not found$/);
  });

  it('keeps status, scale and apply apart', async () => {
    await define();
    await call('PATCH', `${WIDGETS}/a?fieldManager=m`, {
      body: widget('a', { size: 1, parts: [{ name: 'p', n: 1 }] }),
      headers: APPLY,
    });
    const status = await call('PATCH', `${WIDGETS}/a/status`, {
      body: { status: { replicas: 2 }, spec: { size: 9 } },
      headers: MERGE,
    });
    assert.deepEqual(
      [status.json.spec.size, status.json.status, status.json.metadata.generation],
      [1, { replicas: 2 }, 1],
    );
    const scaled = await call('PATCH', `${WIDGETS}/a/scale`, { body: { spec: { replicas: 4 } }, headers: MERGE });
    assert.deepEqual([scaled.json.spec, scaled.json.status], [{ replicas: 4 }, { replicas: 2 }]);
    const conflict = await call('PATCH', `${WIDGETS}/a?fieldManager=n`, {
      body: widget('a', { size: 2 }),
      headers: APPLY,
    });
    assert.equal(conflict.status, 409);
    assert.equal(conflict.json.message, 'Apply failed with 1 conflict: conflict with "m": .spec.size');
    const removed = await call('PATCH', `${WIDGETS}/a?fieldManager=m`, {
      body: widget('a', { size: 1 }),
      headers: APPLY,
    });
    assert.deepEqual(removed.json.spec, { size: 1, color: 'red', replicas: 4 });
  });

  it('serves every version from one store and follows the definition', async () => {
    await define();
    await call('POST', WIDGETS, { body: widget('a', { size: 1 }) });
    const alpha = await call('GET', '/apis/example.com/v1alpha1/namespaces/default/widgets/a');
    assert.equal(alpha.json.apiVersion, 'example.com/v1alpha1');
    assert.match(
      alpha.headers.warning ?? alpha.headers.Warning ?? '',
      /example.com\/v1alpha1 Widget is deprecated; use example.com\/v1 Widget/,
    );
    const crd = (await call('GET', `${CRDS}/widgets.example.com`)).json;
    const added = structuredClone(crd);
    added.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.later = { type: 'string', default: 'now' };
    added.spec.versions[1].served = false;
    assert.equal((await call('PUT', `${CRDS}/widgets.example.com`, { body: added })).status, 200);
    // A default that came later shows in what was stored before; a version that is served no more is gone.
    await until(`${WIDGETS}/a`, (a) => a.json.spec.later === 'now');
    assert.equal((await call('GET', WIDGETS)).json.items[0].spec.later, 'now');
    assert.equal((await call('GET', '/apis/example.com/v1alpha1/namespaces/default/widgets/a')).status, 404);
  });

  it('takes a new storage version', async () => {
    await define();
    await call('POST', WIDGETS, { body: widget('a', { size: 1 }) });
    const crd = (await call('GET', `${CRDS}/widgets.example.com`)).json;
    crd.spec.versions[0].storage = false;
    crd.spec.versions[1].storage = true;
    const put = await call('PUT', `${CRDS}/widgets.example.com`, { body: crd });
    assert.deepEqual(put.json.status.storedVersions, ['v1', 'v1alpha1']);
    const alpha = '/apis/example.com/v1alpha1/namespaces/default/widgets';
    await call('PATCH', `${alpha}/a`, { body: { metadata: { labels: { x: 'y' } } }, headers: MERGE });
    await call('POST', WIDGETS, { body: widget('b', { size: 2 }) });
    for (const [url, version] of [
      [WIDGETS, 'v1'],
      [alpha, 'v1alpha1'],
    ] as const) {
      const { json } = await call('GET', url);
      assert.deepEqual(
        json.items.map((o: { apiVersion: string; spec: { size: number } }) => [o.apiVersion, o.spec.size]),
        [
          [`example.com/${version}`, 1],
          [`example.com/${version}`, 2],
        ],
      );
    }
  });

  it('removes the objects with the definition, and waits for finalizers', async () => {
    await define();
    await call('POST', WIDGETS, {
      body: { ...widget('a', { size: 1 }), metadata: { name: 'a', finalizers: ['x/y'] } },
    });
    await call('POST', WIDGETS, { body: widget('b', { size: 1 }) });
    const deleted = await call('DELETE', `${CRDS}/widgets.example.com`);
    assert.deepEqual(deleted.json.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
    await until(`${WIDGETS}/b`, (a) => a.status === 404);
    const refused = await call('POST', WIDGETS, { body: widget('c', { size: 1 }) });
    assert.equal(
      refused.json.message,
      'widgets.example.com "c" is forbidden: create not allowed while custom resource definition is terminating',
    );
    await call('PATCH', `${WIDGETS}/a`, { body: { metadata: { finalizers: null } }, headers: MERGE });
    await until(`${CRDS}/widgets.example.com`, (a) => a.status === 404);
    assert.equal((await call('GET', '/apis/example.com/v1')).status, 404);
  });

  const refused: { name: string; change(crd: ReturnType<typeof definition>): void; want: string }[] = [
    {
      name: 'a name that does not say what it defines',
      change: (c) => {
        c.metadata.name = 'x.y';
      },
      want: 'metadata.name: Invalid value: "x.y": must be spec.names.plural+"."+spec.group',
    },
    {
      name: 'two storage versions',
      change: (c) => {
        c.spec.versions[1]!.storage = true;
      },
      want: 'must have exactly one version marked as storage version',
    },
    {
      name: 'an odd scope',
      change: (c) => {
        c.spec.scope = 'X';
      },
      want: 'spec.scope: Unsupported value: "X": supported values: "Cluster", "Namespaced"',
    },
    {
      name: 'a schema without types',
      change: (c) => {
        c.spec.versions[0]!.schema.openAPIV3Schema = { type: 'object', properties: { spec: {} } } as never;
      },
      want: 'spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields',
    },
  ];
  for (const { name, change, want } of refused) {
    it(`refuses ${name}`, async () => {
      const body = definition();
      change(body);
      const answer = await call('POST', CRDS, { body });
      assert.equal(answer.status, 422);
      assert(answer.json.message.includes(want), answer.json.message);
    });
  }
});
