/** Metadata on create and update: which errors, at which field, in which words. */
import assert from 'node:assert/strict';
import type { ObjectMeta } from '../meta/object.ts';
import { fieldErrorMessage, Path } from './field-error.ts';
import { nameIsDNSSubdomain } from './names.ts';
import {
  validateDeleteOptions,
  validateObjectMeta,
  validateObjectMetaUpdate,
  validatePatchOptions,
} from './object-meta.ts';

const path = Path.root('metadata');
const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const good: ObjectMeta = {
  name: 'a',
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2024-01-01T00:00:00Z',
};
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };

describe('validateObjectMeta', () => {
  const cases: { name: string; meta: ObjectMeta; namespaced?: boolean; want: string[] }[] = [
    {
      name: 'takes what is right',
      meta: { ...good, labels: { a: 'b' }, finalizers: ['x.io/y'], ownerReferences: [owner] },
      want: [],
    },
    {
      name: 'wants a name',
      meta: { namespace: 'd' },
      want: ['metadata.name: Required value: name or generateName is required'],
    },
    { name: 'wants a namespace', meta: { name: 'a' }, want: ['metadata.namespace: Required value'] },
    {
      name: 'wants none for cluster-wide kinds',
      meta: { name: 'a', namespace: 'd' },
      namespaced: false,
      want: ['metadata.namespace: Forbidden: not allowed on this type'],
    },
    {
      name: 'counts generations from 0',
      meta: { ...good, generation: -1 },
      want: ['metadata.generation: Invalid value: -1: must be greater than or equal to 0'],
    },
    {
      name: 'wants one controller',
      meta: { ...good, ownerReferences: [owner, { ...owner, name: 'q' }] },
      want: [
        `metadata.ownerReferences: Invalid value: ${JSON.stringify([owner, { ...owner, name: 'q' }])}: Only one reference can have Controller set to true. Found "true" in references for Pod/p and Pod/q`,
      ],
    },
    {
      name: 'wants uids of owners',
      meta: { ...good, ownerReferences: [{ ...owner, uid: '' }] },
      want: ['metadata.ownerReferences.uid: Invalid value: "": must not be empty'],
    },
    {
      name: 'wants either orphaning or foreground deletion',
      meta: { ...good, finalizers: ['orphan', 'foregroundDeletion'] },
      want: [
        'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
      ],
    },
    {
      name: 'limits annotations',
      meta: { ...good, annotations: { a: 'x'.repeat(256 * 1024) } },
      want: ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    },
    {
      name: 'checks managers',
      meta: { ...good, managedFields: [{ manager: 'a\nb', operation: 'Update' }] },
      want: ['metadata.managedFields[0].manager: Invalid value: "a\\nb": invalid character U+000A (at position 1)'],
    },
  ];
  for (const { name, meta, namespaced = true, want } of cases) {
    it(name, () =>
      assert.deepEqual(validateObjectMeta(meta, { ...rules, namespaced }, path).map(fieldErrorMessage), want),
    );
  }
});

describe('validateObjectMetaUpdate', () => {
  const cases: { name: string; meta: Partial<ObjectMeta>; old?: Partial<ObjectMeta>; want: string[] }[] = [
    { name: 'takes the same', meta: { deletionTimestamp: undefined as never }, want: [] },
    {
      name: 'wants a resourceVersion',
      meta: { resourceVersion: '' },
      want: ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
    },
    { name: 'keeps the uid', meta: { uid: 'v' }, want: ['metadata.uid: Invalid value: "v": field is immutable'] },
    { name: 'keeps the name', meta: { name: 'b' }, want: ['metadata.name: Invalid value: "b": field is immutable'] },
    {
      name: 'never counts back',
      meta: { generation: 1 },
      old: { generation: 2 },
      want: ['metadata.generation: Invalid value: 1: must not be decremented'],
    },
    {
      name: 'takes no finalizers once being deleted',
      meta: { finalizers: ['b', 'a'], deletionTimestamp: '2024-01-01T00:00:00Z' },
      old: { finalizers: ['a'], deletionTimestamp: '2024-01-01T00:00:00Z' },
      want: [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"b"}',
      ],
    },
  ];
  for (const { name, meta, old, want } of cases) {
    it(name, () =>
      assert.deepEqual(
        validateObjectMetaUpdate({ ...good, ...meta }, { ...good, ...old }, path).map(fieldErrorMessage),
        want,
      ),
    );
  }
});

describe('request options', () => {
  it('of patches and deletes are checked', () => {
    assert.deepEqual(validatePatchOptions({}, { isApply: true }).map(fieldErrorMessage), [
      'fieldManager: Required value: is required for apply patch',
    ]);
    assert.deepEqual(validatePatchOptions({ force: true }, { isApply: false }).map(fieldErrorMessage), [
      'force: Forbidden: may not be specified for non-apply patch',
    ]);
    assert.deepEqual(validateDeleteOptions({ propagationPolicy: 'Now', dryRun: ['x'] }).map(fieldErrorMessage), [
      'propagationPolicy: Unsupported value: "Now": supported values: "Foreground", "Background", "Orphan", "nil"',
      'dryRun: Unsupported value: ["x"]: supported values: "All"',
    ]);
  });
});
