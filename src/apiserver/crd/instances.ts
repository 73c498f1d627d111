/**
 * Removes all objects of a custom resource, namespace by namespace, and waits until those with finalizers are gone too.
 * Upstream: apiextensions pkg/controller/finalizer/crd_finalizer.go deleteInstances
 */
import type { Clock } from '../../base/clock.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import {
  type CustomResourceDefinition,
  storageVersionOf,
} from '../../registry/apiextensions.k8s.io/customresourcedefinitions/custom-resource-definition.ts';

const POLL_MS = 1000;
const GIVE_UP_MS = 60_000;

/** @throws Error when some could not be deleted, or are still there after a minute (the caller tries again). */
export async function deleteInstances(
  crd: CustomResourceDefinition,
  { client, clock }: { client: Client; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const ref = refOf(crd);
  if (!ref) return;
  const until = clock.monotonic() + GIVE_UP_MS;
  for (;;) {
    const namespaces = await namespacesWithInstances(client, ref, signal);
    if (namespaces.size === 0) return;
    for (const namespace of namespaces) {
      await client.deleteCollection(ref, ref.namespaced ? { namespace, signal } : { signal });
    }
    if ((await namespacesWithInstances(client, ref, signal)).size === 0) return;
    if (clock.monotonic() >= until) throw new Error('timed out waiting for the condition');
    await clock.sleep(POLL_MS, signal);
  }
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
