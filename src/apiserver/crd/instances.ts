/**
 * Removes all objects of a custom resource, namespace by namespace.
 * Upstream: apiextensions pkg/controller/finalizer/crd_finalizer.go deleteInstances
 */
import type { Client, ResourceRef } from '../../client/client.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import {
  type CustomResourceDefinition,
  storageVersionOf,
} from '../../registry/apiextensions.k8s.io/customresourcedefinitions/custom-resource-definition.ts';

/** True when none is left. Those with finalizers stay until their owners are done: ask again later. @throws StatusError */
export async function deleteInstances(
  crd: CustomResourceDefinition,
  client: Client,
  signal: AbortSignal,
): Promise<boolean> {
  const ref = refOf(crd);
  if (!ref) return true;
  const namespaces = await namespacesWithInstances(client, ref, signal);
  if (namespaces.size === 0) return true;
  for (const namespace of namespaces) {
    await client.deleteCollection(ref, ref.namespaced ? { namespace, signal } : { signal });
  }
  return (await namespacesWithInstances(client, ref, signal)).size === 0;
}

/** A served version; the storage version when it is one. */
function refOf(crd: CustomResourceDefinition): ResourceRef | undefined {
  const storage = storageVersionOf(crd);
  const version = storage?.served ? storage : crd.spec.versions.find((v) => v.served);
  if (!version) return undefined;
  const names = { ...crd.spec.names, ...crd.status?.acceptedNames };
  return {
    group: crd.spec.group,
    version: version.name,
    resource: names.plural,
    kind: names.kind,
    namespaced: crd.spec.scope === 'Namespaced',
  };
}

async function namespacesWithInstances(client: Client, ref: ResourceRef, signal: AbortSignal): Promise<Set<string>> {
  try {
    const { items } = await client.list(ref, { signal });
    return new Set(items.map((o) => o.metadata.namespace ?? ''));
  } catch (err) {
    if (isNotFound(err)) return new Set();
    throw err;
  }
}
