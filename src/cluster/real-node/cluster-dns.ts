/**
 * The objects behind cluster DNS: service kube-system/kube-dns with its fixed address, an EndpointSlice that leads to the server on the
 * node, and what the server may read. Made by the cluster's own process; somebody's own kube-dns (with a selector) is left alone.
 */
import type { Service } from '../../api/core-v1.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { ENDPOINTSLICES, SERVICES } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

export interface ClusterDnsOptions {
  client: Client;
  /** Address of the service: `10.96.0.10`. */
  clusterIP: string;
  /** Where the server listens, and on which node. */
  endpoint: { ip: string; nodeName: string };
}

/** Who the DNS server is to the API server. */
export const DNS_USER = 'system:coredns';

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const SLICE = 'kube-dns-node';
const PORTS = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
];
const LABELS = {
  'k8s-app': 'kube-dns',
  'kubernetes.io/cluster-service': 'true',
  'kubernetes.io/name': 'CoreDNS',
};
const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: false };
const CLUSTER_ROLES: ResourceRef = { ...RBAC, resource: 'clusterroles', kind: 'ClusterRole' };
const BINDINGS: ResourceRef = { ...RBAC, resource: 'clusterrolebindings', kind: 'ClusterRoleBinding' };

export async function ensureClusterDns({ client, clusterIP, endpoint }: ClusterDnsOptions): Promise<void> {
  await Promise.all([role(client), binding(client)]);
  const service = await ensure<Service>(
    client,
    SERVICES,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
      spec: { clusterIP, ports: PORTS.map((p) => ({ ...p, targetPort: p.port })) },
    },
    NAMESPACE,
  );
  if (service.spec?.selector !== undefined) return;
  await ensureSlice(client, endpoint);
}

async function ensureSlice(client: Client, { ip, nodeName }: ClusterDnsOptions['endpoint']): Promise<void> {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: SLICE,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': NAME, 'endpointslice.kubernetes.io/managed-by': 'node.keelson.io' },
    },
    addressType: 'IPv4',
    ports: PORTS,
    endpoints: [{ addresses: [ip], conditions: { ready: true, serving: true, terminating: false }, nodeName }],
  };
  const present = await find<KubeObject>(client, ENDPOINTSLICES, SLICE, NAMESPACE);
  if (present === undefined) await client.create(ENDPOINTSLICES, slice, { namespace: NAMESPACE });
  else await client.patch(ENDPOINTSLICES, SLICE, 'merge', { endpoints: slice.endpoints }, { namespace: NAMESPACE });
}

function role(client: Client): Promise<KubeObject> {
  const read = (apiGroup: string, ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['list', 'watch'],
  });
  return ensure(client, CLUSTER_ROLES, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: DNS_USER },
    rules: [read('', 'services', 'namespaces'), read('discovery.k8s.io', 'endpointslices')],
  } as KubeObject);
}

function binding(client: Client): Promise<KubeObject> {
  return ensure(client, BINDINGS, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: DNS_USER },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: DNS_USER },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: DNS_USER }],
  } as KubeObject);
}

/** As it is when it is there. Asked for first: creating a service takes its address before it finds that the name is taken. */
async function ensure<T extends KubeObject>(
  client: Client,
  ref: ResourceRef,
  object: T,
  namespace?: string,
): Promise<T> {
  const present = await find<T>(client, ref, object.metadata.name ?? '', namespace);
  return present ?? client.create<T>(ref, object, namespace === undefined ? {} : { namespace });
}

async function find<T extends KubeObject>(
  client: Client,
  ref: ResourceRef,
  name: string,
  namespace?: string,
): Promise<T | undefined> {
  try {
    return await client.get<T>(ref, name, namespace === undefined ? {} : { namespace });
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}
