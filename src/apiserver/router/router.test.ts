import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import { StatusError } from '../../machinery/errors/status-error.ts';
import { ResourceTable } from '../../registry/resources.ts';
import { type RouteMatch, Router } from './router.ts';

/** A match with its row and subresource by name. */
function brief(match: RouteMatch | undefined): object | undefined {
  if (match === undefined) return undefined;
  const { operation, ...parameters } = match;
  const { operationId, action, row, subresource } = operation;
  const all = { operationId, action, row: row?.resource, subresource: subresource?.name, ...parameters };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

describe('router', () => {
  const table = new ResourceTable({ runtimeConfig: 'api/all=true' });
  const router = new Router(table);

  it('claims every operation of the document', function () {
    needs(this, 'facts');
    const facts = JSON.parse(readFileSync(new URL('openapi-operations.json', FACTS), 'utf8')) as Record<
      string,
      Record<string, { operationId: string; action?: string }>
    >;
    let claimed = 0;
    for (const [template, methods] of Object.entries(facts)) {
      for (const [method, { operationId, action }] of Object.entries(methods)) {
        const match = router.match(method, template.replace(/\{(\w+)\}/g, 'the-$1'));
        assert.deepEqual(
          [match?.operation.operationId, match?.operation.action],
          [operationId, action],
          `${method} ${template}`,
        );
        if (template.includes('{namespace}')) assert.equal(match?.namespace, 'the-namespace');
        if (template.includes('{name}')) assert.equal(match?.name, 'the-name');
        claimed++;
      }
    }
    assert.equal(claimed, 1123);
  });

  const cases: { path: string; method?: string; want: object | undefined }[] = [
    {
      path: '/api/v1/namespaces/default/pods/a%2Fb',
      want: { operationId: 'readCoreV1NamespacedPod', action: 'get', namespace: 'default', name: 'a/b', row: 'pods' },
    },
    {
      path: '/api/v1/namespaces/default/pods/',
      want: { operationId: 'listCoreV1NamespacedPod', action: 'list', namespace: 'default', row: 'pods' },
    },
    {
      path: '/api/v1/namespaces/status',
      want: { operationId: 'readCoreV1Namespace', action: 'get', name: 'status', row: 'namespaces' },
    },
    {
      path: '/api/v1/namespaces/x/finalize',
      method: 'PUT',
      want: {
        operationId: 'replaceCoreV1NamespaceFinalize',
        action: 'put',
        name: 'x',
        row: 'namespaces',
        subresource: 'finalize',
      },
    },
    {
      path: '/api/v1/nodes/n/proxy/a//b%20c/',
      want: {
        operationId: 'connectCoreV1GetNodeProxyWithPath',
        action: 'connect',
        name: 'n',
        subpath: 'a//b%20c/',
        row: 'nodes',
        subresource: 'proxy',
      },
    },
    {
      path: '/api/v1/nodes/n/proxy/',
      want: {
        operationId: 'connectCoreV1GetNodeProxy',
        action: 'connect',
        name: 'n',
        row: 'nodes',
        subresource: 'proxy',
      },
    },
    { path: '/logs', want: { operationId: 'logFileListHandler' } },
    { path: '/logs/a/b', want: { operationId: 'logFileHandler', subpath: 'a/b' } },
    { path: '/version', want: { operationId: 'getCodeVersion' } },
    { path: '/api/v1//pods', want: undefined },
    { path: '/api/v1/nope', want: undefined },
    { path: '/', want: undefined },
  ];
  for (const { path, method = 'GET', want } of cases) {
    it(`routes ${method} ${path}`, () => assert.deepEqual(brief(router.match(method, path)), want));
  }

  it('tells a path that lacks the method from one that does not exist', () => {
    assert.equal(router.match('PUT', '/api/v1/pods'), undefined);
    assert.deepEqual(router.methods('/api/v1/pods'), ['get']);
    assert.equal(router.methods('/api/v1/nope'), undefined);
  });

  it('refuses broken escapes', () => {
    assert.throws(
      () => router.match('GET', '/api/v1/nodes/%zz'),
      (err) => err instanceof StatusError && err.status.code === 400,
    );
  });

  it('takes any name apart again', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        const match = router.match('GET', `/api/v1/nodes/${encodeURIComponent(name)}`);
        assert.equal(match?.name, name);
      }),
    );
  });

  it('follows the table', () => {
    const own = new ResourceTable();
    const follower = new Router(own);
    const list = () => follower.match('GET', '/apis/example.com/v1/things')?.operation.operationId;
    assert.equal(list(), undefined);
    const things = { ...own.get('', 'v1', 'nodes')!, group: 'example.com', kind: 'ClusterThing', resource: 'things' };
    own.add([things]);
    assert.equal(follower.match('GET', '/apis/example.com/v1/things/x')?.operation.row, things);
    assert.equal(follower.match('GET', '/apis/example.com')?.operation.operationId, 'getExampleComAPIGroup');
    assert.equal(list(), 'listExampleComV1ClusterThing');
    const renamed = { ...things, shortNames: ['th'] };
    own.add([renamed]);
    assert.equal(follower.match('GET', '/apis/example.com/v1/things/x')?.operation.row, renamed);
    own.remove([things]);
    assert.equal(follower.methods('/apis/example.com/v1/things'), undefined);
    assert.equal(follower.match('GET', '/apis/example.com'), undefined);
    assert.ok(follower.match('GET', '/api/v1/nodes/x'));
  });
});
