/** `keelson kube-controller-manager`: the controllers as a process of their own, against any API server, with upstream's flags. */
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/rest-client.ts';
import { serviceAccountTransport } from '../client/service-account-transport.ts';
import type { Transport } from '../client/transport.ts';
import { startControllerManager } from '../kcm/controller-manager.ts';
import { validateControllerFlags } from '../kcm/controllers.ts';
import type { ControllerManagerFlags } from '../kcm/flags.ts';
import { ControllerMetrics } from '../kcm/metrics.ts';
import { noArguments, optionalFile } from './component/common-flags.ts';
import { electedFlags, runElected } from './component/elected-component.ts';
import { type FlagDefinitions, flagHelp, parseFlags } from './flags.ts';
import { UsageError } from './usage-error.ts';

const workers = (of: string, n: number) =>
  ({ type: 'int', default: `${n}`, help: `${of} worked on at the same time` }) as const;

const flags = {
  ...electedFlags('kube-controller-manager', 10_257),
  controllers: {
    type: 'strings',
    default: '*',
    help: "controllers to run: '*' for all that are on by default, foo for one, -foo for all but one",
  },
  'root-ca-file': { type: 'string', help: 'authority that goes into every namespace as kube-root-ca.crt' },
  'concurrent-deployment-syncs': workers('deployments', 5),
  'concurrent-replicaset-syncs': workers('replica sets', 5),
  'concurrent-rc-syncs': workers('replication controllers', 5),
  'concurrent-daemonset-syncs': workers('daemon sets', 2),
  'concurrent-statefulset-syncs': workers('stateful sets', 5),
  'concurrent-job-syncs': workers('jobs', 5),
  'concurrent-cron-job-syncs': workers('cron jobs', 5),
  'concurrent-endpoint-syncs': workers('endpoints', 5),
  'concurrent-service-endpoint-syncs': workers('services', 5),
  'concurrent-namespace-syncs': workers('namespaces', 10),
  'concurrent-gc-syncs': workers('garbage objects', 20),
  'concurrent-resource-quota-syncs': workers('quotas', 5),
  'concurrent-ttl-after-finished-syncs': workers('finished jobs', 5),
  'concurrent-ephemeralvolume-syncs': workers('ephemeral volumes', 5),
  'resource-quota-sync-period': { type: 'duration', default: '5m', help: 'how often usage is counted anew' },
  'endpoint-updates-batch-period': {
    type: 'duration',
    default: '0s',
    help: 'how long changes of pods are collected for Endpoints',
  },
  'endpointslice-updates-batch-period': {
    type: 'duration',
    default: '0s',
    help: 'how long they are for EndpointSlices',
  },
  'mirroring-concurrent-service-endpoint-syncs': {
    type: 'int',
    default: '5',
    help: 'Endpoints that are mirrored to EndpointSlices at the same time',
  },
  'mirroring-endpointslice-updates-batch-period': {
    type: 'duration',
    default: '0s',
    help: 'how long changes of mirrored EndpointSlices are collected',
  },
  'mirroring-max-endpoints-per-subset': {
    type: 'int',
    default: '1000',
    help: 'addresses of one subset that are mirrored, from 1 to 1000',
  },
  'max-endpoints-per-slice': { type: 'int', default: '100', help: 'from 1 to 1000' },
  'allocate-node-cidrs': { type: 'bool', default: 'false', help: 'give each node a range for its pods' },
  'cluster-cidr': { type: 'string', help: 'where those ranges are taken from; one of each family, divided by a comma' },
  'service-cluster-ip-range': { type: 'string', help: 'addresses of services, kept free of those ranges' },
  'node-cidr-mask-size': { type: 'int', default: '0', help: 'size of a range; 0: that of the family' },
  'node-cidr-mask-size-ipv4': { type: 'int', default: '24', help: 'the same where there are both families' },
  'node-cidr-mask-size-ipv6': { type: 'int', default: '64', help: 'the same where there are both families' },
  'node-monitor-period': { type: 'duration', default: '5s', help: 'how often nodes are looked at' },
  'node-monitor-grace-period': { type: 'duration', default: '50s', help: 'how long a node may be silent' },
  'node-startup-grace-period': { type: 'duration', default: '1m', help: 'how long a new node may be silent' },
  'node-eviction-rate': {
    type: 'float',
    default: '0.1',
    help: 'nodes a second whose pods are evicted, in a healthy zone',
  },
  'secondary-node-eviction-rate': { type: 'float', default: '0.01', help: 'the same in an unhealthy zone' },
  'unhealthy-zone-threshold': {
    type: 'float',
    default: '0.55',
    help: 'share of silent nodes that makes a zone unhealthy',
  },
  'large-cluster-size-threshold': {
    type: 'int',
    default: '50',
    help: 'nodes up to which an unhealthy zone evicts nothing',
  },
  'terminated-pod-gc-threshold': { type: 'int', default: '12500', help: 'ended pods that are kept; 0: all' },
  'enable-garbage-collector': { type: 'bool', default: 'true', help: 'delete what lost its owner' },
  'use-service-account-credentials': {
    type: 'bool',
    default: 'false',
    help: 'each controller acts as its own service account of kube-system',
  },
  'service-account-private-key-file': { type: 'string', help: 'signs tokens in Secrets (no such controller here yet)' },
  'cluster-signing-cert-file': { type: 'string', help: 'signs the certificates that are asked for' },
  'cluster-signing-key-file': { type: 'string', help: 'its key' },
  'cluster-signing-duration': {
    type: 'duration',
    default: '8760h',
    help: 'the longest such a certificate is good for',
  },
} as const satisfies FlagDefinitions;

