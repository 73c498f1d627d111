import assert from 'node:assert/strict';
import fc from 'fast-check';
import { statusErrorOf } from '../../machinery/errors/status-error.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';

const PREFIX = '/registry/pods/';
const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('continue tokens', () => {
  it('are upstream’s', () => {
    assert.equal(
      Buffer.from(encodeContinue(`${PREFIX}ns/a\0`, PREFIX, 7), 'base64url').toString(),
      '{"v":"meta.k8s.io/v1","rv":7,"start":"ns/a\\u0000"}',
    );
  });

  it('come back as they went', () => {
    const segment = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/);
    fc.assert(
      fc.property(segment, segment, fc.integer({ min: 1 }), (namespace, name, revision) => {
        const start = `${PREFIX}${namespace}/${name}\0`;
        assert.deepEqual(decodeContinue(encodeContinue(start, PREFIX, revision), PREFIX), { start, revision });
      }),
    );
  });

  const cases: { name: string; token: string; want: string }[] = [
    { name: 'no JSON', token: 'abc', want: "invalid character 'i' looking for beginning of value" },
    {
      name: 'another version',
      token: token({ v: 'v2', rv: 1, start: 'a' }),
      want: 'server does not recognize this encoded version v2',
    },
    {
      name: 'no revision',
      token: token({ v: 'meta.k8s.io/v1', start: 'a' }),
      want: 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    },
    {
      name: 'no start',
      token: token({ v: 'meta.k8s.io/v1', rv: 1 }),
      want: 'encoded start key empty (version meta.k8s.io/v1)',
    },
    { name: 'a way out', token: token({ v: 'meta.k8s.io/v1', rv: 1, start: '../secrets/a' }), want: '../secrets/a' },
  ];
  for (const c of cases) {
    it(`refuse ${c.name}`, () => {
      assert.throws(
        () => decodeContinue(c.token, PREFIX),
        (err) => {
          assert.equal(
            statusErrorOf(err)?.status.message,
            `invalid continue token: continue key is not valid: ${c.want}`,
          );
          return true;
        },
      );
    });
  }
});
