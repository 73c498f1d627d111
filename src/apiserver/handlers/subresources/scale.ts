/**
 * The scale subresource: an autoscaling/v1 Scale in front of any resource whose strategy says where its replicas are.
 * Upstream: pkg/registry/apps/deployment/storage/storage.go ScaleREST, apiextensions-apiserver customresource etcd.go
 */

import { encodeJson } from '../../../machinery/codec/json.ts';
import { checkTypes, pruneUnknown } from '../../../machinery/codec/unknown-fields.ts';
import { badRequest, conflict, internalError, invalid, notFound } from '../../../machinery/errors/status-error.ts';
import { cloneJson } from '../../../machinery/meta/clone.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../../machinery/meta/object.ts';
import { formatTime } from '../../../machinery/meta/time.ts';
import { managerOf } from '../../../machinery/patch/field-manager-name.ts';
import { updateManagedFields } from '../../../machinery/patch/managed-fields.ts';
import { managedFieldsOfParent, managedFieldsOfScale } from '../../../machinery/patch/scale-managed-fields.ts';
import { applyServerSide } from '../../../machinery/patch/server-side-apply.ts';
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import { type FieldError, invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { getEntry } from '../../../registry/generic/list.ts';
import type { Strategy } from '../../../registry/generic/strategy.ts';
import { updateObject } from '../../../registry/generic/write-update.ts';
import type { SubresourceHandlers } from '../../dispatcher.ts';
import { bodyKind, type ResourceRequest } from '../../endpoint.ts';
import { isDryRun, readPatchOptions, readUpdateOptions, type WriteOptions } from '../../request/query-options.ts';
import { attributesFor, checkName, writeContextOf } from '../attributes.ts';
import { MAX_REQUEST_BODY, readObject } from '../decode.ts';
import { negotiateOutput, writeObject } from '../output.ts';
import { parseApplied, patchOf, patchTypeOf } from '../patch.ts';

const SCALE_KIND = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const SCALE_API_VERSION = 'autoscaling/v1';
const DEFINITION = 'io.k8s.api.autoscaling.v1.Scale';

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

type ScaleDoor = NonNullable<Strategy['scale']>;

export const scaleHandlers: SubresourceHandlers = { get: handleGet, put: handleUpdate, patch: handlePatch };

async function handleGet(request: ResourceRequest): Promise<void> {
  const negotiated = negotiateOutput(request);
  const { endpoint, namespace, name, query } = request;
  const entry = await getEntry(endpoint.store, namespace, name, query.get('resourceVersion') ?? '');
  const parent = endpoint.store.object(entry);
  const { specReplicas } = doorOf(request);
  if (endpoint.isCustom && numberAt(parent, specReplicas.split('.').slice(1)) === undefined) {
    throw internalError(new Error(`the spec replicas field ${JSON.stringify(specReplicas)} does not exist`));
  }
  const scale = scaleOf(request, parent);
  await writeObject(request, negotiated, 200, encodeJson(scale));
}

async function handleUpdate(request: ResourceRequest): Promise<void> {
  const negotiated = negotiateOutput(request);
  const options = readUpdateOptions(request.query);
  const into = bodyKind(SCALE_KIND, DEFINITION, builtinSchemas());
  const sent = (await readObject(request, into, options.fieldValidation)) as Scale;
  checkName(sent, request.name, request.namespace);
  const bytes = await write(request, options, (live) => ({
    ...sent,
    metadata: {
      ...sent.metadata,
      ...(live.metadata.managedFields === undefined ? {} : { managedFields: live.metadata.managedFields }),
    },
  }));
  await writeObject(request, negotiated, 200, bytes);
}

async function handlePatch(request: ResourceRequest): Promise<void> {
  const type = patchTypeOf(request);
  const isApply = type.startsWith('application/apply-patch');
  const negotiated = negotiateOutput(request);
  const body = await request.context.exchange.readBody(MAX_REQUEST_BODY);
  const options = readPatchOptions(request.query, isApply);
  const schemas = builtinSchemas();
  const schema = schemas.definition(DEFINITION);
  if (isApply) {
    const applied = parseApplied(body, type);
    const bytes = await write(
      request,
      options,
      (live) =>
        applyServerSide({
          ...managerOptions(request, options),
          live,
          applied,
          force: options.force === true,
        }).object as Scale,
      true,
    );
    return writeObject(request, negotiated, 200, bytes);
  }
  const patch = patchOf(body, type, schema, schemas);
  const bytes = await write(request, options, (live) => {
    const scale = cloneJson(patch(live)) as Scale;
    const bad = checkTypes(scale, schema, schemas);
    if (bad !== undefined)
      throw invalid({ group: '', kind: '' }, '', [invalidField(Path.root('patch'), JSON.stringify(scale), bad)]);
    pruneUnknown(scale, schema, schemas);
    scale.apiVersion = SCALE_API_VERSION;
    scale.kind = SCALE_KIND.kind;
    if (request.endpoint.isCustom && live.spec?.replicas === undefined && scale.spec?.replicas === undefined) {
      const { specReplicas } = doorOf(request);
      throw badRequest(`the spec replicas field ${JSON.stringify(specReplicas)} cannot be empty`);
    }
    return scale;
  });
  return writeObject(request, negotiated, 200, bytes);
}

/** Changes the resource through its Scale; answers the Scale it has then. */
async function write(
  request: ResourceRequest,
  options: WriteOptions,
  change: (live: Scale) => Scale,
  tracksFields = false,
): Promise<Buffer> {
  const { endpoint, name, server } = request;
  const { store } = endpoint;
  const { specReplicas } = doorOf(request);
  const path = specReplicas.split('.').slice(1);
  const paths = { [endpoint.apiVersion]: path };
  const dryRun = isDryRun(options);
  const admission = (object: Scale, oldObject: Scale) =>
    attributesFor(request, {
      operation: 'UPDATE',
      object,
      oldObject,
      options: { ...options, kind: 'UpdateOptions' },
      dryRun,
      kind: SCALE_KIND,
    });
  let before: Scale | undefined;
  let after: Scale | undefined;
  const written = await updateObject(store, name, writeContextOf(request, dryRun), {
    door: store.strategy,
    async change(current, copy) {
      if (current === undefined) throw notFound(store.resource, name);
      const live = ownedScaleOf(request, current);
      const next = change(cloneJson(live));
      checkName(next, name, request.namespace);
      checkScale(request, next, live);
      if (!tracksFields)
        setManaged(next, updateManagedFields({ ...managerOptions(request, options), live, object: next }));
      before = live;
      after = next;
      await server.admission.admit(admission(next, live));
      const parent = copy();
      setAt(parent, path, next.spec?.replicas ?? 0);
      setManaged(
        parent,
        managedFieldsOfParent(parent.metadata.managedFields, next.metadata.managedFields, endpoint.apiVersion, paths),
      );
      if (next.metadata.resourceVersion) parent.metadata.resourceVersion = next.metadata.resourceVersion;
      return parent;
    },
    async validateUpdate() {
      await server.admission.validate(admission(after!, before!));
    },
  });
  return encodeJson(scaleOf(request, written.object));
}

function doorOf(request: ResourceRequest): ScaleDoor {
  const door = request.endpoint.store.strategy.scale;
  if (door === undefined) throw notFound(request.endpoint.store.resource, request.name);
  return door;
}

function scaleOf(request: ResourceRequest, parent: KubeObject): Scale {
  const door = doorOf(request);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = parent.metadata;
  const selector = door.selector(parent);
  const path = door.specReplicas.split('.').slice(1);
  const replicas = numberAt(parent, path);
  return {
    kind: 'Scale',
    apiVersion: SCALE_API_VERSION,
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp == null ? {} : { creationTimestamp }),
    },
    spec: specOf(replicas),
    status: {
      replicas: numberAt(parent, door.statusReplicas.split('.').slice(1)) ?? 0,
      ...(selector === '' ? {} : { selector }),
    },
  };
}