/** Taken, because every installer gives them, for controllers that are not here. */
const DORMANT = ['service-account-private-key-file'] as const;

export const kubeControllerManagerHelp = `Runs the controllers.

Usage:
  keelson kube-controller-manager [flags]

Flags:
${flagHelp(flags)}
`;

/** Named by upstream's flag itself, in camelCase. */
const SAME = [
  'controllers',
  'concurrent-deployment-syncs',
  'concurrent-replicaset-syncs',
  'concurrent-rc-syncs',
  'concurrent-daemonset-syncs',
  'concurrent-statefulset-syncs',
  'concurrent-job-syncs',
  'concurrent-cron-job-syncs',
  'cluster-signing-duration',
  'concurrent-endpoint-syncs',
  'concurrent-service-endpoint-syncs',
  'concurrent-namespace-syncs',
  'concurrent-gc-syncs',
  'concurrent-resource-quota-syncs',
  'concurrent-ttl-after-finished-syncs',
  'concurrent-ephemeralvolume-syncs',
  'resource-quota-sync-period',
  'endpoint-updates-batch-period',
  'endpointslice-updates-batch-period',
  'mirroring-concurrent-service-endpoint-syncs',
  'mirroring-endpointslice-updates-batch-period',
  'mirroring-max-endpoints-per-subset',
  'max-endpoints-per-slice',
  'allocate-node-cidrs',
  'cluster-cidr',
  'service-cluster-ip-range',
  'node-cidr-mask-size',
  'node-cidr-mask-size-ipv4',
  'node-cidr-mask-size-ipv6',
  'node-monitor-period',
  'node-monitor-grace-period',
  'node-startup-grace-period',
  'node-eviction-rate',
  'secondary-node-eviction-rate',
  'unhealthy-zone-threshold',
  'large-cluster-size-threshold',
  'terminated-pod-gc-threshold',
  'enable-garbage-collector',
] as const;

function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export async function kubeControllerManager(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  noArguments('kube-controller-manager', rest);
  const problems = validateControllerFlags(values.controllers);
  if (problems.length > 0) throw new UsageError(problems.join(', '));
  const rootCa = optionalFile('root-ca-file', values['root-ca-file']);
  const settings = {
    ...Object.fromEntries(SAME.map((name) => [camelCase(name), values[name]])),
    rootCa,
    clusterSigningCa: signingCa(values['cluster-signing-cert-file'], values['cluster-signing-key-file']),
  } as Partial<ControllerManagerFlags>;
  const dormant = DORMANT.filter((flag) => optionalFile(flag, values[flag]) !== undefined);
  const metrics = new ControllerMetrics();
  return runElected({
    name: 'kube-controller-manager',
    flags: values,
    registry: metrics.registry,
    start({ client, bare, log, signal }) {
      if (dormant.length > 0) log.warn('flags without effect: their controllers are not here yet', { flags: dormant });
      const parts = { client, log, signal, clock: systemClock, random: systemRandom };
      const clientAs = (name: string) => accountClient({ client, transport: bare, name });
      return startControllerManager({
        ...parts,
        flags: settings,
        metrics,
        ...(values['use-service-account-credentials'] ? { clientAs } : {}),
      });
    },
  });
}

function signingCa(certFile: string | undefined, keyFile: string | undefined) {
  const certificate = optionalFile('cluster-signing-cert-file', certFile);
  const key = optionalFile('cluster-signing-key-file', keyFile);
  if ((certificate === undefined) !== (key === undefined))
    throw new UsageError('--cluster-signing-cert-file and --cluster-signing-key-file go together');
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

function accountClient({ client, transport, name }: { client: Client; transport: Transport; name: string }): Client {
  const account = { client, transport, clock: systemClock, namespace: 'kube-system', name };
  return createClient(serviceAccountTransport(account), {
    headers: { 'user-agent': `kube-controller-manager/${name}` },
  });
}
