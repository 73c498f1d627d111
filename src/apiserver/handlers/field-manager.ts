/**
 * managedFields on every write that is no apply. Who writes is the request's fieldManager, else the head of its User-Agent.
 * Upstream: apimachinery/pkg/util/managedfields/fieldmanager.go UpdateNoErrors
 */

import type { Attributes } from '../../admission/admission.ts';
import { type Awaitable, when } from '../../base/when.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../machinery/meta/object.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { managerOf } from '../../machinery/patch/field-manager-name.ts';
import { type FieldManagerOptions, updateManagedFields } from '../../machinery/patch/managed-fields.ts';
import { managedFieldsError } from '../../machinery/patch/managers.ts';
import type { UpdateStrategy } from '../../registry/generic/strategy.ts';
import type { ResourceRequest } from '../endpoint.ts';

export function fieldManagerOptions(
  request: ResourceRequest,
  fieldManager: string | undefined,
  door: UpdateStrategy,
): FieldManagerOptions {
  const { endpoint, server, context } = request;
  return {
    schema: endpoint.schema,
    source: endpoint.row.schemas,
    apiVersion: endpoint.apiVersion,
    kind: endpoint.row.kind,
    ...(request.subresource === '' ? {} : { subresource: request.subresource }),
    manager: managerOf(fieldManager, context.exchange.headers['user-agent']),
    time: formatTime(server.clock.now()),
    ...(door.resetFields === undefined ? {} : { resetFields: door.resetFields }),
  };
}

/** Sets `object.metadata.managedFields` to what this write makes of them. */
export function trackFields(
  request: ResourceRequest,
  object: KubeObject,
  live: KubeObject | undefined,
  fieldManager: string | undefined,
  door: UpdateStrategy,
): void {
  const { empty } = request.endpoint;
  const entries = updateManagedFields({
    ...fieldManagerOptions(request, fieldManager, door),
    live,
    ...(live === undefined && empty !== undefined ? { empty } : {}),
    object,
  });
  if (entries === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

const INVALID_AFTER_ADMISSION =
  '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission ' +
  'controller; please fix your requests: ';

/** Admission's mutating half; managedFields it breaks are put back. Upstream: handlers/fieldmanager/admission.go */
export function admitKeepingFields(request: ResourceRequest, attributes: Attributes): Awaitable<void> {
  const before = attributes.object?.metadata.managedFields;
  return when(request.server.admission.admit(attributes), () => keepFields(request, attributes, before));
}

function keepFields(request: ResourceRequest, attributes: Attributes, before: ManagedFieldsEntry[] | undefined): void {
  const { object } = attributes;
  // Plugins leave the array alone; only a webhook brings another one.
  if (object === undefined || object.metadata.managedFields === before) return;
  const problem = managedFieldsError(object.metadata.managedFields);
  if (problem === undefined) return;
  request.context.warn(`${INVALID_AFTER_ADMISSION}${problem}`);
  if (before === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = before;
}
