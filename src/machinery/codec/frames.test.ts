/** Frames of a watch, there and back, however the bytes arrive. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeCbor } from './cbor.ts';
import { protobufWatchFrame, WatchFrameReader, watchFrame } from './frames.ts';
import { encodeJson } from './json.ts';
import { encodeProtobuf, encodeProtobufEnvelope } from './protobuf.ts';

const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', uid: 'u' }, data: { k: 'line\nend' } };

describe('watch frames', () => {
  it('JSON is one line', () => {
    assert.equal(watchFrame('json', 'ADDED', Buffer.from('{"a":1}')).toString(), '{"type":"ADDED","object":{"a":1}}\n');
  });

  it('protobuf is a length and a WatchEvent', () => {
    const frame = watchFrame('protobuf', 'MODIFIED', encodeProtobufEnvelope(object));
    assert.equal(frame.readUInt32BE(0), frame.length - 4);
    const message = encodeProtobuf(object, 'io.k8s.api.core.v1.ConfigMap');
    assert.deepEqual(protobufWatchFrame('MODIFIED', 'v1', 'ConfigMap', message), frame);
  });

  it('there is none in YAML', () => assert.throws(() => watchFrame('yaml', 'ADDED', Buffer.from(''))));

  const encoders = { json: encodeJson, protobuf: encodeProtobufEnvelope, cbor: encodeCbor } as const;
  for (const encoding of ['json', 'protobuf', 'cbor'] as const) {
    it(`${encoding} is read back wherever the stream is cut`, () => {
      const types = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;
      const bytes = Buffer.concat(types.map((t) => watchFrame(encoding, t, encoders[encoding](object))));
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
          const reader = new WatchFrameReader(encoding);
          const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          const events = at.slice(1).flatMap((end, i) => reader.push(bytes.subarray(at[i], end)));
          assert.deepEqual(
            events,
            types.map((type) => ({ type, object })),
          );
          assert.equal(reader.pending, 0);
        }),
        { numRuns: 50 },
      );
    });
  }
});
