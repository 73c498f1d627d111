import assert from 'node:assert/strict';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import type { Identity } from './graph.ts';
import { blockingDependents, DependencyGraph } from './graph.ts';

function open() {
  const said: string[] = [];
  const graph = new DependencyGraph({
    attemptToDelete: (uid) => said.push(`delete ${uid}`),
    attemptToDeleteLater: (uid) => said.push(`later ${uid}`),
    attemptToOrphan: (uid) => said.push(`orphan ${uid}`),
    absent: (i) => said.push(`absent ${i.kind}/${i.name}`),
    invalidNamespace: (n, o) => said.push(`invalid ${n.identity.uid}->${o.uid}`),
  });
  return { graph, take: () => said.splice(0) };
}
const id = (uid: string, namespace = 'ns', kind = 'K'): Identity => ({
  apiVersion: 'v1',
  kind,
  name: uid,
  uid,
  namespace,
});
const ref = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'K',
  name: uid,
  uid,
  ...more,
});
const object = (uid: string, owners: OwnerReference[] = [], more: object = {}): KubeObject => ({
  metadata: { name: uid, namespace: 'ns', uid, ownerReferences: owners, ...more },
});

describe('dependency graph', () => {
  it('looks at dependents when their owner goes', () => {
    const { graph, take } = open();
    graph.upsert(object('owner'), undefined, id('owner'));
    graph.upsert(object('dep', [ref('owner')]), undefined, id('dep'));
    assert.deepEqual(take(), []);
    graph.remove(id('owner'));
    assert.deepEqual(take(), ['absent K/owner', 'delete dep']);
  });

  it('looks for an owner nobody has seen, and forgets it when it does not exist', () => {
    const { graph, take } = open();
    graph.upsert(object('dep', [ref('ghost')]), undefined, id('dep'));
    assert.deepEqual(take(), ['delete ghost']);
    assert.equal(graph.get('ghost')?.virtual, true);
    graph.removeVirtually(id('ghost'));
    assert.deepEqual(take(), ['absent K/ghost', 'delete dep']);
    assert.equal(graph.get('ghost'), undefined);
  });

  it('makes a virtual owner real when it is seen', () => {
    const { graph, take } = open();
    graph.upsert(object('dep', [ref('owner')]), undefined, id('dep'));
    graph.upsert(object('owner'), undefined, id('owner'));
    take();
    assert.equal(graph.get('owner')?.virtual, false);
    assert.equal(graph.get('owner')?.dependents.size, 1);
  });

  it('looks at dependents first when the owner is deleted in the foreground', () => {
    const { graph, take } = open();
    graph.upsert(object('owner'), undefined, id('owner'));
    graph.upsert(object('dep', [ref('owner', { blockOwnerDeletion: true })]), undefined, id('dep'));
    const deleted = object('owner', [], { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] });
    graph.upsert(deleted, object('owner'), id('owner'));
    assert.deepEqual(take(), ['delete dep', 'delete owner']);
    assert.deepEqual(
      blockingDependents(graph.get('owner')!).map((n) => n.identity.uid),
      ['dep'],
    );
    graph.remove(id('dep'));
    assert.deepEqual(take(), ['delete owner']);
  });

  it('orphans once, when deletion with the finalizer begins', () => {
    const { graph, take } = open();
    const deleted = object('owner', [], { deletionTimestamp: 't', finalizers: ['orphan'] });
    graph.upsert(object('owner'), undefined, id('owner'));
    graph.upsert(deleted, object('owner'), id('owner'));
    graph.upsert(deleted, deleted, id('owner'));
    assert.deepEqual(take(), ['orphan owner']);
  });

  it('reports an owner of another namespace and looks at the dependent', () => {
    const { graph, take } = open();
    graph.upsert(object('owner'), undefined, id('owner', 'other'));
    graph.upsert(object('dep', [ref('owner')]), undefined, id('dep'));
    assert.deepEqual(take(), ['invalid dep->owner', 'delete dep']);
  });
});
