/**
 * Between bytes in storage, which carry no resourceVersion, and bytes that are served, which do. Works on the bytes: the header of an
 * object (kind, apiVersion, and metadata as far as uid) is read, the rest is copied.
 */
import { encodeJson, parseJson } from '../codec/json.ts';
import { decodeProtobuf, isProtobuf } from '../codec/protobuf.ts';
import { setOwn } from '../codec/wire-emit.ts';
import type { KubeObject, ObjectMeta } from './object.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Bytes that cannot be an object of ours or of upstream's. */
export class StoredValueError extends Error {
  override name = 'StoredValueError';
}

export function skipSpace(b: Buffer, i: number): number {
  let at = i;
  for (;;) {
    const c = b[at];
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return at;
    at++;
  }
}

/** From the opening quote to behind the closing one. */
export function skipString(b: Buffer, i: number): number {
  for (let at = i + 1; at < b.length; at++) {
    const c = b[at];
    if (c === QUOTE) return at + 1;
    if (c === BACKSLASH) at++;
  }
  throw new StoredValueError('unexpected end of JSON input');
}

export function skipValue(b: Buffer, i: number): number {
  const first = b[i];
  if (first === QUOTE) return skipString(b, i);
  let at = i;
  if (first !== OPEN && first !== 0x5b) {
    while (at < b.length && b[at] !== COMMA && b[at] !== CLOSE && b[at] !== 0x5d && b[at]! > 0x20) at++;
    return at;
  }
  let depth = 0;
  while (at < b.length) {
    const c = b[at];
    if (c === QUOTE) {
      at = skipString(b, at);
      continue;
    }
    if (c === OPEN || c === 0x5b) depth++;
    else if ((c === CLOSE || c === 0x5d) && --depth === 0) return at + 1;
    at++;
  }
  throw new StoredValueError('unexpected end of JSON input');
}

export function keyIs(b: Buffer, start: number, end: number, key: Buffer): boolean {
  return end - start === key.length && b.compare(key, 0, key.length, start, end) === 0;
}

const METADATA = Buffer.from('"metadata"');
const UID = Buffer.from('"uid"');
const RESOURCE_VERSION = Buffer.from('"resourceVersion"');

/** Where the value of the outermost `metadata` begins; -1 when there is none. */
function metadataStart(b: Buffer): number {
  let i = skipSpace(b, 0);
  if (b[i] !== OPEN) throw new StoredValueError('the value is not a JSON object');
  i = skipSpace(b, i + 1);
  while (b[i] === QUOTE) {
    const keyEnd = skipString(b, i);
    const value = skipSpace(b, skipSpace(b, keyEnd) + 1);
    if (keyIs(b, i, keyEnd, METADATA)) return b[value] === OPEN ? value : -1;
    i = skipSpace(b, skipValue(b, value));
    if (b[i] !== COMMA) return -1;
    i = skipSpace(b, i + 1);
  }
  return -1;
}

interface Slot {
  /** The bytes from `from` to `to` are replaced by the resourceVersion member. */
  from: number;
  to: number;
  /** Text around the member. */
  before: string;
  after: string;
}

/**
 * Where the resourceVersion goes: over the one that is there, else behind uid, else at the beginning. One that is there stands before
 * uid (keys in alphabetical order) or right behind it (upstream's order, and ours), so the scan ends there.
 */
function findSlot(b: Buffer): Slot {
  const start = metadataStart(b);
  if (start < 0) {
    const open = skipSpace(b, 0) + 1;
    const isEmpty = b[skipSpace(b, open)] === CLOSE;
    return { from: open, to: open, before: '"metadata":{', after: isEmpty ? '}' : '},' };
  }
  const first = skipSpace(b, start + 1);
  let i = first;
  let uidEnd = -1;
  while (b[i] === QUOTE) {
    const keyEnd = skipString(b, i);
    const value = skipSpace(b, skipSpace(b, keyEnd) + 1);
    const end = skipValue(b, value);
    if (keyIs(b, i, keyEnd, RESOURCE_VERSION)) return { from: i, to: end, before: '', after: '' };
    if (uidEnd >= 0) break;
    if (keyIs(b, i, keyEnd, UID)) uidEnd = end;
    i = skipSpace(b, end);
    if (b[i] !== COMMA) break;
    i = skipSpace(b, i + 1);
  }
  if (uidEnd >= 0) return { from: uidEnd, to: uidEnd, before: ',', after: '' };
  return { from: start + 1, to: start + 1, before: '', after: b[first] === CLOSE ? '' : ',' };
}

/**
 * The object's bytes with `metadata.resourceVersion` set to `revision`, in memory that `allocate` gives; an earlier one is replaced. The
 * argument stays as it is.
 */
