/**
 * OwnerReferencesPermissionEnforcement (off by default): owners are set only on what one may delete, and blocked from deletion only by who may
 * set their finalizers. Upstream: plugin/pkg/admission/gc
 */
import { isDeepStrictEqual } from 'node:util';
import { attributesOf } from '../../machinery/authorization/authorizer.ts';
import { type OwnerReference, parseApiVersion } from '../../machinery/meta/object.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor, refuse } from '../refuse.ts';

export function ownerReferencesPermissionEnforcement(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    validate(a) {
      // Binding and status of pods are the scheduler's and the kubelet's.
      if (isFor(a, '', 'pods', 'status') || isFor(a, '', 'bindings') || isFor(a, '', 'pods', 'binding')) return;
      const next = a.object?.metadata?.ownerReferences ?? [];
      const old = a.oldObject?.metadata?.ownerReferences ?? [];
      if (isDeepStrictEqual(next, old)) return;
      return checkOwners(data, a, newlyBlocking(next, old));
    },
  };
}

async function checkOwners(data: AdmissionData, a: Attributes, blocking: readonly OwnerReference[]): Promise<void> {
  if (a.operation !== 'CREATE') await checkDelete(data, a);
  await checkBlocking(data, a, blocking);
}

async function checkDelete(data: AdmissionData, a: Attributes): Promise<void> {
  const { group, version, resource } = a.resource;
  const { decision, reason } = await data.authorizer.authorize(
    attributesOf({
      user: a.user,
      verb: 'delete',
      namespace: a.namespace,
      apiGroup: group,
      apiVersion: version,
      resource,
      subresource: a.subresource,
      name: a.name,
    }),
  );
  if (decision !== 'Allow') throw refuse(a, `cannot set an ownerRef on a resource you can't delete: ${reason}, <nil>`);
}

function newlyBlocking(next: readonly OwnerReference[], old: readonly OwnerReference[]): OwnerReference[] {
  const blocked = new Set(old.filter((r) => r.blockOwnerDeletion).map((r) => r.uid));
  return next.filter((r) => r.blockOwnerDeletion && !blocked.has(r.uid));
}

async function checkBlocking(data: AdmissionData, a: Attributes, refs: readonly OwnerReference[]): Promise<void> {
  if (refs.length === 0) return;
  const finalize = { user: a.user, verb: 'update', apiVersion: '*', subresource: 'finalizers' };
  const anything = attributesOf({ ...finalize, apiGroup: '*', resource: '*', name: '*' });
  if ((await data.authorizer.authorize(anything)).decision === 'Allow') return;
  for (const ref of refs) {
    const { group, version } = parseApiVersion(ref.apiVersion);
    const mapping = data.resourceOf?.({ group, version, kind: ref.kind });
    if (mapping === undefined)
      throw refuse(
        a,
        `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${ref.apiVersion} Kind ${ref.kind}: no matches for kind ${JSON.stringify(ref.kind)} in version ${JSON.stringify(ref.apiVersion)}`,
      );
    const { decision, reason } = await data.authorizer.authorize(
      attributesOf({
        ...finalize,
        apiVersion: version,
        apiGroup: group,
        resource: mapping.resource,
        namespace: mapping.namespaced ? a.namespace : '',
        name: ref.name,
      }),
    );
    if (decision !== 'Allow')
      throw refuse(
        a,
        `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, <nil>`,
      );
  }
}
