/**
 * Watch frames: one event around an object that is encoded already, and the way back. A frame is made once per event and encoding and
 * shared by all watchers. Upstream: apiserver/pkg/endpoints/handlers/watch.go, apimachinery/pkg/util/framer
 */
import { encodeCborItem, firstCborItem, SELF_DESCRIBED } from './cbor.ts';
import { parseJson } from './json.ts';
import type { Encoding } from './negotiate.ts';
import { decodeProtobufMessage, envelope, isProtobuf, lengthPrefix, openEnvelope } from './protobuf.ts';

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

const TYPES: readonly WatchEventType[] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'];
const JSON_HEADS = new Map(TYPES.map((t) => [t, Buffer.from(`{"type":"${t}","object":`)]));
const JSON_TAIL = Buffer.from('}\n');

// A WatchEvent in protobuf: type = 1, object = 2 (a RawExtension, whose raw = 1 holds the enveloped object).
const PROTOBUF_TYPES = new Map(
  TYPES.map((t) => [t, Buffer.concat([lengthPrefix(0x0a, t.length), Buffer.from(t, 'latin1')])]),
);

const CBOR_HEADS = new Map(
  TYPES.map((t) => {
    const type = Buffer.concat([encodeCborItem('type'), encodeCborItem(t)]);
    return [t, { prefix: Buffer.concat([SELF_DESCRIBED, Buffer.from([0xa2])]), type }];
  }),
);
const CBOR_OBJECT = encodeCborItem('object');

/**
 * `object` is the encoded object: JSON text, an enveloped protobuf object, or a CBOR item. There are no YAML frames.
 */
export function watchFrame(encoding: Encoding, type: WatchEventType, object: Buffer): Buffer {
  switch (encoding) {
    case 'json':
      return Buffer.concat([JSON_HEADS.get(type)!, object, JSON_TAIL]);
    case 'protobuf':
      return protobufFrame(type, object);
    case 'cbor': {
      // Keys in bytewise order of their encoding: type (4 bytes) before object (6).
      const { prefix, type: typeMember } = CBOR_HEADS.get(type)!;
      return Buffer.concat([prefix, typeMember, CBOR_OBJECT, object]);
    }
    case 'yaml':
      throw new Error('a watch cannot be encoded as YAML');
  }
}

/** Four bytes of length, then the WatchEvent without envelope of its own. */
function protobufFrame(type: WatchEventType, object: Buffer): Buffer {
  const typeField = PROTOBUF_TYPES.get(type)!;
  const raw = lengthPrefix(0x0a, object.length);
  const rawExtension = lengthPrefix(0x12, raw.length + object.length);
  const length = typeField.length + rawExtension.length + raw.length + object.length;
  const out = Buffer.allocUnsafe(4 + length);
  let at = out.writeUInt32BE(length, 0);
  for (const part of [typeField, rawExtension, raw, object]) at += part.copy(out, at);
  return out;
}

/** The frame around a protobuf message that has no envelope yet. */
export function protobufWatchFrame(type: WatchEventType, apiVersion: string, kind: string, message: Buffer): Buffer {
  return protobufFrame(type, envelope(apiVersion, kind, message));
}

export interface WatchFrame {
  type: string;
  object: unknown;
}

/** Splits a stream of bytes into events; feed it what arrives, in order. Used by clients of a watch. */
export class WatchFrameReader {
  readonly #encoding: Encoding;
  #rest: Buffer = Buffer.alloc(0);
  /** How far `#rest` was searched for a line end already. */
  #searched = 0;

  constructor(encoding: Encoding) {
    if (encoding === 'yaml') throw new Error('a watch cannot be encoded as YAML');
    this.#encoding = encoding;
  }

  /** The events that are whole now. @throws JsonSyntaxError, ProtobufError or CborError */
  push(chunk: Buffer): WatchFrame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const out: WatchFrame[] = [];
    for (;;) {
      const next = this.#next();
      if (next === undefined) return out;
      out.push(next);
    }
  }

  /** Bytes of an event that has not arrived whole. */
  get pending(): number {
    return this.#rest.length;
  }

  #next(): WatchFrame | undefined {
    switch (this.#encoding) {
      case 'json':
        return this.#line();
      case 'protobuf':
        return this.#message();
      default:
        return this.#item();
    }
  }

  #line(): WatchFrame | undefined {
    for (;;) {
      const end = this.#rest.indexOf(0x0a, this.#searched);
      if (end < 0) {
        this.#searched = this.#rest.length;
        return undefined;
      }
      const line = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end + 1);
      this.#searched = 0;
      if (line.length > 0) return parseJson(line) as WatchFrame;
    }
  }

  #message(): WatchFrame | undefined {
    if (this.#rest.length < 4) return undefined;
    const length = this.#rest.readUInt32BE(0);
    if (this.#rest.length < 4 + length) return undefined;
    const bytes = this.#rest.subarray(4, 4 + length);
    this.#rest = this.#rest.subarray(4 + length);
    const raw = isProtobuf(bytes) ? openEnvelope(bytes).raw : bytes;
    return decodeWatchEvent(raw);
  }

  #item(): WatchFrame | undefined {
    if (this.#rest.length === 0) return undefined;
    const item = firstCborItem(this.#rest);
    if (item === undefined) return undefined;
    this.#rest = this.#rest.subarray(item.length);
    return item.value as WatchFrame;
  }
}

const WATCH_EVENT = 'io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent';

function decodeWatchEvent(raw: Buffer): WatchFrame {
  const { type, object } = decodeProtobufMessage(raw, WATCH_EVENT);
  return { type: type as string, object };
}
