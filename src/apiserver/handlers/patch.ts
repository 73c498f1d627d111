/**
 * PATCH in its four types. JSON, merge and strategic patches need the object to exist; apply creates it (201).
 * Upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import { decodeCbor } from '../../machinery/codec/cbor.ts';
import { findDuplicateKeys, parseJson, stringifyJson } from '../../machinery/codec/json.ts';
import { checkRestorable, checkTypes } from '../../machinery/codec/type-check.ts';
import { pruneUnknown } from '../../machinery/codec/unknown-fields.ts';
import { findYamlDuplicates, parseYaml } from '../../machinery/codec/yaml.ts';
import {
  badRequest,
  conflict,
  invalid,
  notFound,
  StatusError,
  unsupportedMediaType,
} from '../../machinery/errors/status-error.ts';
import { cloneJson } from '../../machinery/meta/clone.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { goPrint } from '../../machinery/patch/go-format.ts';
import { applyJsonPatch } from '../../machinery/patch/json-patch.ts';
import { isJsonObject } from '../../machinery/patch/json-value.ts';
import { applyMergePatch } from '../../machinery/patch/merge-patch.ts';
import { applyServerSide } from '../../machinery/patch/server-side-apply.ts';
import { applyStrategicMergePatch } from '../../machinery/patch/strategic-merge.ts';
import type { Schema, SchemaSource } from '../../machinery/schema/schema.ts';
import { invalidField, Path } from '../../machinery/validation/field-error.ts';
import { ensureNamespace } from '../../registry/generic/before-create.ts';
import { ownParts } from '../../registry/generic/sharing.ts';
import type { UpdateStrategy } from '../../registry/generic/strategy.ts';
import { updateObject } from '../../registry/generic/write-update.ts';
import type { Endpoint, ResourceRequest } from '../endpoint.ts';
import { type FieldValidation, isDryRun, readPatchOptions, type WriteOptions } from '../request/query-options.ts';
import { checkName, writeContextOf } from './attributes.ts';
import { MAX_REQUEST_BODY, ofMetadata } from './decode.ts';
import { fieldManagerOptions, trackFields } from './field-manager.ts';
import { patchedKindProblem } from './kind-of-body.ts';
import { negotiateOutput, writeObject } from './output.ts';
import { admitUpdate, validators } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
const APPLY_YAML = 'application/apply-patch+yaml';
const APPLY_CBOR = 'application/apply-patch+cbor';

/** Makes the new object of the current one; `copy` is private to it. */
export type PatchMechanism = (current: KubeObject | undefined, copy: () => KubeObject) => KubeObject;

export async function handlePatch(
  request: ResourceRequest,
  door: UpdateStrategy = request.endpoint.store.strategy,
): Promise<void> {
  const { endpoint, namespace, name } = request;
  const { store, row } = endpoint;
  const type = patchTypeOf(request);
  const isApply = type === APPLY_YAML || type === APPLY_CBOR;
  const negotiated = negotiateOutput(request);
  const body = await request.context.exchange.readBody(MAX_REQUEST_BODY);
  const options = readPatchOptions(request.query, isApply);
  const mechanism = isApply
    ? applyMechanism(request, body, type, options, door)
    : patchMechanism(request, body, type, options, door);
  const written = await updateObject(store, name, writeContextOf(request, isDryRun(options)), {
    door,
    forceAllowCreate: isApply,
    change(current, copy) {
      const object = mechanism(current, copy);
      if (current === undefined && object.metadata.uid) {
        throw conflict(
          store.resource,
          name,
          `uid mismatch: the provided object specified uid ${object.metadata.uid}, and no existing object was found`,
        );
      }
      ensureNamespace(object, namespace, row.namespaced);
      checkName(object, name, namespace);
      return admitUpdate(request, object, current, options);
    },
    ...validators(request, options),
  });
  await writeObject(request, negotiated, written.created ? 201 : 200, written.bytes);
}

/** The Content-Type's patch type. @throws StatusError 415 */
export function patchTypeOf(request: ResourceRequest): string {
  const header = request.context.exchange.headers['content-type'] ?? '';
  const semicolon = header.indexOf(';');
  const type = semicolon > 0 ? header.slice(0, semicolon) : header;
  const accepted = acceptedTypes(request.endpoint);
  if (accepted.includes(type)) return type;
  if (request.endpoint.isCustom) {
    const types = accepted.filter((t) => t !== APPLY_CBOR).join(', ');
    const problem = 'the body of the request was in an unknown format';
    throw unsupportedMediaType(`${problem} - accepted media types include: ${types}`);
  }
  // The router upstream refuses it before any handler sees it.
  throw new StatusError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: '415: Unsupported Media Type',
    details: {},
  });
}

