/** pods/binding: the scheduler's one write. Upstream: pkg/registry/core/pod/storage/storage.go BindingREST */
import type { Pod } from '../../../api/core-v1.ts';
import { badRequest, conflict, notFound, StatusError } from '../../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { formatTime } from '../../../machinery/meta/time.ts';
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import {
  aggregateMessage,
  type FieldError,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { updateObject } from '../../../registry/generic/write-update.ts';
import type { SubresourceHandlers } from '../../dispatcher.ts';
import { bodyKind, type Endpoint, type ResourceRequest } from '../../endpoint.ts';
import { isDryRun, readCreateOptions } from '../../request/query-options.ts';
import { attributesFor, writeContextOf } from '../attributes.ts';
import { readObject } from '../decode.ts';
import { OPEN_DOOR, writeSuccess } from './success.ts';

interface Binding extends KubeObject {
  target?: { kind?: string; name?: string };
}

const KIND = { group: '', version: 'v1', kind: 'Binding' };
const PODS = { group: '', version: 'v1', resource: 'pods' };

export const bindingHandlers: SubresourceHandlers = {
  post: (request) => bind(request, request.endpoint, request.name),
};

/** The older door: POST to `bindings`, the pod named in the object. */
export const legacyBindingHandlers: SubresourceHandlers = {
  post: (request) => {
    const pods = request.server.endpointOf(PODS);
    if (pods === undefined) throw notFound({ group: '', resource: 'pods' }, '');
    return bind(request, pods, undefined);
  },
};

async function bind(request: ResourceRequest, pods: Endpoint, urlName: string | undefined): Promise<void> {
  const { server, namespace } = request;
  const options = readCreateOptions(request.query);
  const dryRun = isDryRun(options);
  const into = bodyKind(KIND, 'io.k8s.api.core.v1.Binding', builtinSchemas());
  const binding = (await readObject(request, into, options.fieldValidation)) as Binding;
  const name = urlName ?? binding.metadata.name ?? '';
  const attributes = attributesFor(request, {
    operation: 'CREATE',
    object: binding,
    oldObject: undefined,
    name,
    options,
    dryRun,
    kind: KIND,
  });
  await server.admission.admit(attributes);
  if (binding.metadata.name !== name) throw badRequest('name in URL does not match name in Binding object');
  const errors = validateBinding(binding);
  if (errors.length > 0) throw new StatusError({ code: 500, message: aggregateMessage(errors) });
  await server.admission.validate(attributes);
  const context = writeContextOf(request, dryRun, namespace);
  const now = formatTime(server.clock.now());
  await updateObject(pods.store, name, context, {
    door: OPEN_DOOR,
    ...(binding.metadata.uid ? { uid: binding.metadata.uid } : {}),
    change: (current, copy) => assign(current, copy, binding, now),
  });
  await writeSuccess(request);
}

function validateBinding({ target }: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const path = Path.root('target');
  if (target?.kind && target.kind !== 'Node')
    errors.push(notSupported(path.child('kind'), target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(requiredField(path.child('name')));
  return errors;
}

function assign(current: KubeObject | undefined, copy: () => KubeObject, binding: Binding, now: string): KubeObject {
  const resource = { group: '', resource: 'pods/binding' };
  const name = binding.metadata.name ?? '';
  if (current === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  const old = current as Pod;
  if (old.metadata.deletionTimestamp)
    throw conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const node = old.spec?.nodeName;
  if (node) throw conflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(node)}`);
  if ((old.spec?.schedulingGates?.length ?? 0) > 0) {
    throw conflict(resource, name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  const pod = copy() as Pod;
  if (binding.metadata.resourceVersion) pod.metadata.resourceVersion = binding.metadata.resourceVersion;
  pod.spec!.nodeName = binding.target!.name!;
  pod.status ??= {};
  delete pod.status.nominatedNodeName;
  if (binding.metadata.annotations)
    pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  if (binding.metadata.labels) pod.metadata.labels = { ...pod.metadata.labels, ...binding.metadata.labels };
  setPodCondition(pod, { type: 'PodScheduled', status: 'True' }, now);
  return pod;
}

/** Upstream: pkg/api/pod UpdatePodCondition */
export function setPodCondition(
  pod: Pod,
  condition: { type: string; status: string; reason?: string; message?: string },
  now: string,
): void {
  pod.status ??= {};
  pod.status.conditions ??= [];
  const { conditions } = pod.status;
  const at = conditions.findIndex((c) => c.type === condition.type);
  const before = at < 0 ? undefined : conditions[at];
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  // Go's conditions always carry a probe time.
  const next = { ...condition, lastProbeTime: null as unknown as string, lastTransitionTime };
  if (at < 0) conditions.push(next);
  else conditions[at] = { ...before, ...next };
}
