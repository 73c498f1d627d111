/** Requests that are put wrongly: what a real API server 1.36 says to each. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const MAP = `${MAPS}/cm`;
const STORED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'].join(', ');
const STREAMS = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';
const noForm = (types: string) => `406: Not Acceptable\n\nAvailable representations: ${types}`;
const onlyThese = (types: string) => `only the following media types are accepted: ${types}`;

const cases: {
  name: string;
  method?: string;
  url: string;
  accept?: string;
  type?: string;
  body?: string;
  status: number;
  message?: string;
  answerType?: string;
}[] = [
  { name: 'a list as HTML', url: MAPS, accept: 'text/html', status: 406, message: noForm(`${STORED}, ${STREAMS}`) },
  { name: 'an object as HTML', url: MAP, accept: 'text/html', status: 406, message: noForm(STORED) },
  { name: 'resources as HTML', url: '/apis/apps/v1', accept: 'text/html', status: 406, message: noForm(STORED) },
  { name: 'groups as HTML', url: '/apis', accept: 'text/html', status: 406, message: onlyThese(STORED) },
  {
    name: 'a table in protobuf',
    url: MAP,
    accept: 'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
    status: 406,
    message: onlyThese(STORED),
    answerType: 'application/json',
  },
  {
    name: 'a table of nothing in YAML',
    url: `${MAPS}/none`,
    accept: 'application/yaml;as=Table;v=v1;g=meta.k8s.io',
    status: 404,
    message: 'configmaps "none" not found',
    answerType: 'application/json',
  },
  {
    name: 'a page after no token',
    url: `${MAPS}?continue=x`,
    status: 400,
    message: 'invalid continue token: continue key is not valid: illegal base64 data at input byte 0',
  },
  {
    name: 'a timeout that is none',
    url: `${MAP}?timeout=x`,
    status: 400,
    message: 'invalid timeout specified in the request URL - time: invalid duration "x"',
  },
  { name: 'a timeout in the past is none', url: `${MAP}?timeout=-1s`, status: 200 },
  {
    name: 'an export',
    url: `${MAP}?export=true`,
    status: 400,
    message: 'the export parameter, deprecated since v1.14, is no longer supported',
  },
  { name: 'no export', url: `${MAP}?export=false`, status: 200 },
  {
    name: 'a map that is too long',
    method: 'POST',
    url: MAPS,
    body: JSON.stringify({ metadata: { name: 'big' }, data: { a: 'x'.repeat(1_100_000) } }),
    status: 422,
    message: 'ConfigMap "big" is invalid: []: Too long: may not be more than 1048576 bytes',
  },
  {
    name: 'a JSON patch that is no JSON',
    method: 'PATCH',
    url: MAP,
    type: 'application/json-patch+json',
    body: '{',
    status: 400,
    message: 'error decoding patch: unexpected end of JSON input',
  },
  {
    name: 'a merge patch that is a list',
    method: 'PATCH',
    url: MAP,
    type: 'application/merge-patch+json',
    body: '[]',
    status: 400,
    message: 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  },
  {
    name: 'a merge patch that is a number',
    method: 'PATCH',
    url: MAP,
    type: 'application/merge-patch+json',
    body: '1',
    status: 400,
    message: 'error decoding patch: json: cannot unmarshal number into Go value of type map[string]interface {}',
  },
  {
    name: 'a merge patch that is nothing',
    method: 'PATCH',
    url: MAP,
    type: 'application/merge-patch+json',
    body: 'null',
    status: 400,
    message: 'Invalid JSON Patch',
  },
  {
    name: 'a strategic patch that is nothing changes nothing',
    method: 'PATCH',
    url: MAP,
    type: 'application/strategic-merge-patch+json',
    body: 'null',
    status: 200,
  },
  {
    name: 'a deletion with another kind',
    method: 'DELETE',
    url: MAP,
    body: '{"kind":"ConfigMap"}',
    status: 400,
    message:
      'no kind "ConfigMap" is registered for version "meta.k8s.io/v1" in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
  },
];

describe('what is asked for wrongly', () => {
  let api: TestApi;
  let call: Call;
  before(async () => {
    api = await startTestApi();
    call = caller(api.transport);
    await call('POST', MAPS, { body: { metadata: { name: 'cm' }, data: { a: '1' } } });
  });
  after(() => api.close());

  for (const { name, method = 'GET', url, accept, type, body, status, message, answerType } of cases) {
    it(name, async () => {
      const answer = await call(method, url, {
        headers: { ...(accept && { accept }), ...(type && { 'content-type': type }) },
        ...(body === undefined ? {} : { body }),
      });
      assert.deepEqual([answer.status, answer.json?.message], [status, message]);
      if (answerType !== undefined) assert.equal(answer.headers['content-type'], answerType);
    });
  }
});