function acceptedTypes(endpoint: Endpoint): readonly string[] {
  // A custom resource has no Go type, so no strategic merge.
  return endpoint.isCustom
    ? [JSON_PATCH, MERGE_PATCH, APPLY_YAML, APPLY_CBOR]
    : [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_YAML, APPLY_CBOR];
}

/** JSON, merge and strategic patches. */
export function patchMechanism(
  request: ResourceRequest,
  body: Buffer,
  type: string,
  options: WriteOptions,
  door: UpdateStrategy,
): PatchMechanism {
  const { endpoint } = request;
  const { schema, row, store } = endpoint;
  const strict = options.fieldValidation ?? 'Warn';
  const patch = parsePatch(body, type, strict);
  const duplicates = strict === 'Ignore' ? [] : findDuplicateKeys(body, patch);
  let fresh: unknown = patch;
  return (current, copy) => {
    if (current === undefined) throw notFound(store.resource, request.name);
    // A JSON patch works in place, and its `copy` shares subtrees within.
    const known = store.strategy.sharesUnchanged === true && type !== JSON_PATCH ? current : undefined;
    // The result shares subtrees with what is patched and with the patch, so each attempt takes its own of both.
    const patched = applyPatch(known ?? copy(), fresh ?? parsePatch(body, type), type, schema, row.schemas);
    fresh = undefined;
    let object = type === JSON_PATCH ? cloneJson(patched) : patched;
    // Only a strategic patch is shown itself when it does not fit; of the others the whole result is shown.
    // What is unknown is gone from `object` by the time a strict patch is refused for it, so the patch is made once more.
    const made = () => applyPatch(copy(), parsePatch(body, type), type, schema, row.schemas);
    const shown = () =>
      type === STRATEGIC_PATCH ? goPrint(withoutOrderedLists(patch)) : patchedJson(made(), endpoint.isCustom);
    if (type === STRATEGIC_PATCH) {
      // Patched as a Go struct, whose kind is not the patch's to say.
      object.apiVersion = endpoint.apiVersion;
      object.kind = row.kind;
    }
    const problem = patchedKindProblem(object, endpoint.body);
    if (problem !== undefined) throw invalidPatch(shown(), problem);
    const check = type === STRATEGIC_PATCH ? checkRestorable : checkTypes;
    const bad = check(object, schema, row.schemas, known);
    if (bad !== undefined) throw invalidPatch(shown(), endpoint.isCustom ? ofMetadata(bad) : bad);
    const unknown = pruneUnknown(object, schema, row.schemas, known);
    // Go walks what it patched by sorted keys.
    unknown.sort();
    const problems = [...duplicates, ...unknown];
    if (problems.length > 0 && strict === 'Strict')
      throw invalidPatch(shown(), `strict decoding error: ${problems.join(', ')}`);
    if (problems.length > 0 && strict === 'Warn') for (const p of problems) request.context.warn(p);
    object.metadata ??= {};
    object = endpoint.body.canonical?.(object, known) ?? object;
    if (known !== undefined) ownParts(object, known);
    store.strategy.default?.(object);
    trackFields(request, object, current, options.fieldManager, door);
    return object;
  };
}

/** A JSON, merge or strategic patch as a function; for what is patched without being stored under its own name (Scale). */
export function patchOf(
  body: Buffer,
  type: string,
  schema: Schema,
  source: SchemaSource,
): (object: KubeObject) => KubeObject {
  const patch = parsePatch(body, type);
  return (object) => applyPatch(object, patch, type, schema, source);
}

function applyPatch(base: KubeObject, patch: unknown, type: string, schema: Schema, source: SchemaSource): KubeObject {
  if (type === JSON_PATCH) return applyJsonPatch(base, patch) as KubeObject;
  if (type === MERGE_PATCH) return applyMergePatch(base, patch) as KubeObject;
  return applyStrategicMergePatch(base, patch, schema, source) as KubeObject;
}

