import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import protobuf from 'protobufjs';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import { VirtualClock } from '../../base/clock.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import { ResourceTable } from '../../registry/resources.ts';
import type { DocumentResponse } from '../discovery/document.ts';
import { encodeGnostic } from './gnostic.ts';
import { OpenApi } from './openapi.ts';

type Json = Record<string, unknown>;
const PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const PROTOBUF_V3 = 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf';
const clock = new VirtualClock(Date.UTC(2026, 0, 1));

function parse(response: Pick<DocumentResponse, 'body'> | undefined): Json {
  return JSON.parse(response!.body.bytes.toString()) as Json;
}

const widget: ResourceRow = {
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  singular: 'widget',
  kind: 'Widget',
  listKind: 'WidgetList',
  namespaced: true,
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  shortNames: [],
  categories: [],
  subresources: [],
  servedByDefault: true,
  definition: 'com.example.v1.Widget',
  schemas: {
    definition() {
      throw new Error('not asked for');
    },
  },
  storage: { group: 'example.com', version: 'v1', kind: 'Widget', prefix: 'example.com/widgets' },
};

const widgetSchema = {
  definition: 'com.example.v1.Widget',
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  listKind: 'WidgetList',
  schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['color', 'size'],
        properties: {
          size: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
          color: { type: 'string', default: 'red', nullable: true },
          ports: { type: 'array', items: { type: 'integer', oneOf: [{ minimum: 1 }] } },
        },
      },
    },
  },
};

