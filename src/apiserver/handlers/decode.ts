/**
 * From request body to object: content type, encoding, type checks and field validation. The object that comes out is the
 * handler's own, in the endpoint's version, with apiVersion and kind set.
 * Upstream: apiserver/pkg/endpoints/handlers/{create,update,rest}.go, apimachinery/pkg/runtime/serializer/json/json.go
 */
import { decodeCbor } from '../../machinery/codec/cbor.ts';
import { findDuplicateKeys, parseJson } from '../../machinery/codec/json.ts';
import { type Encoding as BodyEncoding, negotiateContentType } from '../../machinery/codec/negotiate.ts';
import { decodeProtobuf } from '../../machinery/codec/protobuf.ts';
import { checkTypes, decodeTypeError, pruneUnknown, strictProblems } from '../../machinery/codec/unknown-fields.ts';
import { findYamlDuplicates, parseYaml } from '../../machinery/codec/yaml.ts';
import { badRequest, type StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { shareEqual } from '../../registry/generic/sharing.ts';
import type { BodyKind, ResourceRequest } from '../endpoint.ts';
import type { FieldValidation } from '../request/query-options.ts';
import { kindFieldProblem, settleKind } from './kind-of-body.ts';

// Upstream: server.Config MaxRequestBodyBytes
export const MAX_REQUEST_BODY = 3 * 1024 * 1024;

export async function readObject(
  request: ResourceRequest,
  into: BodyKind,
  validation: FieldValidation = 'Warn',
): Promise<KubeObject> {
  const { exchange } = request.context;
  const encoding = negotiateContentType(exchange.headers['content-type'], { protobuf: !request.endpoint.isCustom });
  const body = await exchange.readBody(MAX_REQUEST_BODY);
  return decodeObject(request, body, encoding, into, validation);
}

export function decodeObject(
  request: ResourceRequest,
  body: Buffer,
  encoding: BodyEncoding,
  into: BodyKind,
  validation: FieldValidation,
  /** A stored object of this kind: what equals it is shared with it and not looked at again. */
  known?: KubeObject,
): KubeObject {
  const want = into.kind;
  let object: unknown;
  try {
    object = parseBody(body, encoding);
  } catch (err) {
    throw unrecognized(want.kind, body, syntaxMessage(encoding, err));
  }
  // Go decodes null into a struct without complaint; a custom resource is no struct.
  if (object === null && into.isCustom === true) {
    throw unrecognized(want.kind, body, "Object 'Kind' is missing in 'null'");
  }
  object ??= {};
  if (typeof object !== 'object' || Array.isArray(object)) {
    throw unrecognized(want.kind, body, notAnObject(object));
  }
  const typed = object as KubeObject;
  const noText = kindFieldProblem(typed);
  if (noText !== undefined) throw unrecognized(want.kind, body, noText);
  const repeated = validation === 'Ignore' ? [] : duplicates(body, encoding, object);
  if (known !== undefined) shareEqual(typed, known);
  settleKind(typed, into, (why) => unrecognized(want.kind, body, why), body);
  const bad = checkTypes(typed, into.schema, into.source, known);
  if (bad !== undefined) throw decodeTypeError(want.kind, typed.apiVersion!, into.isCustom ? ofMetadata(bad) : bad);
  // Go's decoder knows no absent metadata: it is a struct.
  typed.metadata ??= {};
  // Of a custom resource its schema is asked last; a built-in kind's decoder finds both kinds of mistakes as it goes.
  const inOrder = encoding === 'json' && !request.endpoint.isCustom;
  applyFieldValidation(
    request,
    typed,
    { repeated, known, json: inOrder ? body : undefined, sorted: encoding === 'yaml' },
    into,
    validation,
  );
  return into.canonical?.(typed, known) ?? typed;
}

/** What Go says of a body that is JSON but no object. */
export function notAnObject(value: unknown): string {
  const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;
}

function parseBody(body: Buffer, encoding: BodyEncoding): unknown {
  switch (encoding) {
    case 'json':
      return parseJson(body);
    case 'yaml':
      return parseYaml(body.toString());
    case 'protobuf':
      return decodeProtobuf(body);
    case 'cbor':
      return decodeCbor(body);
  }
}

function applyFieldValidation(
  request: ResourceRequest,
  object: KubeObject,
  {
    repeated,
    known,
    json,
    sorted,
  }: { repeated: readonly string[]; known: KubeObject | undefined; json: Buffer | undefined; sorted: boolean },
  into: BodyKind,
  validation: FieldValidation,
): void {
  const unknown = pruneUnknown(object, into.schema, into.source, known);
  if (into.isCustom === true || sorted) unknown.sort();
  if (validation === 'Ignore') return;
  const problems = strictProblems(repeated, unknown, json?.toString());
  if (problems.length === 0) return;
  if (validation === 'Strict') {
    const { kind, version } = into.kind;
    throw badRequest(
      `${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: strict decoding error: ${problems.join(', ')}`,
    );
  }
  for (const p of problems) request.context.warn(p);
}

/** Of a custom resource only the metadata is a Go type, decoded by itself. */
export function ofMetadata(message: string): string {
  return message
    .replace('ObjectMeta.metadata.', 'ObjectMeta.')
    .replace('Go struct field .metadata of type', 'Go value of type');
}

function duplicates(body: Buffer, encoding: BodyEncoding, parsed: unknown): string[] {
  if (encoding === 'json') return findDuplicateKeys(body, parsed);
  return encoding === 'yaml' ? findYamlDuplicates(body.toString()) : [];
}

function syntaxMessage(encoding: BodyEncoding, err: unknown): string {
  const text = err instanceof Error ? err.message : String(err);
  return encoding === 'json' ? `couldn't get version/kind; json parse error: ${text}` : text;
}

function unrecognized(kind: string, body: Buffer, why: string): StatusError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summarize(body)})`);
}

/** Upstream: handlers.summarizeData */
function summarize(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const head = body.subarray(0, 30);
  const text = body[0] === 0x7b ? head.toString() : head.toString('hex');
  return body.length > 30 ? `${text} ...` : text;
}
