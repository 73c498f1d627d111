/**
 * NamespaceLifecycle: nothing is made in a namespace that is not there or is going away, and the immortal namespaces are not
 * deleted. Upstream: apiserver/pkg/admission/plugin/namespace/lifecycle
 */

import type { Namespace } from '../../api/core-v1.ts';
import { when } from '../../base/when.ts';
import { notFound } from '../../machinery/errors/status-error.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { refuse } from '../refuse.ts';

const NAMESPACES = { group: '', resource: 'namespaces' };
const IMMORTAL_NAMESPACES = ['default', 'kube-system', 'kube-public'];
/** How long the cache of a deleting server may lag behind the deletion, ms. */
const FORCE_LIVE_TTL = 30_000;
const FORCE_LIVE_LIMIT = 100;

export function namespaceLifecycle(data: AdmissionData): AdmissionPlugin {
  const deleting = new Map<string, number>();
  const isRecentlyDeleted = (name: string) => (deleting.get(name) ?? 0) > data.clock.now();
  return {
    name: 'NamespaceLifecycle',
    handles: (operation) => operation !== 'CONNECT',
    admit(a) {
      if (
        a.operation === 'DELETE' &&
        a.resource.group === '' &&
        a.resource.resource === 'namespaces' &&
        IMMORTAL_NAMESPACES.includes(a.name)
      )
        throw refuse(a, 'this namespace may not be deleted');
      if (a.kind.group === '' && a.kind.kind === 'Namespace') {
        if (a.operation === 'DELETE') {
          deleting.set(a.name, data.clock.now() + FORCE_LIVE_TTL);
          if (deleting.size > FORCE_LIVE_LIMIT) deleting.delete(deleting.keys().next().value!);
        }
        return;
      }
      if (a.namespace === '' || a.operation === 'DELETE') return;
      if (a.resource.group === 'authorization.k8s.io' && a.resource.resource === 'localsubjectaccessreviews') return;
      return when(data.get<Namespace>(NAMESPACES, '', a.namespace), (cached) => {
        const isDoubtful =
          cached === undefined || (isRecentlyDeleted(a.namespace) && cached.status?.phase === 'Active');
        if (!isDoubtful) return check(a, cached);
        return when(data.getLive<Namespace>(NAMESPACES, '', a.namespace), (live) => check(a, live));
      });
    },
  };
}

function check(a: Attributes, namespace: Namespace | undefined): void {
  if (namespace === undefined) throw notFound(NAMESPACES, a.namespace);
  if (a.operation === 'CREATE' && namespace.status?.phase === 'Terminating') throw terminating(a);
}

function terminating(a: Attributes) {
  const error = refuse(a, `unable to create new content in namespace ${a.namespace} because it is being terminated`);
  error.status.details!.causes = [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${a.namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ];
  return error;
}
