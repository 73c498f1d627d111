/** What is asked of field sets without making a new one is what the new one would say. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FieldSet } from './fieldset.ts';

const sets = fc
  .array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }), { maxLength: 5 })
  .map((paths) => FieldSet.ofFields(...paths));

describe('FieldSet', () => {
  it('meets another where the two have a member in common', () => {
    fc.assert(fc.property(sets, sets, (a, b) => assert.equal(a.meets(b), !a.intersection(b).isEmpty())));
  });
});
