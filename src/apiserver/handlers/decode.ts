/**
 * From request body to object: content type, encoding, type checks and field validation. The object that comes out is the
 * handler's own, in the endpoint's version, with apiVersion and kind set.
 * Upstream: apiserver/pkg/endpoints/handlers/{create,update,rest}.go, apimachinery/pkg/runtime/serializer/json/json.go
 */
import { decodeCbor } from '../../machinery/codec/cbor.ts';
import { findDuplicateKeys, parseJson } from '../../machinery/codec/json.ts';
import { type Encoding as BodyEncoding, negotiateContentType } from '../../machinery/codec/negotiate.ts';
import { decodeProtobuf } from '../../machinery/codec/protobuf.ts';
import { checkTypes, decodeTypeError, pruneUnknown } from '../../machinery/codec/unknown-fields.ts';
import { findYamlDuplicates, parseYaml } from '../../machinery/codec/yaml.ts';
import { badRequest, type StatusError } from '../../machinery/errors/status-error.ts';
import { apiVersionOf, type KubeObject, parseApiVersion } from '../../machinery/meta/object.ts';
import { builtinSchemas, definitionName } from '../../machinery/schema/builtin.ts';
import type { BodyKind, ResourceRequest } from '../endpoint.ts';
import type { FieldValidation } from '../request/query-options.ts';

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
): KubeObject {
  const want = into.kind;
  let object: unknown;
  try {
    object = parseBody(body, encoding);
  } catch (err) {
    throw unrecognized(want.kind, body, syntaxMessage(encoding, err));
  }
  // Go decodes null into a struct without complaint.
  object ??= {};
  if (typeof object !== 'object' || Array.isArray(object)) {
    throw unrecognized(want.kind, body, notAnObject(object));
  }
  const typed = object as KubeObject;
  const repeated = validation === 'Ignore' ? [] : duplicates(body, encoding, object);
  setKind(typed, into);
  const bad = checkTypes(typed, into.schema, into.source);
  if (bad !== undefined) throw decodeTypeError(want.kind, typed.apiVersion!, bad);
  // Go's decoder knows no absent metadata: it is a struct.
  typed.metadata ??= {};
  applyFieldValidation(request, typed, repeated, into, validation);
  return into.canonical?.(typed) ?? typed;
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

/** Fills apiVersion and kind in; refuses others. Upstream: runtime/serializer/json, runtime/error.go */
function setKind(object: KubeObject, into: BodyKind): void {
  const { kind } = into;
  const want = apiVersionOf(kind);
  object.apiVersion ||= want;
  object.kind ||= kind.kind;
  const { apiVersion } = object;
  const accepted = apiVersion === want || into.accepts?.some((gv) => apiVersionOf(gv) === apiVersion);
  if (accepted && object.kind === kind.kind) return;
  const gv = parseApiVersion(apiVersion);
  const isBuiltin = into.source === builtinSchemas();
  const known = definitionName({ ...gv, kind: object.kind }) !== undefined;
  if (!accepted && (known || !isBuiltin)) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${want})`);
  }
  const why =
    known || !isBuiltin
      ? `converting (${gv.version}.${object.kind}) to (${goPackage(kind.group)}.${kind.kind}): unknown conversion`
      : `no kind ${JSON.stringify(object.kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;
  throw badRequest(
    `${object.kind} in version ${JSON.stringify(gv.version)} cannot be handled as a ${kind.kind}: ${why}`,
  );
}

/** Name of the Go package of a group's internal types. */
function goPackage(group: string): string {
  return group === '' ? 'core' : group.split('.')[0]!;
}

function applyFieldValidation(
  request: ResourceRequest,
  object: KubeObject,
  repeated: readonly string[],
  into: BodyKind,
  validation: FieldValidation,
): void {
  const unknown = pruneUnknown(object, into.schema, into.source);
  if (validation === 'Ignore') return;
  const problems = [...repeated, ...unknown];
  if (problems.length === 0) return;
  if (validation === 'Strict') {
    const { kind, version } = into.kind;
    throw badRequest(
      `${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: strict decoding error: ${problems.join(', ')}`,
    );
  }
  for (const p of problems) request.context.warn(p);
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
