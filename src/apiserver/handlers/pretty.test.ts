import assert from 'node:assert/strict';
import fc from 'fast-check';
import { prettyJson } from './output.ts';

describe('prettyJson', () => {
  it('prints as JSON.stringify would', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(prettyJson(Buffer.from(JSON.stringify(value))), JSON.stringify(value, null, 2));
      }),
    );
  });

  it('leaves long numbers as they are', () => {
    assert.equal(prettyJson(Buffer.from('{"n":12345678901234567890}')), '{\n  "n": 12345678901234567890\n}');
  });
});
