/**
 * Who the load is: a service account with a role of its own, made anew through the API with an administrator's kubeconfig. So
 * every request is authenticated by a token and decided by RBAC, in our server and in any other.
 */

import type { ResourceRef } from '../../src/client/client.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import type { Kubeconfig } from '../../src/client/kubeconfig.ts';
import { CLUSTERROLEBINDINGS, CLUSTERROLES, NAMESPACES, SERVICEACCOUNTS } from '../../src/client/resources.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { isAlreadyExists } from '../../src/machinery/errors/status-error.ts';
import { NAMESPACE } from '../fixtures/objects.ts';
import type { Endpoint } from '../load/connection.ts';

const ACCOUNT = 'load';
const ROLE = 'keelson-bench-load';
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

export async function identify(config: Kubeconfig, userAgent: string): Promise<Endpoint> {
  await using transport = httpTransport(config);
  const client = createClient(transport, { headers: { 'user-agent': userAgent } });
  const ensure = async (ref: ResourceRef, object: object, namespace?: string) => {
    try {
      await client.create(ref, object as never, namespace === undefined ? {} : { namespace });
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  };
  await ensure(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  // Pods run as `default`; where no controller makes it, admission would refuse them.
  for (const name of [ACCOUNT, 'default'])
    await ensure(SERVICEACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }, NAMESPACE);
  const rbac = 'rbac.authorization.k8s.io';
  await ensure(CLUSTERROLES, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: ROLE },
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/status', 'configmaps'], verbs: VERBS },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: VERBS },
    ],
  });
  await ensure(CLUSTERROLEBINDINGS, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: ROLE },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: ROLE },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
  });
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 24 * 3600 },
  };
  const { status } = await client.createSubresource<{ status: { token: string } }>(
    SERVICEACCOUNTS,
    ACCOUNT,
    'token',
    request,
    { namespace: NAMESPACE },
  );
  const url = new URL(config.server);
  return {
    host: url.hostname,
    port: Number(url.port || 443),
    ca: config.ca ?? '',
    headers: { 'user-agent': userAgent, authorization: `Bearer ${status.token}` },
  };
}
