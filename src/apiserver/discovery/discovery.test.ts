import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import { decodeProtobuf } from '../../machinery/codec/protobuf.ts';
import { StatusError } from '../../machinery/errors/status-error.ts';
import { builtinSchemas } from '../../machinery/schema/builtin.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import { ResourceTable } from '../../registry/resources.ts';
import { Discovery } from './discovery.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const CLIENT_GO = `${AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`;

const all = new Discovery(new ResourceTable({ runtimeConfig: 'api/all=true' }), { serverAddress: '10.0.0.1:6443' });

function body(discovery: Discovery, path: string, accept?: string): unknown {
  const response = discovery.respond({ path, accept });
  return response && JSON.parse(response.body.bytes.toString());
}

/** Rows of a custom resource, as the CRD handler makes them. */
const widgets: ResourceRow = {
  group: 'example.com',
  version: 'v1beta1',
  resource: 'widgets',
  singular: 'widget',
  kind: 'Widget',
  listKind: 'WidgetList',
  namespaced: true,
  verbs: ['delete', 'get', 'list', 'watch'],
  shortNames: ['wd'],
  categories: [],
  subresources: [
    { name: 'status', group: 'example.com', version: 'v1beta1', kind: 'Widget', verbs: ['get', 'patch', 'update'] },
  ],
  servedByDefault: true,
  definition: 'com.example.v1beta1.Widget',
  schemas: { definition: (name) => builtinSchemas().definition(name) },
  storage: { group: 'example.com', version: 'v1beta1', kind: 'Widget', prefix: 'example.com/widgets' },
};

describe('discovery', () => {
  it('serves the aggregated document of upstream', function () {
    needs(this, 'facts');
    assert.deepEqual(
      body(all, '/apis', AGGREGATED),
      JSON.parse(readFileSync(new URL('discovery-aggregated-v2.json', FACTS), 'utf8')),
    );
  });

  it('answers what client-go asks for with the aggregated form and its content type', () => {
    const response = all.respond({ path: '/apis/', accept: CLIENT_GO });
    assert.equal(response?.headers['content-type'], AGGREGATED);
    assert.equal(response?.headers.vary, 'Accept');
    assert.deepEqual(
      (body(all, '/api', CLIENT_GO) as { items: { metadata: object; versions: { version: string }[] }[] }).items.map(
        ({ metadata, versions }) => [metadata, versions.map((version) => version.version)],
      ),
      [[{}, ['v1']]],
    );
  });

  it('answers 304 to a client that has the document', () => {
    const first = all.respond({ path: '/apis', accept: AGGREGATED });
    const again = all.respond({ path: '/apis', accept: AGGREGATED, ifNoneMatch: first?.headers.etag });
    assert.deepEqual([again?.status, again?.body.length, again?.headers.etag], [304, 0, first?.headers.etag]);
  });

  it('serves the legacy documents', () => {
    assert.deepEqual(body(all, '/api'), {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '10.0.0.1:6443' }],
    });
    assert.deepEqual(body(all, '/apis/autoscaling'), {
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: 'autoscaling',
      versions: [
        { groupVersion: 'autoscaling/v2', version: 'v2' },
        { groupVersion: 'autoscaling/v1', version: 'v1' },
      ],
      preferredVersion: { groupVersion: 'autoscaling/v2', version: 'v2' },
    });
    const core = body(all, '/api/v1') as { apiVersion?: string; resources: { name: string }[] };
    assert.equal(core.apiVersion, undefined);
    assert.deepEqual(
      core.resources.find(({ name }) => name === 'configmaps'),
      {
        name: 'configmaps',
        singularName: 'configmap',
        namespaced: true,
        kind: 'ConfigMap',
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        shortNames: ['cm'],
        storageVersionHash: 'qFsyl6wFWjQ=',
      },
    );
    assert.deepEqual(
      core.resources.find(({ name }) => name === 'pods/eviction'),
      {
        name: 'pods/eviction',
        singularName: '',
        namespaced: true,
        group: 'policy',
        version: 'v1',
        kind: 'Eviction',
        verbs: ['create'],
      },
    );
  });

  it('serves protobuf to clients that prefer it', () => {
    const accept = 'application/vnd.kubernetes.protobuf,application/json';
    for (const path of ['/api', '/apis', '/apis/apps', '/apis/apps/v1', '/api/v1']) {
      const response = all.respond({ path, accept });
      assert.equal(response?.headers['content-type'], 'application/vnd.kubernetes.protobuf');
      assert.deepEqual(decodeProtobuf(response.body.bytes), { apiVersion: 'v1', ...(body(all, path) as object) }, path);
    }
  });

  it('serves YAML', () => {
    const response = all.respond({ path: '/apis/policy', accept: 'application/yaml' });
    assert.equal(response?.headers['content-type'], 'application/yaml');
    assert.match(response.body.bytes.toString(), /^kind: APIGroup$/m);
  });

  it('knows nothing of other paths', () => {
    const table = new Discovery(new ResourceTable());
    for (const path of ['/apis/nope', '/apis/apps/v9', '/api/v2', '/apis/apps/v1/x', '/apis/storagemigration.k8s.io']) {
      assert.equal(table.respond({ path }), undefined, path);
    }
    assert.throws(
      () => all.respond({ path: '/apis', accept: 'text/html' }),
      (err) => err instanceof StatusError && err.status.code === 406,
    );
  });

  it('follows the table', () => {
    const table = new ResourceTable();
    const discovery = new Discovery(table);
    const before = discovery.respond({ path: '/apis', accept: AGGREGATED })?.headers.etag;
    table.add([widgets]);
    assert.deepEqual((body(discovery, '/apis', AGGREGATED) as { items: object[] }).items.at(-1), {
      metadata: { name: 'example.com' },
      versions: [
        {
          version: 'v1beta1',
          resources: [
            {
              resource: 'widgets',
              responseKind: { group: 'example.com', version: 'v1beta1', kind: 'Widget' },
              scope: 'Namespaced',
              singularResource: 'widget',
              verbs: ['delete', 'get', 'list', 'watch'],
              shortNames: ['wd'],
              subresources: [
                {
                  subresource: 'status',
                  responseKind: { group: 'example.com', version: 'v1beta1', kind: 'Widget' },
                  verbs: ['get', 'patch', 'update'],
                },
              ],
            },
          ],
          freshness: 'Current',
        },
      ],
    });
    table.remove([widgets]);
    assert.equal(discovery.respond({ path: '/apis/example.com' }), undefined);
    assert.equal(discovery.respond({ path: '/apis', accept: AGGREGATED })?.headers.etag, before);
  });

  it('tells the version', () => {
    const version = body(all, '/version') as Record<string, string>;
    assert.deepEqual([version.major, version.minor], ['1', '36']);
    assert.match(version.gitVersion!, /^v1\.36\.\d+\+keelson$/);
  });
});