/** Looking for repeated keys, Go reads a patch as what it ought to be before it uses it. */
function parsePatch(body: Buffer, type: string, strict: FieldValidation = 'Warn'): unknown {
  let patch: unknown;
  try {
    patch = parseJson(body);
  } catch (err) {
    const text = err instanceof Error ? err.message : String(err);
    const isRead = type === MERGE_PATCH || (type === JSON_PATCH && strict !== 'Ignore');
    throw badRequest(isRead ? `error decoding patch: ${text}` : text);
  }
  if (type === STRATEGIC_PATCH) return patch ?? {};
  if (type === MERGE_PATCH && strict !== 'Ignore' && patch !== null && !isJsonObject(patch)) {
    const what = Array.isArray(patch) ? 'array' : typeof patch === 'boolean' ? 'bool' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    );
  }
  return patch;
}

function invalidPatch(shown: string, why: string) {
  return invalid({ group: '', kind: '' }, '', [invalidField(Path.root('patch'), shown, why)]);
}

/** What merging leaves of a strategic patch: directives about a list are taken out together with the list. */
function withoutOrderedLists(patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const gone = new Set<string>();
  for (const key of Object.keys(patch)) {
    const directive = /^\$(setElementOrder|deleteFromPrimitiveList)\/(.+)$/.exec(key);
    if (directive !== null) gone.add(key).add(directive[2]!);
  }
  const kept = Object.entries(patch).filter(([key]) => !gone.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutOrderedLists(value)]));
}

/** Go prints the patched object with its outermost keys sorted, all of them where it has no struct for it. */
function patchedJson(object: KubeObject, deep = false): string {
  return stringifyJson(sorted(object, deep));
}

function sorted(value: unknown, deep: boolean): unknown {
  if (Array.isArray(value)) return deep ? value.map((item) => sorted(item, deep)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(deep ? entries.map(([k, v]) => [k, sorted(v, deep)]) : entries);
}

/** Server-side apply. */
export function applyMechanism(
  request: ResourceRequest,
  body: Buffer,
  type: string,
  options: WriteOptions,
  door: UpdateStrategy,
): PatchMechanism {
  const { endpoint } = request;
  const { store } = endpoint;
  const strict = options.fieldValidation ?? 'Warn';
  const applied = parseApplied(body, type);
  const repeated = strict === 'Ignore' || type === APPLY_CBOR ? [] : repeatedKeys(body, applied);
  if (repeated.length > 0) {
    if (strict === 'Strict')
      throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${repeated.join(', ')}`);
    for (const r of repeated) request.context.warn(r.replace(/^yaml: unmarshal errors:\n {2}/, ''));
  }
  return (current) => {
    const result = applyServerSide({
      ...fieldManagerOptions(request, options.fieldManager, door),
      live: current,
      applied,
      force: options.force === true,
    });
    const known = store.strategy.sharesUnchanged === true ? current : undefined;
    const { managedFields } = result.object.metadata;
    // It shares structure with the stored object, which nobody may change.
    const object = endpoint.body.canonical?.(result.object, known) ?? cloneJson(result.object);
    if (known !== undefined) ownParts(object, known);
    if (managedFields !== undefined) object.metadata.managedFields = managedFields;
    store.strategy.default?.(object);
    return object;
  };
}

/** In the words of the YAML reader, also of JSON. */
function repeatedKeys(body: Buffer, applied: object): string[] {
  if (body[0] === 0x7b) {
    try {
      if (findDuplicateKeys(body, applied).length === 0) return [];
    } catch {
      // YAML in braces that is no JSON.
    }
  }
  return findYamlDuplicates(body.toString());
}

/** YAML. Nearly all of it is sent as JSON, which is read faster; braces alone do not make it so: commas at the end, comments, keys without quotes. */
function parseText(body: Buffer): unknown {
  if (body[0] === 0x7b) {
    try {
      return parseJson(body);
    } catch {
      // The YAML reader has the last word, and the words of the error.
    }
  }
  return parseYaml(body.toString());
}

export function parseApplied(body: Buffer, type: string): KubeObject {
  let parsed: unknown;
  try {
    parsed = type === APPLY_CBOR ? decodeCbor(body) : parseText(body);
  } catch (err) {
    throw badRequest(
      `error decoding YAML: error converting YAML to JSON: ${err instanceof Error ? err.message : String(err)}`,
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    if (parsed === null) throw badRequest('invalid object type: /, Kind=');
    const what = Array.isArray(parsed) ? 'array' : typeof parsed === 'boolean' ? 'bool' : typeof parsed;
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    );
  }
  const object = parsed as KubeObject;
  object.metadata ??= {};
  return object;
}
