/** Golden objects of upstream: JSON → protobuf → JSON and protobuf → JSON → protobuf, byte for byte. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { VECTORS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import {
  decodeProtobuf,
  decodeProtobufMessage,
  ENVELOPE_TAIL,
  encodeProtobuf,
  encodeProtobufEnvelope,
  envelope,
  messageFor,
  openEnvelope,
  ProtobufError,
  protobufItemHead,
  protobufListHead,
} from './protobuf.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

describe('protobuf: golden vectors', () => {
  if (!existsSync(VECTORS)) {
    it('go to JSON and back, byte for byte', function () {
      needs(this, 'vectors');
    });
    return;
  }
  const names = readdirSync(VECTORS)
    .filter((f) => f.endsWith('.pb'))
    .map((f) => f.slice(0, -3));

  it('are 185', () => assert.equal(names.length, 185));
  for (const name of names) {
    it(name, () => {
      const json = JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS), 'utf8'));
      const pb = readFileSync(new URL(`${name}.pb`, VECTORS));
      const { apiVersion, kind } = openEnvelope(pb);
      // A WatchEvent has no TypeMeta, so its envelope names nothing.
      const message = kind === '' ? `${META}.WatchEvent` : messageFor(apiVersion, kind)!;
      const decoded = decodeProtobuf(pb, { apiVersion: 'v1', kind: 'WatchEvent' });
      assert.equal(JSON.stringify(decoded, null, 2), JSON.stringify(json, null, 2));
      assert.equal(envelope(apiVersion, kind, encodeProtobuf(json, message)).toString('hex'), pb.toString('hex'));
      assert.equal(envelope(apiVersion, kind, encodeProtobuf(decoded, message)).toString('hex'), pb.toString('hex'));
    });
  }
});

describe('protobuf: messages', () => {
  const POD = 'io.k8s.api.core.v1.Pod';

  it('writes fields without pointer also when absent, and leaves the rest out', () => {
    const bytes = encodeProtobuf({ metadata: { name: 'a' } }, 'io.k8s.api.core.v1.ConfigMap');
    // name, generateName, namespace, selfLink, uid, resourceVersion, generation, creationTimestamp
    assert.equal(bytes.toString('hex'), '0a110a016112001a0022002a00320038004200');
    assert.deepEqual(decodeProtobufMessage(bytes, 'io.k8s.api.core.v1.ConfigMap'), { metadata: { name: 'a' } });
  });

  it('prints what upstream prints for absent fields', () => {
    assert.deepEqual(decodeProtobufMessage(Buffer.alloc(0), POD), {
      metadata: {},
      spec: { containers: null },
      status: {},
    });
    assert.deepEqual(decodeProtobufMessage(Buffer.alloc(0), 'io.k8s.api.core.v1.PodList'), {
      metadata: {},
      items: null,
    });
    assert.deepEqual(decodeProtobufMessage(Buffer.alloc(0), 'io.k8s.api.apps.v1.Deployment'), {
      metadata: {},
      spec: { selector: null, template: { metadata: {}, spec: { containers: null } }, strategy: {} },
      status: {},
    });
  });

  it('keeps int64 beyond 2^53, negative numbers and text beyond ASCII', () => {
    const meta = { name: 'größe-✓', generation: 9007199254740993n, deletionGracePeriodSeconds: -1 };
    assert.deepEqual(decodeProtobufMessage(encodeProtobuf(meta, `${META}.ObjectMeta`), `${META}.ObjectMeta`), meta);
  });

  it('builds a list from encoded items as encoding it whole would', () => {
    const items = ['a', 'b'].map((name) => ({ metadata: { name }, data: { k: name } }));
    const metadata = { resourceVersion: '7' };
    const encoded = items.map((i) => encodeProtobuf(i, 'io.k8s.api.core.v1.ConfigMap'));
    const sizes = encoded.map((b) => b.length);
    assert.deepEqual(
      Buffer.concat([
        protobufListHead('v1', 'ConfigMapList', metadata, sizes),
        ...encoded.flatMap((b) => [protobufItemHead(b.length), b]),
        ENVELOPE_TAIL,
      ]),
      encodeProtobufEnvelope({ apiVersion: 'v1', kind: 'ConfigMapList', metadata, items }),
    );
  });

  it('sorts map keys by their bytes and survives __proto__', () => {
    const data = JSON.parse('{"\uff5e":"1","\ud83d\ude00":"2","a":"3","__proto__":"4"}');
    const bytes = encodeProtobuf({ metadata: {}, data }, 'io.k8s.api.core.v1.ConfigMap');
    const back = decodeProtobufMessage(bytes, 'io.k8s.api.core.v1.ConfigMap').data as object;
    assert.deepEqual(Object.keys(back), ['__proto__', 'a', '\uff5e', '\ud83d\ude00']);
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
  });

  it('never fails otherwise than with ProtobufError on broken bytes', () => {
    const good = encodeProtobuf(
      { metadata: { name: 'a', labels: { a: 'b' } }, spec: { containers: [{ name: 'c' }] } },
      POD,
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const bad = cut ? good.subarray(0, at) : Buffer.from(good);
        if (!cut) bad[at] = byte;
        try {
          decodeProtobufMessage(bad, POD);
        } catch (err) {
          assert.ok(err instanceof ProtobufError, String(err));
        }
      }),
    );
  });
});
