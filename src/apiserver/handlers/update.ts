/** PUT of an object, through the main door or a subresource of the same kind. Upstream: apiserver/pkg/endpoints/handlers/update.go */

import type { Attributes } from '../../admission/admission.ts';
import { type Awaitable, when } from '../../base/when.ts';
import { attributesOf, forbiddenError } from '../../machinery/authorization/authorizer.ts';
import { negotiateContentType } from '../../machinery/codec/negotiate.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { ensureNamespace } from '../../registry/generic/before-create.ts';
import { ownParts, shareEqual } from '../../registry/generic/sharing.ts';
import type { UpdateStrategy } from '../../registry/generic/strategy.ts';
import { updateObject } from '../../registry/generic/write-update.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { isDryRun, readUpdateOptions, type WriteOptions } from '../request/query-options.ts';
import { attributesFor, checkName, dedupOwnerReferences, writeContextOf } from './attributes.ts';
import { decodeObject, MAX_REQUEST_BODY } from './decode.ts';
import { admitKeepingFields, trackFields } from './field-manager.ts';
import { negotiateOutput, writeObject } from './output.ts';

export async function handleUpdate(
  request: ResourceRequest,
  door: UpdateStrategy = request.endpoint.store.strategy,
): Promise<void> {
  const { endpoint, namespace, name } = request;
  const { store, row } = endpoint;
  const { exchange } = request.context;
  const negotiated = negotiateOutput(request);
  const options = readUpdateOptions(request.query);
  const encoding = negotiateContentType(exchange.headers['content-type'], { protobuf: !endpoint.isCustom });
  const body = await exchange.readBody(MAX_REQUEST_BODY);
  // Most of what is sent back is what was read: what equals the object as it is now need not be looked at.
  const known = store.known(namespace, name);
  const decode = () => {
    const object = decodeObject(request, body, encoding, endpoint.body, options.fieldValidation ?? 'Warn', known);
    if (known !== undefined) ownParts(object, known);
    ensureNamespace(object, namespace, row.namespaced);
    checkName(object, name, namespace);
    dedupOwnerReferences(request, object, false);
    store.strategy.default?.(object);
    return object;
  };
  let first: KubeObject | undefined = decode();
  const uid = first.metadata.uid;
  const written = await updateObject(store, name, writeContextOf(request, isDryRun(options)), {
    door,
    ...(uid ? { uid } : {}),
    change(current) {
      // The body's object is spent by an attempt; another attempt decodes it anew.
      const object = first ?? decode();
      first = undefined;
      if (current !== undefined && current !== known && store.strategy.sharesUnchanged === true) {
        shareEqual(object, current);
        ownParts(object, current);
      }
      trackFields(request, object, current, options.fieldManager, door);
      return admitUpdate(request, object, current, options);
    },
    ...validators(request, options),
  });
  await writeObject(request, negotiated, written.created ? 201 : 200, written.bytes);
}

/** Admission's mutating half, for an update or for the create it turned out to be. */
export function admitUpdate(
  request: ResourceRequest,
  object: KubeObject,
  current: KubeObject | undefined,
  options: WriteOptions,
): Awaitable<KubeObject> {
  const attributes = updateAttributes(request, object, current, options);
  return when(admitKeepingFields(request, attributes), () => {
    const admitted = attributes.object ?? object;
    dedupOwnerReferences(request, admitted, true);
    return admitted;
  });
}

/** Admission's validating half and the guard; a create in disguise must also be allowed as a create. */
export function validators(request: ResourceRequest, options: WriteOptions) {
  const { server } = request;
  return {
    validateUpdate(object: KubeObject, old: KubeObject): Awaitable<void> {
      return server.admission.validate(updateAttributes(request, object, old, options));
    },
    async validateCreate(object: KubeObject): Promise<void> {
      await authorizeCreate(request);
      await server.admission.validate(updateAttributes(request, object, undefined, options));
    },
  };
}

function updateAttributes(
  request: ResourceRequest,
  object: KubeObject,
  current: KubeObject | undefined,
  options: WriteOptions,
): Attributes {
  const kind = current === undefined ? 'CreateOptions' : 'UpdateOptions';
  const operation = current === undefined ? 'CREATE' : 'UPDATE';
  const asUpdate: Partial<WriteOptions> = { ...options, kind };
  delete asUpdate.force;
  return attributesFor(request, {
    operation,
    object,
    oldObject: current,
    options: asUpdate,
    dryRun: isDryRun(options),
  });
}

/** Upstream: handlers.withAuthorization */
async function authorizeCreate(request: ResourceRequest): Promise<void> {
  const { server, context, endpoint, namespace, name, subresource } = request;
  const attributes = attributesOf({
    user: context.user,
    verb: 'create',
    resourceRequest: true,
    path: context.exchange.path,
    apiGroup: endpoint.row.group,
    apiVersion: endpoint.row.version,
    resource: endpoint.row.resource,
    subresource,
    namespace,
    name,
  });
  const { decision, reason } = await server.authorizer.authorize(attributes);
  if (decision !== 'Allow') throw forbiddenError(attributes, reason);
}
