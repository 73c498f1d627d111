import assert from 'node:assert/strict';
import { parseRequestInfo, type RequestInfo } from './request-info.ts';

describe('parseRequestInfo', () => {
  const cases: { method: string; url: string; want: Partial<RequestInfo> }[] = [
    {
      method: 'GET',
      url: '/api/v1/namespaces',
      want: { verb: 'list', apiPrefix: 'api', apiVersion: 'v1', resource: 'namespaces' },
    },
    {
      method: 'GET',
      url: '/api/v1/namespaces/other',
      want: { verb: 'get', namespace: 'other', resource: 'namespaces', name: 'other' },
    },
    {
      method: 'GET',
      url: '/api/v1/namespaces/other/pods',
      want: { verb: 'list', namespace: 'other', resource: 'pods' },
    },
    {
      method: 'GET',
      url: '/api/v1/namespaces/other/pods/foo',
      want: { verb: 'get', namespace: 'other', resource: 'pods', name: 'foo' },
    },
    { method: 'HEAD', url: '/api/v1/namespaces/other/pods/foo', want: { verb: 'get', resource: 'pods', name: 'foo' } },
    { method: 'GET', url: '/api/v1/pods', want: { verb: 'list', resource: 'pods' } },
    { method: 'GET', url: '/api/v1/pods?watch=1', want: { verb: 'watch', resource: 'pods' } },
    { method: 'GET', url: '/api/v1/pods?watch=false', want: { verb: 'list', resource: 'pods' } },
    {
      method: 'GET',
      url: '/api/v1/watch/namespaces/other/pods',
      want: { verb: 'watch', namespace: 'other', resource: 'pods' },
    },
    { method: 'GET', url: '/api/v1/watch/pods', want: { verb: 'watch', resource: 'pods' } },
    {
      method: 'GET',
      url: '/api/v1/proxy/namespaces/other/pods/foo',
      want: { verb: 'proxy', namespace: 'other', resource: 'pods', name: 'foo' },
    },
    {
      method: 'GET',
      url: '/api/v1/namespaces/other/pods/foo/log',
      want: { verb: 'get', resource: 'pods', name: 'foo', subresource: 'log' },
    },
    {
      method: 'PUT',
      url: '/api/v1/namespaces/other/finalize',
      want: { verb: 'update', resource: 'namespaces', name: 'other', subresource: 'finalize' },
    },
    {
      method: 'PUT',
      url: '/api/v1/namespaces/other/status',
      want: { verb: 'update', resource: 'namespaces', name: 'other', subresource: 'status' },
    },
    {
      method: 'POST',
      url: '/api/v1/namespaces/other/pods',
      want: { verb: 'create', namespace: 'other', resource: 'pods' },
    },
    {
      method: 'PATCH',
      url: '/api/v1/namespaces/other/pods/foo',
      want: { verb: 'patch', resource: 'pods', name: 'foo' },
    },
    {
      method: 'DELETE',
      url: '/api/v1/namespaces/other/pods/foo',
      want: { verb: 'delete', resource: 'pods', name: 'foo' },
    },
    {
      method: 'DELETE',
      url: '/api/v1/namespaces/other/pods?labelSelector=a%3Db',
      want: { verb: 'deletecollection', resource: 'pods', labelSelector: 'a=b' },
    },
    {
      method: 'DELETE',
      url: '/api/v1/namespaces/other',
      want: { verb: 'delete', resource: 'namespaces', name: 'other' },
    },
    {
      method: 'GET',
      url: '/apis/apps/v1/namespaces/other/deployments',
      want: { verb: 'list', apiPrefix: 'apis', apiGroup: 'apps', apiVersion: 'v1', resource: 'deployments' },
    },
    {
      method: 'GET',
      url: '/apis/apps/v1/deployments?fieldSelector=metadata.name%3Dd',
      want: { verb: 'list', resource: 'deployments', name: 'd', fieldSelector: 'metadata.name=d' },
    },
    { method: 'GET', url: '/api/v1/nodes/a%2Fb', want: { resource: 'nodes', name: 'a/b' } },
    { method: 'GET', url: '/', want: { isResourceRequest: false, verb: 'get' } },
    { method: 'POST', url: '/version', want: { isResourceRequest: false, verb: 'post' } },
    { method: 'GET', url: '/api', want: { isResourceRequest: false } },
    { method: 'GET', url: '/apis/apps/v1', want: { isResourceRequest: false } },
    { method: 'GET', url: '/other/api/v1/pods', want: { isResourceRequest: false } },
  ];
  for (const { method, url, want } of cases) {
    it(`${method} ${url}`, () => {
      const [path = '', query = ''] = url.split('?');
      const info = parseRequestInfo(method, path, query);
      const picked = Object.fromEntries(Object.keys(want).map((k) => [k, info[k as keyof RequestInfo]]));
      assert.deepEqual(picked, want);
      assert.equal(info.isResourceRequest, want.isResourceRequest ?? true);
    });
  }
});
