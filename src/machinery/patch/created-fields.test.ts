/** Ownership of new objects in one pass is what comparing with the empty object says, for every built-in kind. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalObject } from '../codec/canonical.ts';
import { hasWireMessage } from '../codec/wire-table.ts';
import { builtinSchemas } from '../schema/builtin.ts';
import { valuesOf } from '../schema/testing-values.ts';
import { createdFields } from './created-fields.ts';
import { FieldSet } from './fieldset.ts';
import { stripMeta } from './managed-fields.ts';
import { compareTyped } from './typed.ts';

const source = builtinSchemas();
const KINDS = [
  'io.k8s.api.core.v1.Pod',
  'io.k8s.api.core.v1.ConfigMap',
  'io.k8s.api.core.v1.Service',
  'io.k8s.api.core.v1.Node',
  'io.k8s.api.core.v1.Endpoints',
  'io.k8s.api.apps.v1.Deployment',
  'io.k8s.api.apps.v1.StatefulSet',
  'io.k8s.api.batch.v1.CronJob',
  'io.k8s.api.networking.v1.NetworkPolicy',
  'io.k8s.api.rbac.v1.ClusterRole',
  'io.k8s.api.coordination.v1.Lease',
  'io.k8s.api.discovery.v1.EndpointSlice',
  'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
  'io.k8s.api.resource.v1.ResourceClaim',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
];

describe('createdFields', function () {
  this.timeout(30_000);
  const podOf = (labels: object, names: readonly string[]) => {
    const spec = { containers: names.map((name) => ({ name, image: 'x' })) };
    const name = 'io.k8s.api.core.v1.Pod';
    const ofKind = (value: object) => canonicalObject({ ...value, apiVersion: 'v1', kind: 'Pod' }, name);
    const object = ofKind({ metadata: { name: 'x', labels }, spec });
    const schema = source.definition(name);
    return createdFields({ empty: ofKind({ metadata: {} }), object, schema, source, without: [] });
  };

  it('is one frozen form for objects with the same fields, and others for others', () => {
    const first = podOf({ a: '1', b: '2' }, ['x', 'y']);
    assert.ok(Object.isFrozen(first));
    assert.equal(podOf({ a: '3', b: '4' }, ['x', 'y']), first);
    assert.deepEqual(podOf({ b: '4', a: '3' }, ['y', 'x']), first);
    assert.notDeepEqual(podOf({ a: '1', b: '2' }, ['x', 'z']), first);
    assert.notDeepEqual(podOf({ a: '1' }, ['x', 'y']), first);
    assert.equal(podOf({ a: '1', b: '2' }, ['x', 'x']), 'unknown');
    assert.equal(podOf({ a: '3', b: '4' }, ['x', 'y']), first);
  });

  it('tells the same after more forms than are kept', () => {
    const first = podOf({ a: '1' }, ['x']);
    for (let i = 0; i < 12_000; i++) podOf({ [`label-${i}`]: '' }, ['x']);
    assert.deepEqual(podOf({ a: '2' }, ['x']), first);
  });

  for (const name of KINDS) {
    for (const without of [[], ['status']]) {
      it(`${name}${without.length > 0 ? ' without status' : ''} as by comparison`, () => {
        assert.ok(hasWireMessage(name));
        const schema = source.definition(name);
        const ofKind = (value: object) => canonicalObject({ ...value, apiVersion: 'a/v1', kind: 'K' }, name);
        const empty = ofKind({ metadata: {} });
        let told = 0;
        fc.assert(
          fc.property(valuesOf(schema, source), (value) => {
            const object = ofKind({ metadata: { name: 'x', labels: { a: 'b' } }, ...(value as object) });
            delete (object.metadata as Record<string, unknown>).managedFields;
            const found = createdFields({ empty, object, schema, source, without });
            if (found === 'unknown') return;
            told++;
            const { added, modified } = compareTyped(empty, object, schema, source);
            const reset = FieldSet.ofFields(...without.map((field) => [field]));
            const want = stripMeta(modified.union(added).recursiveDifference(reset));
            assert.equal(JSON.stringify(found ?? {}), JSON.stringify(want.toFieldsV1()));
          }),
          { numRuns: 40 },
        );
        assert.ok(told > 0, 'no object was told of');
      });
    }
  }
});
