/**
 * Settings of the controller manager: upstream's flags in camelCase with upstream's defaults. Durations are milliseconds.
 * src/cmd turns command-line flags into these. Upstream: cmd/kube-controller-manager/app/options
 */
export interface ControllerManagerFlags {
  /** `--controllers`: names to run, '*' for all that are on by default, '-name' to leave one out. */
  controllers: readonly string[];
  concurrentDeploymentSyncs: number;
  concurrentReplicasetSyncs: number;
  concurrentRcSyncs: number;
  concurrentStatefulsetSyncs: number;
  concurrentDaemonsetSyncs: number;
  concurrentJobSyncs: number;
  concurrentCronJobSyncs: number;
  concurrentEndpointSyncs: number;
  concurrentServiceEndpointSyncs: number;
  concurrentNamespaceSyncs: number;
  concurrentGcSyncs: number;
  concurrentResourceQuotaSyncs: number;
  concurrentServiceaccountTokenSyncs: number;
  concurrentTtlAfterFinishedSyncs: number;
  concurrentEphemeralvolumeSyncs: number;
  namespaceSyncPeriod: number;
  resourceQuotaSyncPeriod: number;
  endpointUpdatesBatchPeriod: number;
  endpointsliceUpdatesBatchPeriod: number;
  maxEndpointsPerSlice: number;
  mirroringConcurrentServiceEndpointSyncs: number;
  mirroringEndpointsliceUpdatesBatchPeriod: number;
  mirroringMaxEndpointsPerSubset: number;
  nodeMonitorPeriod: number;
  nodeMonitorGracePeriod: number;
  nodeStartupGracePeriod: number;
  /** Nodes a second that are tainted or whose pods are evicted, in a healthy zone. */
  nodeEvictionRate: number;
  secondaryNodeEvictionRate: number;
  unhealthyZoneThreshold: number;
  largeClusterSizeThreshold: number;
  terminatedPodGcThreshold: number;
  enableGarbageCollector: boolean;
  /** PEM put into every namespace as kube-root-ca.crt; without it that controller does not run. */
  rootCa: string | undefined;
  /** Signs the certificates that are asked for; without it that controller does not run. */
  clusterSigningCa: { certificate: string; key: string } | undefined;
  /** The longest time such a certificate is good for. */
  clusterSigningDuration: number;
  /** Nodes get ranges for their pods from clusterCidr (one, or one of each family, divided by a comma). */
  allocateNodeCidrs: boolean;
  clusterCidr: string | undefined;
  /** Is kept free of nodes' ranges. */
  serviceClusterIpRange: string | undefined;
  /** 0: that of the family. */
  nodeCidrMaskSize: number;
  nodeCidrMaskSizeIpv4: number;
  nodeCidrMaskSizeIpv6: number;
}

export const DEFAULT_FLAGS: ControllerManagerFlags = Object.freeze({
  controllers: ['*'],
  concurrentDeploymentSyncs: 5,
  concurrentReplicasetSyncs: 5,
  concurrentRcSyncs: 5,
  concurrentStatefulsetSyncs: 5,
  concurrentDaemonsetSyncs: 2,
  concurrentJobSyncs: 5,
  concurrentCronJobSyncs: 5,
  concurrentEndpointSyncs: 5,
  concurrentServiceEndpointSyncs: 5,
  concurrentNamespaceSyncs: 10,
  concurrentGcSyncs: 20,
  concurrentResourceQuotaSyncs: 5,
  concurrentServiceaccountTokenSyncs: 5,
  concurrentTtlAfterFinishedSyncs: 5,
  concurrentEphemeralvolumeSyncs: 5,
  namespaceSyncPeriod: 5 * 60_000,
  resourceQuotaSyncPeriod: 5 * 60_000,
  endpointUpdatesBatchPeriod: 0,
  endpointsliceUpdatesBatchPeriod: 0,
  maxEndpointsPerSlice: 100,
  mirroringConcurrentServiceEndpointSyncs: 5,
  mirroringEndpointsliceUpdatesBatchPeriod: 0,
  mirroringMaxEndpointsPerSubset: 1000,
  nodeMonitorPeriod: 5_000,
  nodeMonitorGracePeriod: 50_000,
  nodeStartupGracePeriod: 60_000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  unhealthyZoneThreshold: 0.55,
  largeClusterSizeThreshold: 50,
  terminatedPodGcThreshold: 12_500,
  enableGarbageCollector: true,
  rootCa: undefined,
  clusterSigningCa: undefined,
  clusterSigningDuration: 365 * 24 * 3_600_000,
  allocateNodeCidrs: false,
  clusterCidr: undefined,
  serviceClusterIpRange: undefined,
  nodeCidrMaskSize: 0,
  nodeCidrMaskSizeIpv4: 24,
  nodeCidrMaskSizeIpv6: 64,
});
