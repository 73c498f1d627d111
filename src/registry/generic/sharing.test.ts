/**
 * What lets updates share with the stored object: kinds that say so never assign to what is not theirs. The objects are generated
 * from the schema, so that every field of every such kind is met, and everything that is shared is frozen.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalObject } from '../../machinery/codec/canonical.ts';
import { cloneJson } from '../../machinery/meta/clone.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { valuesOf } from '../../machinery/schema/testing-values.ts';
import type { ResourceRow } from '../resource.ts';
import { builtinRows } from '../resources.ts';
import { strategyFor } from '../strategies.ts';
import { contextFor } from '../strategy-testing.ts';
import { ownParts, settleParts, shareEqual } from './sharing.ts';

const SHARING = builtinRows().filter((row) => strategyFor(row).sharesUnchanged === true);
function objectsOf(row: ResourceRow): fc.Arbitrary<KubeObject> {
  const apiVersion = row.group === '' ? row.version : `${row.group}/${row.version}`;
  return valuesOf(row.schemas.definition(row.definition), row.schemas).map((value) => {
    const object = { ...(value as object), apiVersion, kind: row.kind } as unknown as KubeObject;
    object.metadata = { ...object.metadata, name: 'x', uid: 'uid' };
    if (row.namespaced) object.metadata.namespace = 'default';
    const settled = canonicalObject(object, row.definition) as unknown as KubeObject;
    strategyFor(row).default?.(settled);
    return settled;
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}

/** As a patch that touches nothing leaves it. */
function sharing(stored: KubeObject): KubeObject {
  const object = { ...stored };
  ownParts(object, stored);
  return object;
}

describe('kinds whose updates share with the stored object', function () {
  this.timeout(60_000);

  it('are there', () => assert.ok(SHARING.length > 0));

  for (const row of SHARING) {
    const strategy = strategyFor(row);
    const doors = { '': strategy, ...strategy.subresources };
    const name = `${row.group}/${row.version} ${row.kind}`;

    it(`${name}: defaults of a stored object fill nothing`, () => {
      fc.assert(
        fc.property(objectsOf(row), (stored) => {
          const before = cloneJson(stored);
          const object = sharing(deepFreeze(stored));
          strategy.default?.(object);
          assert.deepEqual(object, before);
        }),
        { numRuns: 60 },
      );
    });

    it(`${name}: canonical form keeps what it knows, and is the same without`, () => {
      fc.assert(
        fc.property(objectsOf(row), (stored) => {
          const known = canonicalObject(deepFreeze({ ...stored }), row.definition, stored);
          assert.deepEqual(known, canonicalObject(stored, row.definition));
          assert.equal(known.spec, (stored as unknown as Record<string, unknown>).spec);
        }),
        { numRuns: 20 },
      );
    });

    for (const [door, update] of Object.entries(doors)) {
      it(`${name}${door && `/${door}`}: hooks leave the stored object as it is`, () => {
        fc.assert(
          fc.property(objectsOf(row), objectsOf(row), (stored, other) => {
            deepFreeze(stored);
            // Part of it is the stored object's, part was sent.
            const object = { ...other } as unknown as Record<string, unknown>;
            if (stored.metadata.name === other.metadata.name) object.spec = (stored as { spec?: unknown }).spec;
            if (object.spec === undefined) delete object.spec;
            const next = object as unknown as KubeObject;
            shareEqual(next, stored);
            ownParts(next, stored);
            strategy.default?.(next);
            update.prepareForUpdate?.(next, stored, contextFor(row));
            update.validateUpdate?.(next, stored, contextFor(row));
            strategy.canonicalize?.(next);
          }),
          { numRuns: 60 },
        );
      });
    }
  }
});

describe('sharing with the stored object', () => {
  const stored = deepFreeze({
    kind: 'Pod',
    metadata: { name: 'a', labels: { a: 'b' } },
    spec: { containers: [{ name: 'x', ports: [{ containerPort: 80 }] }, { name: 'y' }], nodeName: 'n' },
    status: { phase: 'Running' },
  }) as unknown as KubeObject & { spec: { containers: object[] }; status: object };

  it('takes equal subtrees from it, and nothing else', () => {
    const next = cloneJson(stored);
    (next.spec as Record<string, unknown>).nodeName = 'm';
    assert.equal(shareEqual(next, stored), false);
    assert.notEqual(next.spec, stored.spec);
    assert.equal(next.spec.containers, stored.spec.containers);
    assert.equal(next.status, stored.status);
  });

  it('takes no subtree whose keys stand in another order: bytes are made of it', () => {
    const next = { ...cloneJson(stored), spec: { nodeName: 'n', containers: cloneJson(stored.spec.containers) } };
    assert.equal(shareEqual(next, stored), false);
    assert.deepEqual(Object.keys(next.spec), ['nodeName', 'containers']);
  });

  it('tells absent from null, lists from objects, longer from shorter', () => {
    for (const [a, b] of [
      [{ a: null }, {}],
      [{}, { a: null }],
      [[], {}],
      [{}, []],
      [[1, 2], [1]],
      [[1], [1, 2]],
      [{ a: undefined }, { a: 1 }],
      [1n, 1],
    ])
      assert.equal(shareEqual(a, b), false);
  });

  it('takes back a member that somebody made anew as it was, order of keys included', () => {
    const stored = deepFreeze({ metadata: {}, spec: { list: [{ a: 1, b: { c: 2 } }], n: 1 } }) as unknown as KubeObject;
    const spec = (object: KubeObject) => (object as unknown as { spec: Record<string, unknown> }).spec;
    const settled = (list: unknown): KubeObject => {
      const object = { metadata: {}, spec: { list, n: 1 } } as unknown as KubeObject;
      settleParts(object, stored);
      return object;
    };
    assert.equal(spec(settled([{ a: 1, b: { c: 2 } }])), spec(stored));
    for (const list of [[{ b: { c: 2 }, a: 1 }], [{ a: 1, b: { c: 3 } }], [{ a: 1 }], [], null, { 0: 1 }]) {
      const object = settled(list);
      assert.notEqual(spec(object), spec(stored));
      assert.equal(spec(object).list, list);
    }
  });

  it('gives hooks parts of their own and takes them back when they stayed as they were', () => {
    const next = { ...stored };
    ownParts(next, stored);
    assert.notEqual(next.spec, stored.spec);
    assert.equal(next.spec.containers, stored.spec.containers);
    settleParts(next, stored);
    assert.equal(next.spec, stored.spec);
    const changed = { ...stored, status: { ...stored.status } };
    (changed.status as Record<string, unknown>).reason = 'x';
    settleParts(changed, stored);
    assert.notEqual(changed.status, stored.status);
  });
});