/** With its owners: what a write is compared with. Nobody is shown them. */
function ownedScaleOf(request: ResourceRequest, parent: KubeObject): Scale {
  const scale = scaleOf(request, parent);
  const path = doorOf(request).specReplicas.split('.').slice(1);
  setManaged(scale, managedFieldsOfScale(parent.metadata.managedFields, { [request.endpoint.apiVersion]: path }));
  return scale;
}

// Go leaves a zero out of a Scale's spec.
function specOf(replicas: number | undefined): { replicas?: number } {
  return replicas === undefined || replicas === 0 ? {} : { replicas };
}

/** Upstream: pkg/apis/autoscaling/validation ValidateScale, plus the preconditions a Scale carries. */
function checkScale(request: ResourceRequest, scale: Scale, live: Scale): void {
  const errors: FieldError[] = [];
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0)
    errors.push(invalidField(Path.root('spec', 'replicas'), replicas, 'must be greater than or equal to 0'));
  if (errors.length > 0) throw invalid({ group: 'autoscaling', kind: 'Scale' }, request.name, errors);
  const { uid } = scale.metadata;
  if (uid && uid !== live.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ''}`;
    throw conflict(request.endpoint.store.resource, request.name, why);
  }
}

function managerOptions(request: ResourceRequest, options: WriteOptions) {
  return {
    schema: builtinSchemas().definition(DEFINITION),
    source: builtinSchemas(),
    apiVersion: SCALE_API_VERSION,
    kind: 'Scale',
    subresource: 'scale',
    manager: managerOf(options.fieldManager, request.context.exchange.headers['user-agent']),
    time: formatTime(request.server.clock.now()),
  };
}

function setManaged(object: KubeObject, entries: ManagedFieldsEntry[] | undefined): void {
  if (entries === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

function numberAt(object: KubeObject, path: readonly string[]): number | undefined {
  let at: unknown = object;
  for (const p of path) at = (at as Record<string, unknown> | undefined)?.[p];
  return typeof at === 'number' ? at : undefined;
}

function setAt(object: KubeObject, path: readonly string[], value: number): void {
  let at = object as unknown as Record<string, unknown>;
  for (const p of path.slice(0, -1)) {
    at[p] ??= {};
    at = at[p] as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}
