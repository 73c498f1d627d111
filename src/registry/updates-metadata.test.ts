/** How often an update says what is wrong with metadata: once for each of upstream's strategies that looks at it. */
import assert from 'node:assert/strict';
import { created, updated } from './strategy-testing.ts';

/** How often upstream says what is wrong with labels (l) and finalizers (f). */
const METADATA: readonly [
  object: { apiVersion: string; kind: string } & Record<string, unknown>,
  door: string,
  said: string,
][] = [
  [{ apiVersion: 'v1', kind: 'ConfigMap' }, '', 'lllflf'],
  [{ apiVersion: 'v1', kind: 'LimitRange' }, '', 'lllf'],
  [{ apiVersion: 'v1', kind: 'Namespace' }, '', 'lllflf'],
  [{ apiVersion: 'v1', kind: 'Namespace' }, 'status', 'lllf'],
  [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' }, '', 'lllflf'],
  [{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }, '', 'lll'],
  [{ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', handler: 'runc' }, '', 'llll'],
  [{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, '', 'll'],
];

describe('metadata of updates', () => {
  for (const [object, door, want] of METADATA) {
    it(`say what is wrong with metadata as often as upstream: ${object.kind} ${door}`, () => {
      const stored = created({ ...object, metadata: { name: 'x' } }).object;
      const metadata = { name: 'x', resourceVersion: '7', labels: { a: '-' }, finalizers: ['bad'] };
      const { problems } = updated({ ...object, metadata }, stored, door || undefined);
      assert.equal(problems.map((p) => p['metadata.'.length]).join(''), want);
    });
  }
});
