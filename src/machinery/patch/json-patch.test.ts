import assert from 'node:assert/strict';
import fc from 'fast-check';
import { StatusError } from '../errors/status-error.ts';
import { applyJsonPatch, MAX_JSON_PATCH_OPERATIONS } from './json-patch.ts';
import { applyMergePatch, createMergePatch } from './merge-patch.ts';
import { frozen } from './testing-schema.ts';

describe('JSON patch', () => {
  const doc = frozen({ a: { b: [1, 2, 3], 'x/y~z': 1 }, c: 'd' });
  const cases: { name: string; patch: unknown[]; want: unknown }[] = [
    {
      name: 'adds a key',
      patch: [{ op: 'add', path: '/a/n', value: {} }],
      want: { a: { b: [1, 2, 3], 'x/y~z': 1, n: {} }, c: 'd' },
    },
    {
      name: 'appends with -',
      patch: [{ op: 'add', path: '/a/b/-', value: 4 }],
      want: { a: { b: [1, 2, 3, 4], 'x/y~z': 1 }, c: 'd' },
    },
    {
      name: 'inserts before an index',
      patch: [{ op: 'add', path: '/a/b/0', value: 0 }],
      want: { a: { b: [0, 1, 2, 3], 'x/y~z': 1 }, c: 'd' },
    },
    {
      name: 'counts a negative index from the end',
      patch: [{ op: 'remove', path: '/a/b/-1' }],
      want: { a: { b: [1, 2], 'x/y~z': 1 }, c: 'd' },
    },
    {
      name: 'unescapes ~1 and ~0',
      patch: [{ op: 'remove', path: '/a/x~1y~0z' }],
      want: { a: { b: [1, 2, 3] }, c: 'd' },
    },
    { name: 'takes a missing key for null in test', patch: [{ op: 'test', path: '/nope', value: null }], want: doc },
    {
      name: 'replaces a key that does not exist',
      patch: [{ op: 'replace', path: '/e', value: 1 }],
      want: { ...doc, e: 1 },
    },
    {
      name: 'moves',
      patch: [{ op: 'move', from: '/c', path: '/a/c' }],
      want: { a: { b: [1, 2, 3], 'x/y~z': 1, c: 'd' } },
    },
    {
      name: 'keeps copies apart',
      patch: [
        { op: 'add', path: '/l', value: [1] },
        { op: 'copy', from: '/l', path: '/m' },
        { op: 'add', path: '/m/-', value: 2 },
      ],
      want: { ...doc, l: [1], m: [1, 2] },
    },
  ];
  for (const { name, patch, want } of cases) it(name, () => assert.deepEqual(applyJsonPatch(doc, frozen(patch)), want));

  const failures: { name: string; patch: unknown; code: number; why: string }[] = [
    {
      name: 'a failed test',
      patch: [{ op: 'test', path: '/c', value: 'e' }],
      code: 422,
      why: 'testing value /c failed: test failed',
    },
    {
      name: 'removal of what is not there',
      patch: [{ op: 'remove', path: '/e' }],
      code: 422,
      why: "error in remove for path: '/e': Unable to remove nonexistent key: e: missing value",
    },
    {
      name: 'a path through nothing',
      patch: [{ op: 'add', path: '/e/f', value: 1 }],
      code: 422,
      why: 'add operation does not apply: doc is missing path: "/e/f": missing value',
    },
    {
      name: 'an index out of range',
      patch: [{ op: 'add', path: '/a/b/9', value: 1 }],
      code: 422,
      why: "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced",
    },
    { name: 'an unknown operation', patch: [{ op: 'frob', path: '/c' }], code: 422, why: 'Unexpected kind: frob' },
  ];
  for (const { name, patch, code, why } of failures) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => applyJsonPatch(doc, patch),
        (err) => {
          assert(err instanceof StatusError);
          assert.equal(err.code, code);
          assert.equal(err.reason, 'Invalid');
          assert.equal(err.message, 'the server rejected our request due to an error in our request');
          assert.equal((err.cause as Error).message, why);
          return true;
        },
      );
    });
  }
  it('refuses what is no list of operations with 400 and too many of them with 413', () => {
    assert.throws(() => applyJsonPatch(doc, {}), {
      code: 400,
      message: 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    });
    const many = Array.from({ length: MAX_JSON_PATCH_OPERATIONS + 1 }, () => ({ op: 'test', path: '/c', value: 'd' }));
    assert.throws(() => applyJsonPatch(doc, many), {
      code: 413,
      message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    });
  });
});

describe('merge patch', () => {
  const cases = [
    { from: { a: 'b' }, patch: { a: 'c' }, want: { a: 'c' } },
    { from: { a: 'b' }, patch: { a: null }, want: {} },
    { from: { a: ['b'] }, patch: { a: 'c' }, want: { a: 'c' } },
    { from: { a: { b: 'c' } }, patch: { a: { b: 'd', c: null } }, want: { a: { b: 'd' } } },
    { from: {}, patch: { a: { bb: { ccc: null } } }, want: { a: { bb: {} } } },
    { from: { e: null }, patch: { a: 1 }, want: { e: null, a: 1 } },
  ];
  for (const { from, patch, want } of cases) {
    it(`${JSON.stringify(from)} with ${JSON.stringify(patch)}`, () =>
      assert.deepEqual(applyMergePatch(frozen(from), frozen(patch)), want));
  }
  it('refuses a scalar', () =>
    assert.throws(() => applyMergePatch({}, 'x'), { code: 400, message: 'Invalid JSON Patch' }));
  it('leads from any object to any other', () => {
    const json = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', '__proto__'),
      fc.oneof(
        fc.integer(),
        fc.array(fc.integer()),
        fc.dictionary(fc.constantFrom('x', 'y'), fc.integer(), { noNullPrototype: true }),
      ),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(json, json, (a, b) => assert.deepEqual(applyMergePatch(frozen(a), createMergePatch(a, b)), b)),
    );
  });
});
