/**
 * The list of controllers. A new one is a folder and a line here. Names are upstream's; a duplicate stops the process at
 * start. Upstream: cmd/kube-controller-manager/app/controller_descriptor.go, names/controller_names.go
 */
import {
  startCsrApprovingController,
  startCsrCleanerController,
  startCsrSigningController,
} from './certificates/controller.ts';
import { startClusterRoleAggregationController } from './clusterrole-aggregation/controller.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { startCronJobController } from './cronjob/controller.ts';
import { startDaemonSetController } from './daemonset/controller.ts';
import { startDeploymentController } from './deployment/controller.ts';
import { startDisruptionController } from './disruption/controller.ts';
import { startEndpointsController } from './endpoints/controller.ts';
import { startEndpointSliceController } from './endpointslice/controller.ts';
import { startEndpointSliceMirroringController } from './endpointslice-mirroring/controller.ts';
import { startEphemeralVolumeController } from './ephemeral-volume/controller.ts';
import { startGarbageCollectorController } from './garbage-collector/controller.ts';
import { startJobController } from './job/controller.ts';
import { startNamespaceController } from './namespace/controller.ts';
import { startNodeIpamController } from './node-ipam/controller.ts';
import { startNodeLifecycleController } from './node-lifecycle/controller.ts';
import { startPodGcController } from './pod-gc/controller.ts';
import { startReplicaSetController } from './replicaset/controller.ts';
import { startReplicationController } from './replicationcontroller/controller.ts';
import { startResourceQuotaController } from './resourcequota/controller.ts';
import { startRootCaCertPublisher } from './root-ca-cert-publisher/controller.ts';
import { startServiceAccountController } from './serviceaccount/controller.ts';
import { startStatefulSetController } from './statefulset/controller.ts';
import {
  startAttributesClassProtectionController,
  startClaimProtectionController,
  startVolumeProtectionController,
} from './storage-protection/controller.ts';
import { startTaintEvictionController } from './taint-eviction/controller.ts';
import { startTtlAfterFinishedController } from './ttl-after-finished/controller.ts';

export interface ControllerDescriptor {
  name: string;
  /** Older names that --controllers also takes. */
  aliases: readonly string[];
  /** Asks for informers and sets up handlers; undefined when its settings leave it nothing to do. */
  start(context: ControllerContext): Controller | undefined;
  /** Not part of '*'. */
  offByDefault?: boolean;
}

export const CONTROLLERS: readonly ControllerDescriptor[] = checked([
  { name: 'serviceaccount-controller', aliases: ['serviceaccount'], start: startServiceAccountController },
  {
    name: 'root-ca-certificate-publisher-controller',
    aliases: ['root-ca-cert-publisher'],
    start: startRootCaCertPublisher,
  },
  { name: 'namespace-controller', aliases: ['namespace'], start: startNamespaceController },
  { name: 'deployment-controller', aliases: ['deployment'], start: startDeploymentController },
  { name: 'replicaset-controller', aliases: ['replicaset'], start: startReplicaSetController },
  { name: 'replicationcontroller-controller', aliases: ['replicationcontroller'], start: startReplicationController },
  { name: 'daemonset-controller', aliases: ['daemonset'], start: startDaemonSetController },
  { name: 'statefulset-controller', aliases: ['statefulset'], start: startStatefulSetController },
  { name: 'job-controller', aliases: ['job'], start: startJobController },
  { name: 'cronjob-controller', aliases: ['cronjob'], start: startCronJobController },
  {
    name: 'certificatesigningrequest-signing-controller',
    aliases: ['csrsigning'],
    start: startCsrSigningController,
  },
  {
    name: 'certificatesigningrequest-approving-controller',
    aliases: ['csrapproving'],
    start: startCsrApprovingController,
  },
  {
    name: 'certificatesigningrequest-cleaner-controller',
    aliases: ['csrcleaner'],
    start: startCsrCleanerController,
  },
  { name: 'disruption-controller', aliases: ['disruption'], start: startDisruptionController },
  { name: 'endpoints-controller', aliases: ['endpoint'], start: startEndpointsController },
  { name: 'endpointslice-controller', aliases: ['endpointslice'], start: startEndpointSliceController },
  {
    name: 'endpointslice-mirroring-controller',
    aliases: ['endpointslicemirroring'],
    start: startEndpointSliceMirroringController,
  },
  { name: 'resourcequota-controller', aliases: ['resourcequota'], start: startResourceQuotaController },
  { name: 'node-ipam-controller', aliases: ['nodeipam'], start: startNodeIpamController },
  { name: 'node-lifecycle-controller', aliases: ['nodelifecycle'], start: startNodeLifecycleController },
  { name: 'taint-eviction-controller', aliases: [], start: startTaintEvictionController },
  { name: 'pod-garbage-collector-controller', aliases: ['podgc'], start: startPodGcController },
  { name: 'ttl-after-finished-controller', aliases: ['ttl-after-finished'], start: startTtlAfterFinishedController },
  { name: 'ephemeral-volume-controller', aliases: ['ephemeral-volume'], start: startEphemeralVolumeController },
  {
    name: 'persistentvolumeclaim-protection-controller',
    aliases: ['pvc-protection'],
    start: startClaimProtectionController,
  },
  {
    name: 'persistentvolume-protection-controller',
    aliases: ['pv-protection'],
    start: startVolumeProtectionController,
  },
  {
    name: 'volumeattributesclass-protection-controller',
    aliases: [],
    start: startAttributesClassProtectionController,
  },
  {
    name: 'clusterrole-aggregation-controller',
    aliases: ['clusterrole-aggregation'],
    start: startClusterRoleAggregationController,
  },
  { name: 'garbage-collector-controller', aliases: ['garbagecollector'], start: startGarbageCollectorController },
]);

function checked(list: readonly ControllerDescriptor[]): readonly ControllerDescriptor[] {
  const seen = new Set<string>();
  for (const name of list.flatMap((d) => [d.name, ...d.aliases])) {
    if (name === '') throw new Error('received controller descriptor with empty name');
    if (seen.has(name)) throw new Error(`controller name or alias "${name}" is used twice`);
    seen.add(name);
  }
  return list;
}

/** Does `--controllers` (a list of names, `-name`, `*`) let this one run? */
export function isControllerEnabled(descriptor: ControllerDescriptor, flags: readonly string[]): boolean {
  let star = false;
  for (const flag of flags) {
    const names = [descriptor.name, ...descriptor.aliases];
    if (names.includes(flag)) return true;
    if (flag.startsWith('-') && names.includes(flag.slice(1))) return false;
    if (flag === '*') star = true;
  }
  return star && !descriptor.offByDefault;
}

/** What is wrong with a `--controllers` value; empty when nothing is. */
export function validateControllerFlags(flags: readonly string[]): string[] {
  const known = new Set(CONTROLLERS.flatMap((d) => [d.name, ...d.aliases]));
  return flags
    .map((f) => (f.startsWith('-') ? f.slice(1) : f))
    .filter((name) => name !== '*' && !known.has(name))
    .map((name) => `"${name}" is not in the list of known controllers`);
}