export function spliceResourceVersion(
  bytes: Buffer,
  revision: number,
  allocate: (length: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const { from, to, before, after } = findSlot(bytes);
  const member = `${before}"resourceVersion":"${revision}"${after}`;
  const out = allocate(bytes.length - (to - from) + member.length);
  bytes.copy(out, 0, 0, from);
  out.write(member, from, 'latin1');
  bytes.copy(out, from + member.length, to);
  return out;
}

/** The bytes of the outermost metadata, sharing memory; undefined when there is none. */
export function metadataSlice(bytes: Buffer): Buffer | undefined {
  const start = metadataStart(bytes);
  return start < 0 ? undefined : bytes.subarray(start, skipValue(bytes, start));
}

const PARTIAL_HEAD = Buffer.from('{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":');
const EMPTY_OBJECT = Buffer.from('{}');
const PARTIAL_TAIL = Buffer.from('}');

/** Where things lie in an object's bytes. */
export interface MetadataSpan {
  /** Of the value of `metadata`. */
  start: number;
  end: number;
  /** Of the member `managedFields` with one comma; both 0 when there is none. */
  managedFrom: number;
  managedTo: number;
}

const MANAGED_FIELDS = Buffer.from('"managedFields"');

/** Undefined when the object has no metadata. */
export function metadataSpan(b: Buffer): MetadataSpan | undefined {
  const start = metadataStart(b);
  if (start < 0) return undefined;
  const span: MetadataSpan = { start, end: 0, managedFrom: 0, managedTo: 0 };
  let i = skipSpace(b, start + 1);
  let comma = -1;
  while (b[i] === QUOTE) {
    const keyEnd = skipString(b, i);
    const end = skipSpace(b, skipValue(b, skipSpace(b, skipSpace(b, keyEnd) + 1)));
    const isLast = b[end] !== COMMA;
    if (keyIs(b, i, keyEnd, MANAGED_FIELDS)) {
      span.managedFrom = comma < 0 ? i : comma;
      span.managedTo = comma < 0 && !isLast ? end + 1 : end;
    }
    if (isLast) {
      span.end = end + 1;
      return span;
    }
    comma = end;
    i = skipSpace(b, end + 1);
  }
  span.end = i + 1;
  return span;
}

/** The object in these bytes without its managedFields, which are long and take longer to parse than all the rest. */
export function parseWithoutManagedFields(bytes: Buffer, span: MetadataSpan | undefined): unknown {
  if (span === undefined || span.managedTo === 0) return parseJson(bytes);
  return parseJson(bytes.toString('utf8', 0, span.managedFrom) + bytes.toString('utf8', span.managedTo));
}

/** The PartialObjectMetadata (meta.k8s.io/v1) cut out of an object's bytes. */
export function partialMetadata(bytes: Buffer): Buffer {
  return Buffer.concat([PARTIAL_HEAD, metadataSlice(bytes) ?? EMPTY_OBJECT, PARTIAL_TAIL]);
}

/**
 * JSON for storage: kind, apiVersion and metadata first (name, namespace and uid at its head, so that reading finds them at once),
 * without resourceVersion and selfLink. The object is not changed.
 */
export function encodeForStorage(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  return encodeJson({ kind, apiVersion, metadata: storedMetadata(metadata ?? {}), ...rest });
}

/** A copy, members in the order in which they are stored. In a loop: taking members out of a copy costs more than all the rest of encoding. */
export function storedMetadata(meta: ObjectMeta): ObjectMeta {
  const out: ObjectMeta = {};
  if (meta.name !== undefined) out.name = meta.name;
  if (meta.generateName) out.generateName = meta.generateName;
  if (meta.namespace) out.namespace = meta.namespace;
  if (meta.uid !== undefined) out.uid = meta.uid;
  if (meta.creationTimestamp !== undefined && meta.creationTimestamp !== null)
    out.creationTimestamp = meta.creationTimestamp;
  for (const key in meta)
    if (!PLACED.has(key)) setOwn(out as Record<string, unknown>, key, meta[key as keyof ObjectMeta]);
  return out;
}

const PLACED: ReadonlySet<string> = new Set([
  'name',
  'generateName',
  'namespace',
  'uid',
  'creationTimestamp',
  'resourceVersion',
  'selfLink',
]);

const ENCRYPTED = Buffer.from('k8s:enc:');

/**
 * JSON of a stored value: the same bytes when it is JSON, decoded when an upstream API server wrote protobuf.
 * @throws StoredValueError for a value that was encrypted at rest, ProtobufError for a broken one
 */
export function storedJson(bytes: Buffer): Buffer {
  if (isProtobuf(bytes)) return encodeForStorage(decodeProtobuf(bytes));
  assertReadable(bytes);
  return bytes;
}

function assertReadable(bytes: Buffer): void {
  if (bytes.length >= ENCRYPTED.length && bytes.compare(ENCRYPTED, 0, ENCRYPTED.length, 0, ENCRYPTED.length) === 0) {
    const provider = bytes.subarray(0, 64).toString('latin1').split(':').slice(2, 4).join(' ');
    throw new StoredValueError(`the value is encrypted at rest (${provider}) and no matching provider is configured`);
  }
}

/** The parsed object with its resourceVersion; `revision` 0 leaves it out. @throws as `storedJson`, JsonSyntaxError */
export function decodeStored(bytes: Buffer, revision: number): KubeObject {
  if (!isProtobuf(bytes)) assertReadable(bytes);
  const object = (isProtobuf(bytes) ? decodeProtobuf(bytes) : parseJson(bytes)) as KubeObject;
  const { metadata = {} } = object;
  object.metadata = metadata;
  if (revision > 0) metadata.resourceVersion = String(revision);
  else delete metadata.resourceVersion;
  return object;
}