describe('/openapi', () => {
  const table = new ResourceTable();
  const openApi = new OpenApi(table, clock);
  const urlOf = (name: string): { path: string; query: string } => {
    const { paths } = parse(openApi.respond({ path: '/openapi/v3' })) as { paths: Record<string, Json> };
    const [path, query] = (paths[name]!.serverRelativeURL as string).split('?');
    return { path: path!, query: query! };
  };

  it('serves the documents of the index for ever under their hash', () => {
    const url = urlOf('apis/apps/v1');
    const response = openApi.respond(url)!;
    assert.equal(response.status, 200);
    assert.equal(response.headers['cache-control'], 'public, immutable');
    assert.equal(response.headers.expires, 'Fri, 01 Jan 2027 00:00:00 GMT');
    assert.equal(response.headers.etag, `"${url.query.slice('hash='.length)}"`);
    assert.ok('/apis/apps/v1/namespaces/{namespace}/deployments/{name}' in (parse(response).paths as Json));
    assert.equal(openApi.respond({ ...url, ifNoneMatch: response.headers.etag })?.status, 304);
  });

  it('sends a client with an old hash to the new one', () => {
    const { path, query } = urlOf('api/v1');
    const response = openApi.respond({ path, query: 'hash=OLD' });
    assert.deepEqual([response?.status, response?.headers.location], [301, `${path}?${query}`]);
  });

  it('leaves out what is not served', () => {
    assert.equal(openApi.respond({ path: '/openapi/v3/apis/resource.k8s.io/v1beta1' }), undefined);
    const { definitions } = parse(openApi.respond({ path: '/openapi/v2' })) as { definitions: Json };
    assert.ok('io.k8s.api.resource.v1.ResourceClaim' in definitions);
    assert.ok(!('io.k8s.api.resource.v1beta1.ResourceClaim' in definitions));
  });

  it('refuses what it cannot write', () => {
    for (const path of ['/openapi/v2', '/openapi/v3/api/v1']) {
      const { status, headers, body } = openApi.respond({ path, accept: 'text/html' })!;
      assert.deepEqual({ status, headers, size: body.length }, { status: 406, headers: { vary: 'Accept' }, size: 0 });
    }
  });

  it('shows custom resources as soon as they are in the table', () => {
    const before = urlOf('apis/apps/v1');
    openApi.setSchemas([widgetSchema]);
    table.add([widget]);
    const { components, paths } = parse(openApi.respond(urlOf('apis/example.com/v1'))) as {
      components: { schemas: Record<string, Json> };
      paths: Record<string, Record<string, Json>>;
    };
    const schema = components.schemas['com.example.v1.Widget'] as { properties: Record<string, Json> };
    assert.deepEqual(Object.keys(schema.properties).sort(), ['apiVersion', 'kind', 'metadata', 'spec']);
    assert.deepEqual(schema.properties.spec, widgetSchema.schema.properties.spec);
    assert.ok('com.example.v1.WidgetList' in components.schemas);
    const patch = paths['/apis/example.com/v1/namespaces/{namespace}/widgets/{name}']!.patch!;
    assert.equal(patch.operationId, 'patchExampleComV1NamespacedWidget');
    assert.deepEqual(patch.tags, ['exampleCom_v1']);
    assert.ok(!('application/strategic-merge-patch+json' in (patch.requestBody as { content: Json }).content));

    assert.deepEqual(Object.keys(patch.responses as Json), ['200', '401']);
    assert.deepEqual(Object.keys(paths), [
      '/apis/example.com/v1/namespaces/{namespace}/widgets',
      '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}',
      '/apis/example.com/v1/widgets',
    ]);

    const { definitions } = parse(openApi.respond({ path: '/openapi/v2' })) as { definitions: Record<string, Json> };
    const narrowed = definitions['com.example.v1.Widget'] as { properties: Record<string, Json> };
    assert.deepEqual(narrowed.properties.spec, {
      type: 'object',
      required: ['size'],
      properties: {
        size: { 'x-kubernetes-int-or-string': true },
        color: {},
        ports: { type: 'array', items: { type: 'integer' } },
      },
    });
    assert.deepEqual(urlOf('apis/apps/v1'), before, 'other documents keep their hash');
    table.remove([widget]);
    openApi.removeSchemas([widgetSchema.definition]);
    assert.equal(openApi.respond({ path: '/openapi/v3/apis/example.com/v1' }), undefined);
  });

  it('writes the same document in protobuf', function () {
    needs(this, 'facts');
    const message = documentType();
    const response = openApi.respond({ path: '/openapi/v2', accept: PROTOBUF })!;
    assert.equal(response.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
    const decoded = message.toObject(message.decode(response.body.bytes)) as Record<string, Record<string, Named[]>>;
    const json = parse(openApi.respond({ path: '/openapi/v2' })) as Record<string, Json>;
    const names = (list: Named[] | undefined): string[] => list!.map(({ name }) => name);
    assert.deepEqual(names(decoded.paths!.path), Object.keys(json.paths!));
    assert.deepEqual(names(decoded.definitions!.additionalProperties), Object.keys(json.definitions!));
    assert.deepEqual(names(decoded.parameters!.additionalProperties), Object.keys(json.parameters!));
    // Written again by an independent encoder it has the same length: no field was lost or written twice.
    assert.equal(message.encode(message.decode(response.body.bytes)).finish().length, response.body.length);
  });

  it('writes every sort of field in protobuf', function () {
    needs(this, 'facts');
    const message = documentType();
    const bytes = encodeGnostic(2, {
      paths: {
        '/a': {
          get: {
            parameters: [
              { $ref: '#/parameters/x' },
              { in: 'query', name: 'q', type: 'string', uniqueItems: true },
              { in: 'body', name: 'body', required: true, schema: { $ref: '#/definitions/a' } },
            ],
            responses: { 200: { description: 'OK', schema: { type: 'string' } } },
            'x-kubernetes-action': 'get',
          },
        },
      },
      definitions: {
        a: {
          type: 'object',
          properties: {
            l: { type: 'array', items: { type: 'string' } },
            m: { additionalProperties: { type: 'integer' } },
          },
          maxLength: 2 ** 40,
          maximum: 1.5,
          exclusiveMaximum: true,
          default: { a: [1] },
        },
      },
      security: [{ BearerToken: [] }],
    });
    assert.deepEqual(JSON.parse(JSON.stringify(message.toObject(message.decode(bytes), { longs: Number }))), {
      paths: {
        path: [
          {
            name: '/a',
            value: {
              get: {
                parameters: [
                  { jsonReference: { _ref: '#/parameters/x' } },
                  {
                    parameter: {
                      nonBodyParameter: {
                        queryParameterSubSchema: { in: 'query', name: 'q', type: 'string', uniqueItems: true },
                      },
                    },
                  },
                  {
                    parameter: {
                      bodyParameter: { in: 'body', name: 'body', required: true, schema: { _ref: '#/definitions/a' } },
                    },
                  },
                ],
                responses: {
                  responseCode: [
                    {
                      name: '200',
                      value: { response: { description: 'OK', schema: { schema: { type: { value: ['string'] } } } } },
                    },
                  ],
                },
                vendorExtension: [{ name: 'x-kubernetes-action', value: { yaml: '"get"\n' } }],
              },
            },
          },
        ],
      },
      definitions: {
        additionalProperties: [
          {
            name: 'a',
            value: {
              type: { value: ['object'] },
              properties: {
                additionalProperties: [
                  {
                    name: 'l',
                    value: { type: { value: ['array'] }, items: { schema: [{ type: { value: ['string'] } }] } },
                  },
                  { name: 'm', value: { additionalProperties: { schema: { type: { value: ['integer'] } } } } },
                ],
              },
              maxLength: 2 ** 40,
              maximum: 1.5,
              exclusiveMaximum: true,
              default: { yaml: '{"a":[1]}\n' },
            },
          },
        ],
      },
      security: [{ additionalProperties: [{ name: 'BearerToken', value: {} }] }],
    });
  });
});

describe('/openapi/v3 in protobuf', () => {
  const openApi = new OpenApi(new ResourceTable(), clock);
  const message = documentTypeV3();
  const decode = (bytes: Buffer): Json =>
    JSON.parse(JSON.stringify(message.toObject(message.decode(bytes), { longs: Number }))) as Json;

  it('is the same document', () => {
    const path = '/openapi/v3/apis/apps/v1';
    const response = openApi.respond({ path, accept: `application/json;q=0.5, ${PROTOBUF_V3}` })!;
    const json = openApi.respond({ path })!;
    assert.deepEqual(
      [response.status, response.headers],
      [200, { ...json.headers, 'content-type': PROTOBUF_V3.replace('@', '.') }],
    );
    const decoded = decode(response.body.bytes) as Record<string, Record<string, unknown>>;
    const document = parse(json) as Record<string, Record<string, Json>>;
    const names = (list: unknown): string[] => (list as Named[]).map(({ name }) => name);
    assert.deepEqual(names(decoded.paths!.path), Object.keys(document.paths!));
    const { schemas } = decoded.components as { schemas: { additionalProperties: unknown } };
    assert.deepEqual(names(schemas.additionalProperties), Object.keys(document.components!.schemas!));
    assert.equal(message.encode(message.decode(response.body.bytes)).finish().length, response.body.length);
  });

  it('has every sort of field', () => {
    const bytes = encodeGnostic(3, {
      openapi: '3.0.0',
      paths: {
        '/a': {
          post: {
            parameters: [{ in: 'query', name: 'q', schema: { type: 'string', uniqueItems: true } }],
            requestBody: { content: { '*/*': { schema: { $ref: '#/a' } } } },
            responses: { 200: { description: 'OK', content: { 'application/json': { schema: { type: 'string' } } } } },
            'x-kubernetes-action': 'post',
          },
        },
      },
      components: {
        schemas: {
          a: {
            properties: {
              l: { type: 'array', items: { type: 'string', default: '' } },
              m: { additionalProperties: { type: 'integer', default: 0 } },
              r: { allOf: [{ $ref: '#/a' }], default: {} },
            },
            enum: ['x'],
          },
        },
        securitySchemes: { BearerToken: { type: 'apiKey', in: 'header' } },
      },
    });
    const schema = (value: Json) => ({ schema: value });
    assert.deepEqual(decode(bytes), {
      openapi: '3.0.0',
      paths: {
        path: [
          {
            name: '/a',
            value: {
              post: {
                parameters: [
                  { parameter: { in: 'query', name: 'q', schema: schema({ type: 'string', uniqueItems: true }) } },
                ],
                requestBody: {
                  requestBody: {
                    content: {
                      additionalProperties: [{ name: '*/*', value: { schema: { reference: { _ref: '#/a' } } } }],
                    },
                  },
                },
                responses: {
                  responseOrReference: [
                    {
                      name: '200',
                      value: {
                        response: {
                          description: 'OK',
                          content: {
                            additionalProperties: [
                              { name: 'application/json', value: { schema: schema({ type: 'string' }) } },
                            ],
                          },
                        },
                      },
                    },
                  ],
                },
                specificationExtension: [{ name: 'x-kubernetes-action', value: { yaml: '"post"\n' } }],
              },
            },
          },
        ],
      },
      components: {
        schemas: {
          additionalProperties: [
            {
              name: 'a',
              value: schema({
                properties: {
                  additionalProperties: [
                    {
                      name: 'l',
                      value: schema({
                        type: 'array',
                        items: { schemaOrReference: [schema({ type: 'string', default: { string: '' } })] },
                      }),
                    },
                    {
                      name: 'm',
                      value: schema({
                        additionalProperties: {
                          schemaOrReference: schema({ type: 'integer', default: { number: 0 } }),
                        },
                      }),
                    },
                    { name: 'r', value: schema({ allOf: [{ reference: { _ref: '#/a' } }], default: {} }) },
                  ],
                },
                enum: [{ yaml: '"x"\n' }],
              }),
            },
          ],
        },
        securitySchemes: {
          additionalProperties: [{ name: 'BearerToken', value: { securityScheme: { type: 'apiKey', in: 'header' } } }],
        },
      },
    });
  });
});

interface Named {
  name: string;
}

function documentType(): protobuf.Type {
  const descriptor = JSON.parse(
    readFileSync(new URL('openapi-v2-protobuf.json', FACTS), 'utf8'),
  ) as protobuf.INamespace;
  const any = { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } };
  const google = { nested: { protobuf: { nested: { Any: any } } } };
  return protobuf.Root.fromJSON({ nested: { ...descriptor.nested, google } }).lookupType('openapi.v2.Document');
}

/** From the table that the documents are written by: what it decodes shows what is written, not that the numbers are upstream's. */
function documentTypeV3(): protobuf.Type {
  const path = fileURLToPath(import.meta.resolve('#openapi/gnostic-v3.json'));
  const messages = JSON.parse(readFileSync(path, 'utf8')) as Record<
    string,
    Record<string, { number: number; type: string; repeated: boolean }>
  >;
  const nested = Object.fromEntries(
    Object.entries(messages).map(([name, fields]) => [
      name,
      {
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, { number, type, repeated }]) => [
            field,
            { id: number, type, ...(repeated && { rule: 'repeated' }) },
          ]),
        ),
        // Presence counts where one of several is set.
        ...(name === 'DefaultType' && { oneofs: { oneof: { oneof: Object.keys(fields) } } }),
      },
    ]),
  );
  return protobuf.Root.fromJSON({ nested }).lookupType('Document');
}
