import assert from 'node:assert/strict';
import { applyStrategicMergePatch } from './strategic-merge.ts';
import { deploymentSchema, frozen, noDefinitions } from './testing-schema.ts';

const apply = (from: object, patch: unknown): unknown =>
  applyStrategicMergePatch(frozen(from), frozen(patch), deploymentSchema, noDefinitions);
const containers = (...names: string[]) => names.map((name) => ({ name, image: name }));

describe('strategic merge patch', () => {
  const cases: { name: string; from: object; patch: object; want: object }[] = [
    {
      name: 'merges list items by their key and puts patched ones first among themselves',
      from: { spec: { containers: containers('a', 'b') } },
      patch: {
        spec: {
          containers: [
            { name: 'b', image: 'B' },
            { name: 'c', image: 'c' },
          ],
        },
      },
      want: {
        spec: {
          containers: [
            { name: 'a', image: 'a' },
            { name: 'b', image: 'B' },
            { name: 'c', image: 'c' },
          ],
        },
      },
    },
    {
      name: 'deletes an item',
      from: { spec: { containers: containers('a', 'b') } },
      patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      want: { spec: { containers: containers('b') } },
    },
    {
      name: 'replaces a list',
      from: { spec: { containers: containers('a', 'b') } },
      patch: { spec: { containers: [{ name: 'c', image: 'c' }, { $patch: 'replace' }] } },
      want: { spec: { containers: containers('c') } },
    },
    {
      name: 'replaces a map',
      from: { metadata: { labels: { a: '1' } } },
      patch: { metadata: { labels: { $patch: 'replace', b: '2' } } },
      want: { metadata: { labels: { b: '2' } } },
    },
    {
      name: 'empties a map',
      from: { metadata: { labels: { a: '1' } } },
      patch: { metadata: { labels: { $patch: 'delete' } } },
      want: { metadata: { labels: {} } },
    },
    {
      name: 'deletes a key with null',
      from: { metadata: { labels: { a: '1', b: '2' } } },
      patch: { metadata: { labels: { a: null } } },
      want: { metadata: { labels: { b: '2' } } },
    },
    {
      name: 'orders a list as it is told, with items of the server at their places',
      from: { spec: { containers: containers('x', 'a', 'b') } },
      patch: {
        spec: {
          '$setElementOrder/containers': [{ name: 'b' }, { name: 'n' }, { name: 'a' }],
          containers: [{ name: 'n', image: 'n' }],
        },
      },
      want: { spec: { containers: containers('x', 'b', 'n', 'a') } },
    },
    {
      name: 'merges primitives as a set, new ones first',
      from: { metadata: { finalizers: ['a', 'b'] } },
      patch: { metadata: { finalizers: ['c'] } },
      want: { metadata: { finalizers: ['c', 'a', 'b'] } },
    },
    {
      name: 'deletes primitives',
      from: { metadata: { finalizers: ['a', 'b'] } },
      patch: {
        metadata: {
          '$deleteFromPrimitiveList/finalizers': ['a'],
          '$setElementOrder/finalizers': ['c', 'b'],
          finalizers: ['c'],
        },
      },
      want: { metadata: { finalizers: ['c', 'b'] } },
    },
    {
      name: 'keeps only the named keys of a union',
      from: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      patch: { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      want: { spec: { strategy: { type: 'Recreate' } } },
    },
    {
      name: 'replaces a list without marks',
      from: { spec: { containers: [{ name: 'a', args: ['x'] }] } },
      patch: { spec: { containers: [{ name: 'a', args: ['y', 'z'] }] } },
      want: { spec: { containers: [{ name: 'a', args: ['y', 'z'] }] } },
    },
    {
      name: 'drops directives where there is nothing to merge with',
      from: {},
      patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }], replicas: null } },
      want: { spec: { containers: [] } },
    },
    {
      name: 'takes the first of several keys: ports merge by containerPort alone',
      from: { spec: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'TCP' }] }] } },
      patch: { spec: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'UDP' }] }] } },
      want: { spec: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'UDP' }] }] } },
    },
  ];
  for (const { name, from, patch, want } of cases) it(name, () => assert.deepEqual(apply(from, patch), want));

  const failures: { name: string; from: object; patch: unknown; code: number; message: string }[] = [
    {
      name: 'a list item without its key',
      from: { spec: { containers: containers('a') } },
      patch: { spec: { containers: [{ image: 'x' }] } },
      code: 500,
      message: 'map: map[image:x] does not contain declared merge key: name',
    },
    {
      name: 'an unknown directive',
      from: { metadata: { labels: {} } },
      patch: { metadata: { labels: { $patch: 'foo', only: '1' } } },
      code: 500,
      message: 'unknown patch type: foo in map: map[$patch:foo only:1]',
    },
    {
      name: 'keys beside those retained',
      from: { spec: { strategy: { type: 'a' } } },
      patch: { spec: { strategy: { $retainKeys: ['type'], type: 'b', rollingUpdate: {} } } },
      code: 400,
      message: 'invalid patch format of retainKeys',
    },
    {
      name: 'a list against its own order',
      from: { spec: { containers: containers('a') } },
      patch: { spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'zz' }] } },
      code: 500,
      message: "The order in patch list:\n[map[name:zz]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
    },
  ];
  for (const { name, from, patch, code, message } of failures) {
    it(`refuses ${name}`, () => assert.throws(() => apply(from, patch), { code, message }));
  }
});
