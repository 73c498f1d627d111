import assert from 'node:assert/strict';
import { parseJsonPath, printJsonPathValue } from './jsonpath.ts';

describe('JSONPath', () => {
  const object = {
    metadata: { labels: { 'a.b/c': 'x' }, name: 'n' },
    spec: {
      replicas: 3,
      list: [1, 2, 3, 4],
      containers: [
        { name: 'a', image: 'i', port: 80 },
        { name: 'b', port: 90 },
      ],
    },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const cases: { path: string; want: unknown[] }[] = [
    { path: '.spec.replicas', want: [3] },
    { path: '.metadata.labels.a\\.b/c', want: ['x'] },
    { path: ".metadata.labels['a\\.b/c']", want: ['x'] },
    { path: '.status.conditions[?(@.type=="Ready")].status', want: ['True'] },
    { path: ".status.conditions[?(@.type!='Ready')].type", want: ['Other'] },
    { path: '.spec.containers[?(@.port>85)].name', want: ['b'] },
    { path: '.spec.containers[?(@.image)].name', want: ['a'] },
    { path: '.spec.containers[*].name', want: ['a', 'b'] },
    { path: '.spec.list[-1]', want: [4] },
    { path: '.spec.list[1:3]', want: [2, 3] },
    { path: '.spec.list[::2]', want: [1, 3] },
    { path: '.spec.list[0,2]', want: [1, 3] },
    { path: '..name', want: ['n', 'a', 'b'] },
    { path: '.spec.nope.deeper', want: [] },
    { path: '$.spec.replicas', want: [3] },
  ];
  for (const { path, want } of cases) it(path, () => assert.deepEqual(parseJsonPath(path).find(object), want));
  for (const path of ['.a[', '.a[x]', '.a[?(@.b', '{'])
    it(`refuses ${path}`, () => assert.throws(() => parseJsonPath(path)));
  it('prints containers as JSON and the rest bare', () => {
    assert.equal(printJsonPathValue({ b: 1, a: ['x'] }), '{"a":["x"],"b":1}');
    assert.equal(printJsonPathValue('x'), 'x');
    assert.equal(printJsonPathValue(true), 'true');
  });
});
