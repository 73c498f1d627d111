/** DELETE of one object and of a collection. Upstream: apiserver/pkg/endpoints/handlers/delete.go */

import { decodeCbor } from '../../machinery/codec/cbor.ts';
import { parseJson } from '../../machinery/codec/json.ts';
import { negotiateContentType } from '../../machinery/codec/negotiate.ts';
import { decodeProtobuf } from '../../machinery/codec/protobuf.ts';
import { parseYaml } from '../../machinery/codec/yaml.ts';
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import {
  type Deleted,
  deleteCollection,
  deleteObject,
  type ValidateDelete,
} from '../../registry/generic/write-delete.ts';
import type { ResourceRequest } from '../endpoint.ts';
import {
  type DeleteRequestOptions,
  deleteOptionsOf,
  isDryRun,
  readDeleteOptions,
  readListOptions,
  validateDeleteOptions,
} from '../request/query-options.ts';
import { attributesFor, writeContextOf } from './attributes.ts';
import { MAX_REQUEST_BODY, notAnObject } from './decode.ts';
import { encodeStatus } from './errors.ts';
import { writeList } from './list-output.ts';
import { negotiateOutput, writeBytes, writeObject } from './output.ts';

export async function handleDelete(request: ResourceRequest): Promise<void> {
  const negotiated = negotiateOutput(request);
  const options = await deleteOptions(request);
  const context = writeContextOf(request, isDryRun(options));
  const { store } = request.endpoint;
  const result = await deleteObject(store, request.name, options, context, deleteAdmission(request, options));
  const status = !result.deleted && options.orphanDependents === false ? 202 : 200;
  if (returnsObject(request, result)) await writeObject(request, negotiated, status, result.bytes);
  else {
    const { as: _, ...plain } = negotiated;
    await writeBytes(request.context.exchange, plain, status, Buffer.from(successStatus(request, result.object)));
  }
}

export async function handleDeleteCollection(request: ResourceRequest): Promise<void> {
  const negotiated = negotiateOutput(request);
  const list = readListOptions(request.query);
  const options = await deleteOptions(request);
  const context = writeContextOf(request, isDryRun(options));
  const { store } = request.endpoint;
  const listed = await deleteCollection(store, options, list, context, deleteAdmission(request, options));
  await writeList(request, negotiated, listed);
}

/** From the body when there is one, else from the query. */
async function deleteOptions(request: ResourceRequest): Promise<DeleteRequestOptions> {
  const { exchange } = request.context;
  const body = await exchange.readBody(MAX_REQUEST_BODY);
  let options: DeleteRequestOptions;
  if (body.length === 0) options = readDeleteOptions(request.query);
  else {
    const encoding = negotiateContentType(exchange.headers['content-type']);
    let parsed: unknown;
    try {
      parsed =
        encoding === 'json'
          ? parseJson(body)
          : encoding === 'yaml'
            ? parseYaml(body.toString())
            : encoding === 'protobuf'
              ? decodeProtobuf(body)
              : decodeCbor(body);
    } catch (err) {
      const text = err instanceof Error ? err.message : String(err);
      throw badRequest(encoding === 'json' ? `couldn't get version/kind; json parse error: ${text}` : text);
    }
    parsed ??= {};
    if (typeof parsed !== 'object' || Array.isArray(parsed)) throw badRequest(notAnObject(parsed));
    const { kind, apiVersion } = parsed as { kind?: unknown; apiVersion?: unknown };
    if (kind !== undefined && kind !== '' && kind !== 'DeleteOptions') {
      throw badRequest(
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion || 'meta.k8s.io/v1')} in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"`,
      );
    }
    options = deleteOptionsOf(parsed as Record<string, unknown>);
  }
  validateDeleteOptions(options);
  const warning = request.endpoint.store.strategy.warnOfDelete?.(options);
  if (warning !== undefined) request.context.warn(warning);
  return options;
}

function deleteAdmission(request: ResourceRequest, options: DeleteRequestOptions): ValidateDelete {
  const { admission } = request.server;
  const dryRun = isDryRun(options);
  return async (old) => {
    const name = old.metadata.name ?? '';
    const attributes = attributesFor(request, {
      operation: 'DELETE',
      object: undefined,
      oldObject: old,
      name,
      options,
      dryRun,
    });
    await admission.admit(attributes);
    await admission.validate(attributes);
  };
}

/** An object that lives on is returned as it is now; one that is gone, as a Status, save where upstream returns it. */
function returnsObject(request: ResourceRequest, result: Deleted): boolean {
  return !result.deleted || request.endpoint.row.returnsDeleted === true;
}

function successStatus(request: ResourceRequest, object: KubeObject): string {
  const { group, resource } = request.endpoint.row;
  const { name, uid } = object.metadata;
  const json = encodeStatus({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource, ...(uid ? { uid } : {}) },
    code: 0,
  });
  // A success carries no code unless a handler sets one.
  return json.replace(/,"code":0}$/, '}');
}
