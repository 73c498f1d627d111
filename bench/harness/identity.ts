/**
 * Who the load is: a service account with a role of its own, made anew through the API with an administrator's kubeconfig. So
 * every request is authenticated by a token and decided by RBAC, in our server and in any other.
 */

import type { Client, ResourceRef } from '../../src/client/client.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import type { Kubeconfig } from '../../src/client/kubeconfig.ts';
import {
  CLUSTERROLEBINDINGS,
  CLUSTERROLES,
  CONFIGMAPS,
  LEASES,
  NAMESPACES,
  PODS,
  SERVICEACCOUNTS,
} from '../../src/client/resources.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { isAlreadyExists } from '../../src/machinery/errors/status-error.ts';
import { NAMESPACE } from '../fixtures/objects.ts';
import type { Endpoint } from '../load/connection.ts';

const ACCOUNT = 'load';
const ROLE = 'keelson-bench-load';
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** A namespace for Pods: where no controller makes its account `default`, admission would refuse them. */
export async function makeNamespace(config: Kubeconfig, name: string): Promise<void> {
  await using transport = httpTransport(config);
  const client = createClient(transport);
  await ensure(client, NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await ensure(
    client,
    SERVICEACCOUNTS,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
    name,
  );
}

/** What scenarios wrote there goes; on a server that outlives the bench. */
export async function clearNamespace(config: Kubeconfig, namespace: string): Promise<void> {
  await using transport = httpTransport(config);
  const client = createClient(transport);
  for (const ref of [PODS, CONFIGMAPS, LEASES]) {
    try {
      await client.deleteCollection(ref, { namespace, gracePeriodSeconds: 0 });
    } catch {
      // A server may give up on a long deletion; what it left is in a namespace that no later run reads.
    }
  }
}

async function ensure(client: Client, ref: ResourceRef, object: object, namespace?: string): Promise<void> {
  try {
    await client.create(ref, object as never, namespace === undefined ? {} : { namespace });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
  }
}

export async function identify(config: Kubeconfig, userAgent: string): Promise<Endpoint> {
  await using transport = httpTransport(config);
  const client = createClient(transport, { headers: { 'user-agent': userAgent } });
  await makeNamespace(config, NAMESPACE);
  await ensure(
    client,
    SERVICEACCOUNTS,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT } },
    NAMESPACE,
  );
  const rbac = 'rbac.authorization.k8s.io';
  await ensure(client, CLUSTERROLES, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: ROLE },
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/status', 'configmaps'], verbs: VERBS },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: VERBS },
    ],
  });
  await ensure(client, CLUSTERROLEBINDINGS, {
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
