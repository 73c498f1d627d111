/**
 * What an API server writes into its own store when it starts: namespaces, policy, priority classes, its own service. Each hook is a
 * readiness check under upstream's name until it is done. Running them again changes nothing.
 * Upstream: pkg/controlplane/{instance,controller/systemnamespaces,controller/kubernetesservice}, pkg/registry/*\/rest
 */

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import { isAlreadyExists, isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { formatTime } from '../machinery/meta/time.ts';
import { ensureRbacPolicy } from './authz/ensure-policy.ts';
import type { AutoRegistration } from './auto-registration.ts';
import type { HealthChecks } from './health.ts';
import { FLOW_SCHEMAS, PRIORITY_LEVELS } from './post-start-flowcontrol.ts';
import { kubernetesEndpointSlice, kubernetesEndpoints, kubernetesService, serviceCIDR } from './post-start-service.ts';

export interface PostStartOptions {
  client: Client;
  health: HealthChecks;
  log: Logger;
  signal: AbortSignal;
  /** The `kubernetes` service: its address, and where it leads; no endpoints when nobody listens. */
  service: { clusterIP: string; cidrs: readonly string[]; port?: number; advertise?: { ip: string; port: number } };
  clock: Clock;
  registration: AutoRegistration;
  /** Of kube-system/extension-apiserver-authentication. */
  extensionAuthentication: Record<string, string>;
}

interface Hook {
  name: string;
  run(): Promise<void>;
}

const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease', 'default'];

const ref = (group: string, resource: string, kind: string, namespaced: boolean): ResourceRef => ({
  group,
  version: 'v1',
  resource,
  kind,
  namespaced,
});
const NAMESPACES = ref('', 'namespaces', 'Namespace', false);
const PRIORITY_CLASSES = ref('scheduling.k8s.io', 'priorityclasses', 'PriorityClass', false);
const SERVICES = ref('', 'services', 'Service', true);
const ENDPOINTS = ref('', 'endpoints', 'Endpoints', true);
const ENDPOINT_SLICES = ref('discovery.k8s.io', 'endpointslices', 'EndpointSlice', true);
const SERVICE_CIDRS = ref('networking.k8s.io', 'servicecidrs', 'ServiceCIDR', false);
const CONFIG_MAPS = ref('', 'configmaps', 'ConfigMap', true);
const FLOW_SCHEMA = ref('flowcontrol.apiserver.k8s.io', 'flowschemas', 'FlowSchema', false);
const PRIORITY_LEVEL = ref(
  'flowcontrol.apiserver.k8s.io',
  'prioritylevelconfigurations',
  'PriorityLevelConfiguration',
  false,
);

// Upstream: pkg/apis/scheduling/v1/helpers.go SystemPriorityClasses
const SYSTEM_PRIORITY_CLASSES = [
  {
    name: 'system-node-critical',
    value: 2000001000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2000000000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

/** Runs all hooks; namespaces first, the rest together. Rejects with the first failure. */
export async function runPostStartHooks(options: PostStartOptions): Promise<void> {
  const { health } = options;
  const first = [namespaces(options)];
  const then = [
    policy(options),
    priorityClasses(options),
    service(options),
    authentication(options),
    flowControl(options),
    tokenTracking(options),
    registration(options),
  ];
  const done = new Set<string>();
  for (const hook of [...first, ...then]) {
    health.add({
      name: `poststarthook/${hook.name}`,
      check() {
        if (!done.has(hook.name)) throw new Error('not finished');
      },
    });
  }
  for (const group of [first, then]) {
    await Promise.all(
      group.map(async (hook) => {
        await hook.run();
        done.add(hook.name);
      }),
    );
  }
}

const namespaces = ({ client }: PostStartOptions): Hook => ({
  name: 'start-system-namespaces-controller',
  async run() {
    await Promise.all(SYSTEM_NAMESPACES.map((name) => ensure(client, NAMESPACES, object('v1', 'Namespace', name))));
  },
});

const policy = ({ client, log, signal }: PostStartOptions): Hook => ({
  name: 'rbac/bootstrap-roles',
  run: () => ensureRbacPolicy({ client, log, signal }),
});

const priorityClasses = ({ client }: PostStartOptions): Hook => ({
  name: 'scheduling/bootstrap-system-priority-classes',
  async run() {
    await Promise.all(
      SYSTEM_PRIORITY_CLASSES.map(({ name, ...rest }) =>
        ensure(client, PRIORITY_CLASSES, { ...object('scheduling.k8s.io/v1', 'PriorityClass', name), ...rest }),
      ),
    );
  },
});

const service = ({ client, service: s }: PostStartOptions): Hook => ({
  name: 'bootstrap-controller',
  async run() {
    await ensure(client, SERVICE_CIDRS, serviceCIDR(s.cidrs));
    await ensure(client, SERVICES, kubernetesService(s.clusterIP, s.advertise?.port ?? s.port ?? 6443), 'default');
    if (s.advertise === undefined) return;
    await put(client, ENDPOINTS, kubernetesEndpoints(s.advertise), 'default');
    await put(client, ENDPOINT_SLICES, kubernetesEndpointSlice(s.advertise), 'default');
  },
});

const authentication = ({ client, extensionAuthentication }: PostStartOptions): Hook => ({
  name: 'start-cluster-authentication-info-controller',
  async run() {
    const map = {
      ...object('v1', 'ConfigMap', 'extension-apiserver-authentication', 'kube-system'),
      data: extensionAuthentication,
    };
    await put(client, CONFIG_MAPS, map, 'kube-system');
  },
});

/** Since when uses of legacy tokens have been noted. */
const tokenTracking = ({ client, clock }: PostStartOptions): Hook => ({
  name: 'start-legacy-token-tracking-controller',
  async run() {
    const map = {
      ...object('v1', 'ConfigMap', 'kube-apiserver-legacy-service-account-token-tracking', 'kube-system'),
      data: { since: formatTime(clock.now()).slice(0, 10) },
    };
    await ensure(client, CONFIG_MAPS, map, 'kube-system');
  },
});

const registration = ({ registration: r }: PostStartOptions): Hook => ({
  name: 'kube-apiserver-autoregistration',
  run: () => r.start(),
});

const flowControl = ({ client }: PostStartOptions): Hook => ({
  name: 'priority-and-fairness-config-producer',
  async run() {
    await Promise.all([
      ...PRIORITY_LEVELS.map((level) => ensure(client, PRIORITY_LEVEL, level)),
      ...FLOW_SCHEMAS.map((schema) => ensure(client, FLOW_SCHEMA, schema)),
    ]);
  },
});

function object(apiVersion: string, kind: string, name: string, namespace?: string): KubeObject {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

/** Creates what is not there. */
async function ensure(client: Client, to: ResourceRef, want: KubeObject, namespace?: string): Promise<void> {
  const where = namespace === undefined ? {} : { namespace };
  try {
    await client.get(to, want.metadata.name!, where);
    return;
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
  try {
    await client.create(to, want, where);
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
  }
}

/** Creates it, or brings its content up to date. */
async function put(client: Client, to: ResourceRef, want: KubeObject, namespace: string): Promise<void> {
  try {
    await client.create(to, want, { namespace });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
    const { apiVersion: _, kind: __, metadata, ...content } = want;
    const labels = metadata.labels === undefined ? {} : { metadata: { labels: metadata.labels } };
    await client.patch(to, metadata.name!, 'merge', { ...labels, ...content }, { namespace });
  }
}
