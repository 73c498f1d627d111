/** Encoding that copies unchanged parts says what encoding everything says. */
import assert from 'node:assert/strict';
import { parseJson } from '../codec/json.ts';
import { encodeShared, keptAs } from './encode-shared.ts';
import type { KubeObject } from './object.ts';
import { encodeForStorage, spliceResourceVersion } from './resource-version.ts';

describe('encodeShared', () => {
  const entry = { manager: 'a', operation: 'Update', fieldsV1: { 'f:spec': {} } };
  const cases: object[] = [
    { kind: 'Pod', apiVersion: 'v1', metadata: {} },
    { kind: 'Pod', apiVersion: 'v1', metadata: { managedFields: [entry] } },
    { kind: 'Pod', apiVersion: 'v1', metadata: { managedFields: [] }, spec: {} },
    {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { labels: { a: 'b' }, name: 'x', uid: 'u', resourceVersion: '5', managedFields: [entry, entry] },
      spec: { a: 2n ** 60n, b: [1, null, 'ü"'] },
      status: undefined,
      data: null,
      immutable: true,
      'odd "key"': 1,
    },
  ];
  for (const object of cases) {
    it(`writes what encodeForStorage writes: ${Object.keys(object).join(' ')}`, () => {
      const want = parseJson(encodeForStorage(object as KubeObject)) as KubeObject;
      if (want.metadata.managedFields?.length === 0) delete want.metadata.managedFields;
      assert.deepEqual(parseJson(encodeShared(object as KubeObject)), want);
      assert.deepEqual(parseJson(encodeShared(object as KubeObject)), want);
    });
  }

  it('copies what an earlier version was encoded from, wherever it lay', () => {
    const spec = { text: 'größer als “A” 😀', list: [1, { a: null }] };
    const of = (name: string, more: object): KubeObject =>
      ({ kind: 'Pod', apiVersion: 'v1', metadata: { name, managedFields: [entry] }, ...more }) as never;
    const text = (object: KubeObject) => encodeShared(object).toString();
    const first = text(of('ä', { spec }));
    assert.equal(first, encodeForStorage(of('ä', { spec })).toString());
    const status = { phase: 'läuft' };
    for (const name of ['a', 'eine längere', 'b']) {
      const object = of(name, { status, spec });
      assert.equal(text(object), encodeForStorage(object).toString());
    }
  });

  it('copies from what is served, once that is kept', () => {
    const spec = { text: 'größer als “A” 😀'.repeat(50), list: [1, { a: null }] };
    const of = (name: string, meta: object, more: object): KubeObject =>
      ({ kind: 'Pod', apiVersion: 'v1', metadata: { name, ...meta }, ...more }) as never;
    const managed = { managedFields: [{ ...entry, fieldsV1: { [`f:${'x'.repeat(600)}`]: {} } }] };
    for (const meta of [{}, { uid: 'u' }, managed, { uid: 'u', ...managed }]) {
      let revision = 9;
      for (const name of ['a', 'ä', 'eine längere', 'b']) {
        const object = of(name, meta, { spec, status: { phase: name } });
        const written = encodeShared(object);
        assert.equal(written.toString(), encodeForStorage(object).toString());
        revision *= 11;
        const served = spliceResourceVersion(written, revision, (length) => Buffer.allocUnsafeSlow(length));
        keptAs(written, served);
        written.fill(0);
      }
    }
  });

  it('writes one form of ownership for many entries', () => {
    const fieldsV1 = { 'f:spec': { 'f:größe': {} } };
    for (const manager of ['a', 'b']) {
      const managedFields = [{ manager, time: undefined, fieldsV1, subresource: 'status' }];
      const object = { kind: 'Pod', apiVersion: 'v1', metadata: { managedFields } } as unknown as KubeObject;
      assert.equal(encodeShared(object).toString(), encodeForStorage(object).toString());
    }
  });
});
