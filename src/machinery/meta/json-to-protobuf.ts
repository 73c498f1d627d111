/**
 * The protobuf of an object from its JSON bytes, and how long it will be. Nearly always the bytes are walked over without being parsed
 * (codec/wire-scan.ts); what is written in another way than ours is parsed. Both ways give the same bytes.
 */
import { encodeProtobuf, encodeProtobufEnvelope, envelope, messageFor } from '../codec/protobuf.ts';
import { copyMessage } from '../codec/wire-copy.ts';
import { planOf, UNUSUAL } from '../codec/wire-plan.ts';
import { scan } from '../codec/wire-scan.ts';
import { wireMessage } from '../codec/wire-table.ts';
import { parseWithFieldSetText } from './field-set-text.ts';
import type { KubeObject } from './object.ts';

/** `message` is a definition name, as for `encodeProtobuf`. The result mostly lies where `allocate` says. */
export function jsonToProtobuf(
  json: Buffer,
  message: string,
  allocate: (length: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  try {
    return copyMessage(planOf(wireMessage(message)), json, allocate);
  } catch (err) {
    if (err !== UNUSUAL) throw err;
    return encodeProtobuf(parseWithFieldSetText(json), message);
  }
}

/** The length of what `jsonToProtobuf` gives. */
export function protobufSizeOf(json: Buffer, message: string): number {
  try {
    return scan(planOf(wireMessage(message)), json);
  } catch (err) {
    if (err !== UNUSUAL) throw err;
    return encodeProtobuf(parseWithFieldSetText(json), message).length;
  }
}

/** As all our objects begin. */
const TYPE_META = /^\{"kind":"([A-Za-z]+)","apiVersion":"([a-z0-9./-]+)"[,}]/;
const TYPE_META_BYTES = 256;

/** As `encodeProtobufEnvelope` of the object. */
export function jsonToProtobufEnvelope(json: Buffer): Buffer {
  const [, kind, apiVersion] = TYPE_META.exec(json.toString('latin1', 0, Math.min(json.length, TYPE_META_BYTES))) ?? [];
  const message = kind === undefined ? undefined : messageFor(apiVersion!, kind);
  if (message === undefined) return encodeProtobufEnvelope(parseWithFieldSetText(json) as KubeObject);
  return envelope(apiVersion!, kind!, jsonToProtobuf(json, message));
}
