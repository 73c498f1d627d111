/**
 * Services. Addresses and ports are reserved in `begin`; everything about families that can be refused is refused before.
 * Upstream: pkg/registry/core/service/strategy.go, storage/storage.go
 */
import type { Service } from '../../../api/core-v1.ts';
import { Path } from '../../../machinery/validation/field-error.ts';
import { nameIsDNSLabel } from '../../../machinery/validation/names.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { ipWarning } from '../../validation/ip.ts';
import type { ServiceAllocators } from './allocators.ts';
import { defaultService, dropTypeDependentFields, normalizeClusterIPs, patchAllocatedValues } from './defaults.ts';
import { initIPFamilies } from './ip-families.ts';
import { isHeadless, validateLoadBalancerStatus, validateService, validateServiceUpdate } from './validation.ts';

/** Without allocators (a table without an API server) no addresses are given out. */
export function serviceStrategy(allocators: ServiceAllocators | undefined): Strategy<Service> {
  return specStatusStrategy<Service>({
    default: defaultService,
    validateName: nameIsDNSLabel,
    allowCreateOnUpdate: true,
    initialStatus: () => ({ loadBalancer: {} }),
    prepareForCreate(service) {
      normalizeClusterIPs(service.spec!, undefined);
      if (allocators) initIPFamilies(service, undefined, allocators);
    },
    prepareForUpdate(service, old) {
      patchAllocatedValues(service.spec!, old.spec!);
      normalizeClusterIPs(service.spec!, old.spec);
      if (allocators) initIPFamilies(service, old, allocators);
      dropTypeDependentFields(service, old);
    },
    validate: (service) => validateService(service, undefined),
    validateUpdate: validateServiceUpdate,
    warn: (service, _, context) => warn(service, context),
    ...(allocators && {
      begin: (service, old, context) => allocators.begin(service, old, context.dryRun),
      afterDelete: async (service, context) => {
        if (!context.dryRun) await allocators.release(service);
      },
    }),
    fields: (service) => ({ 'spec.clusterIP': service.spec?.clusterIP ?? '', 'spec.type': service.spec?.type ?? '' }),
    status: {
      prepare(service, old) {
        service.spec = structuredClone(old.spec!);
      },
      validate: (service, old) =>
        validateLoadBalancerStatus(service.status?.loadBalancer, old.status?.loadBalancer, service.spec!),
    },
  });
}

/** Upstream: pkg/api/service/warnings.go */
function warn(service: Service, context: StrategyContext): void {
  const spec = service.spec!;
  const path = Path.root('spec');
  if (service.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    const use = 'please use service.kubernetes.io/topology-mode instead';
    context.warn(`annotation service.kubernetes.io/topology-aware-hints is deprecated, ${use}`);
  }
  const addresses = (field: string, values: readonly string[] | undefined) =>
    values?.forEach((ip, i) => {
      const text = ipWarning(path.child(field).index(i), ip);
      if (text) context.warn(text);
    });
  const headless = isHeadless(spec) && spec.type === 'ClusterIP';
  if (!headless && spec.clusterIP !== 'None') addresses('clusterIPs', spec.clusterIPs);
  if (headless) {
    if (spec.loadBalancerIP) context.warn('spec.loadBalancerIP is ignored for headless services');
    if (spec.externalIPs?.length) context.warn('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') context.warn('spec.SessionAffinity is ignored for headless services');
  }
  addresses('externalIPs', spec.externalIPs);
  if (spec.externalIPs?.length && !headless && spec.type !== 'ExternalName') {
    context.warn('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (spec.loadBalancerIP) {
    const text = ipWarning(path.child('loadBalancerIP'), spec.loadBalancerIP);
    if (text) context.warn(text);
  }
  if (spec.type === 'ExternalName' && spec.externalIPs?.length) {
    context.warn('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    context.warn('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    context.warn('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
}
