/** POST of an object. Upstream: apiserver/pkg/endpoints/handlers/create.go */
import { ensureNamespace, wipeSystemFields } from '../../registry/generic/before-create.ts';
import { createObject } from '../../registry/generic/write-create.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { isDryRun, readCreateOptions } from '../request/query-options.ts';
import { attributesFor, dedupOwnerReferences, writeContextOf } from './attributes.ts';
import { readObject } from './decode.ts';
import { admitKeepingFields, trackFields } from './field-manager.ts';
import { negotiateOutput, writeObject } from './output.ts';

export async function handleCreate(request: ResourceRequest): Promise<void> {
  const { endpoint, server, namespace } = request;
  const { store, row } = endpoint;
  const negotiated = negotiateOutput(request);
  const options = readCreateOptions(request.query);
  const dryRun = isDryRun(options);
  const object = await readObject(request, endpoint.body, options.fieldValidation);
  wipeSystemFields(object.metadata);
  ensureNamespace(object, namespace, row.namespaced);
  dedupOwnerReferences(request, object, false);
  store.strategy.default?.(object);
  trackFields(request, object, undefined, options.fieldManager, store.strategy);
  const name = object.metadata.name ?? '';
  const attributes = attributesFor(request, {
    operation: 'CREATE',
    object,
    oldObject: undefined,
    name,
    options,
    dryRun,
  });
  const admitting = admitKeepingFields(request, attributes);
  if (admitting !== undefined) await admitting;
  const admitted = attributes.object ?? object;
  dedupOwnerReferences(request, admitted, true);
  const written = await createObject(store, admitted, writeContextOf(request, dryRun), (final) => {
    const about = {
      operation: 'CREATE',
      object: final,
      oldObject: undefined,
      name: final.metadata.name ?? '',
      options,
      dryRun,
    } as const;
    return server.admission.validate(attributesFor(request, about));
  });
  await writeObject(request, negotiated, 201, written.bytes);
}
