import assert from 'node:assert/strict';
import { semanticEqual } from './semantic-equal.ts';

const CASES: readonly [a: unknown, b: unknown, equal: boolean][] = [
  [{ labels: {} }, {}, true],
  [{ args: [] }, { args: null }, true],
  [{ hostNetwork: false }, {}, true],
  [{ replicas: 0 }, {}, false],
  [{ storageClassName: '' }, {}, false],
  [{ emptyDir: {} }, {}, false],
  [{ securityContext: {} }, {}, false],
  [{ resources: {} }, {}, true],
  [{ resources: { limits: { cpu: '1' } } }, { resources: { limits: { cpu: '1000m' } } }, true],
  [{ resources: { limits: { cpu: '1' } } }, { resources: { limits: { cpu: '1001m' } } }, false],
  [{ nodeSelector: { a: '' } }, { nodeSelector: {} }, false],
  [{ labels: { a: '' } }, {}, false],
  [{ labels: { a: '', b: '' } }, { labels: { b: '', a: '' } }, true],
  [{ labels: { a: 'x' } }, { labels: { a: 'x', b: '' } }, false],
  [{ data: { cpu: '1' } }, { data: { cpu: '1000m' } }, false],
  [{ a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 2 }, { b: 1 }] }, false],
  [{ a: 1n }, { a: 1 }, true],
];

describe('semantic equality', () => {
  for (const [a, b, equal] of CASES) {
    const shown = (v: unknown) => JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x));
    it(`${shown(a)} ${equal ? 'equals' : 'differs from'} ${shown(b)}`, () => {
      assert.equal(semanticEqual(a, b), equal);
      assert.equal(semanticEqual(b, a), equal);
    });
  }
});
