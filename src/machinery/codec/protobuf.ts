/**
 * Kubernetes protobuf: messages, and the `k8s\0` + runtime.Unknown envelope around an object. Called by the API server's handlers, the
 * client, and by whoever reads values an upstream API server stored. Table-driven: see wire-table.ts.
 */
import type { KubeObject } from '../meta/object.ts';
import { decodeMessageBytes, ProtobufError, setEnvelopeDecoder } from './wire-decode.ts';
import type { JsonObject } from './wire-emit.ts';
import { encodeMessageBytes } from './wire-encode.ts';
import { messageFor, wireMessage } from './wire-table.ts';

export { ProtobufError } from './wire-decode.ts';
export { hasWireMessage, messageFor } from './wire-table.ts';

export const PROTOBUF_PREFIX = Buffer.from('k8s\0', 'latin1');

/** True for bytes that begin as every stored or sent protobuf object does. */
export function isProtobuf(bytes: Buffer): boolean {
  return bytes[0] === 0x6b && bytes[1] === 0x38 && bytes[2] === 0x73 && bytes[3] === 0;
}

/** One message without envelope; `message` is a definition name (`io.k8s.api.core.v1.Pod`). */
export function encodeProtobuf(object: unknown, message: string): Buffer {
  return encodeMessageBytes(wireMessage(message), object);
}

/** The object in its envelope. @throws Error when the kind has no protobuf form. */
export function encodeProtobufEnvelope(object: KubeObject | JsonObject): Buffer {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string };
  const message = messageFor(apiVersion, kind);
  if (message === undefined) throw new ProtobufError(`${kind} in ${apiVersion} has no protobuf encoding`);
  return envelope(apiVersion, kind, encodeProtobuf(object, message));
}

/** Puts an already encoded message into an envelope. */
export function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([envelopeHead(apiVersion, kind, raw.length), raw, ENVELOPE_TAIL]);
}

/** contentEncoding and contentType, both empty. */
export const ENVELOPE_TAIL = Buffer.from([0x1a, 0, 0x22, 0]);

function envelopeHead(apiVersion: string, kind: string, rawLength: number): Buffer {
  const version = Buffer.from(apiVersion);
  const name = Buffer.from(kind);
  const typeMeta = Buffer.concat([lengthPrefix(0x0a, version.length), version, lengthPrefix(0x12, name.length), name]);
  return Buffer.concat([PROTOBUF_PREFIX, lengthPrefix(0x0a, typeMeta.length), typeMeta, lengthPrefix(0x12, rawLength)]);
}

function varintLength(n: number): number {
  let length = 1;
  for (let m = n; m >= 0x80; m = Math.floor(m / 128)) length++;
  return length;
}

/** A tag followed by a length. */
export function lengthPrefix(tag: number, length: number): Buffer {
  const out = [tag];
  let n = length;
  while (n >= 0x80) {
    out.push((n % 128) | 0x80);
    n = Math.floor(n / 128);
  }
  out.push(n);
  return Buffer.from(out);
}

/**
 * What stands before the first item of a list response; `sizes` are those of the items (`encodeProtobuf`), of which each comes behind its
 * `protobufItemHead`. `listMeta` is the list's metadata. Behind the last item comes ENVELOPE_TAIL.
 */
export function protobufListHead(
  apiVersion: string,
  listKind: string,
  listMeta: JsonObject,
  sizes: Iterable<number>,
): Buffer {
  const meta = encodeProtobuf(listMeta, 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta');
  const metaHead = lengthPrefix(0x0a, meta.length);
  let length = metaHead.length + meta.length;
  for (const size of sizes) length += 1 + varintLength(size) + size;
  return Buffer.concat([envelopeHead(apiVersion, listKind, length), metaHead, meta]);
}

export function protobufItemHead(size: number): Buffer {
  return lengthPrefix(0x12, size);
}

/** What an envelope holds. `raw` shares memory with `bytes`. */
export interface Unknown {
  apiVersion: string;
  kind: string;
  raw: Buffer;
  contentType: string;
}

/** Opens an envelope without decoding the object. @throws ProtobufError */
export function openEnvelope(bytes: Buffer): Unknown {
  if (!isProtobuf(bytes)) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const out: Unknown = { apiVersion: '', kind: '', raw: bytes.subarray(0, 0), contentType: '' };
  eachField(bytes.subarray(4), (number, value) => {
    if (number === 1) {
      eachField(value, (n, v) => {
        if (n === 1) out.apiVersion = v.toString('utf8');
        else if (n === 2) out.kind = v.toString('utf8');
      });
    } else if (number === 2) out.raw = value;
    else if (number === 4) out.contentType = value.toString('utf8');
  });
  return out;
}

/** Calls back for each length-delimited field; others are skipped. */
function eachField(b: Buffer, f: (number: number, value: Buffer) => void): void {
  let pos = 0;
  const varint = (): number => {
    let n = 0;
    for (let scale = 1, i = 0; i < 10; scale *= 128, i++) {
      const byte = b[pos++];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) return n;
    }
    throw new ProtobufError('proto: integer overflow');
  };
  while (pos < b.length) {
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        pos += 8;
        break;
      case 2: {
        const n = varint();
        if (n > b.length - pos) throw new ProtobufError('unexpected EOF');
        f(Math.floor(tag / 8), b.subarray(pos, pos + n));
        pos += n;
        break;
      }
      case 5:
        pos += 4;
        break;
      default:
        throw new ProtobufError(`proto: illegal wireType ${tag & 7}`);
    }
  }
}

/** An enveloped object as JSON, with its apiVersion and kind; `defaults` stand in where the envelope has none. @throws ProtobufError */
export function decodeProtobuf(bytes: Buffer, defaults?: { apiVersion: string; kind: string }): KubeObject {
  const opened = openEnvelope(bytes);
  const apiVersion = opened.apiVersion || (defaults?.apiVersion ?? '');
  const kind = opened.kind || (defaults?.kind ?? '');
  const message = messageFor(apiVersion, kind);
  if (message === undefined) {
    throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  }
  const plan = wireMessage(message);
  const { raw } = opened;
  const out: JsonObject = plan.isKind ? { kind, apiVersion } : {};
  return decodeMessageBytes(plan, raw, out) as unknown as KubeObject;
}

/** One message without envelope. @throws ProtobufError */
export function decodeProtobufMessage(raw: Buffer, message: string): JsonObject {
  return decodeMessageBytes(wireMessage(message), raw, {});
}

setEnvelopeDecoder((bytes) => decodeProtobuf(bytes));
