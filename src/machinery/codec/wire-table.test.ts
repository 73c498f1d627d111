/** The wire tables against the facts: every message and field that upstream's .proto files declare, with number and type. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import * as wire from './wire-table.ts';

const TYPES: Record<number, string> = {
  [wire.STRING]: 'string',
  [wire.INT32]: 'int32',
  [wire.INT64]: 'int64',
  [wire.BOOL]: 'bool',
  [wire.BYTES]: 'bytes',
  [wire.DOUBLE]: 'double',
};
/** Types that have JSON of their own, coded by hand and covered by the golden vectors. */
const SPECIAL =
  /\.(Quantity|QuantityValue|Time|MicroTime|Timestamp|FieldsV1|RawExtension|IntOrString|JSON|JSONSchemaPropsOr\w+|Unknown|TypeMeta|Duration)$/;

function typeText(f: wire.WireField): string {
  return TYPES[f.type] ?? 'message';
}

describe('wire tables', () => {
  it('know every message and field of the facts', function () {
    needs(this, 'facts');
    const all = JSON.parse(readFileSync(new URL('protobuf.json', FACTS), 'utf8')) as Record<
      string,
      Record<string, { n: number; t: string; r?: boolean }>
    >;
    let fields = 0;
    for (const [name, wanted] of Object.entries(all)) {
      if (SPECIAL.test(name)) continue;
      const m = wire.wireMessage(name.replace(/^k8s\.io\./, 'io.k8s.').replaceAll('_', '-'));
      assert.equal(m.fields.length, Object.keys(wanted).length, name);
      for (const [field, { n, t, r }] of Object.entries(wanted)) {
        const f = m.byNumber[n];
        assert.ok(f, `${name}.${field}`);
        const value = /^map<string,(.*)>$/.exec(t)?.[1];
        assert.equal(f.repeat, value !== undefined ? wire.MAP : r ? wire.LIST : wire.SINGLE, `${name}.${field}`);
        const scalar = Object.values(TYPES).includes(value ?? t) ? (value ?? t) : 'message';
        assert.equal(typeText(f), scalar, `${name}.${field}`);
        fields++;
      }
    }
    assert.ok(fields > 3000);
  });

  it('find the message of a kind', () => {
    const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
    const cases: [string, string, string | undefined][] = [
      ['v1', 'Pod', 'io.k8s.api.core.v1.Pod'],
      ['apps/v1', 'DeploymentList', 'io.k8s.api.apps.v1.DeploymentList'],
      ['apps/v1', 'DeleteOptions', `${META}.DeleteOptions`],
      ['example.com/v1', 'DeleteOptions', `${META}.DeleteOptions`],
      ['v1', 'Status', `${META}.Status`],
      ['meta.k8s.io/v1', 'PartialObjectMetadataList', `${META}.PartialObjectMetadataList`],
      ['meta.k8s.io/v1beta1', 'PartialObjectMetadataList', `${META}beta1.PartialObjectMetadataList`],
      ['meta.k8s.io/v1beta1', 'PartialObjectMetadata', `${META}.PartialObjectMetadata`],
      ['example.com/v1', 'Widget', undefined],
      ['v1', 'toString', undefined],
    ];
    for (const [apiVersion, kind, want] of cases)
      assert.equal(wire.messageFor(apiVersion, kind), want, `${apiVersion} ${kind}`);
  });
});
