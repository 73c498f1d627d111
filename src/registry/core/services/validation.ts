/** Rules of services. Upstream: pkg/apis/core/validation/validation.go validateService, ValidateServiceUpdate */
import type { LoadBalancerStatus, Service, ServicePort, ServiceSpec } from '../../../api/core-v1.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { parseIP } from '../../../machinery/validation/ip.ts';
import { isDNS1123Subdomain, isValidPortNum } from '../../../machinery/validation/names.ts';
import { validateLabels } from '../../../machinery/validation/object-meta.ts';
import { validCIDRForLegacyField, validEndpointIP, validIPForLegacyField } from '../../validation/ip.ts';
import {
  dnsLabel,
  dnsSubdomain,
  type Errors,
  invalidEach,
  oneOf,
  qualifiedName,
  supported,
} from '../../validation/values.ts';
import { PROTOCOLS } from '../pods/containers.ts';
import { validatePortNumOrName } from '../pods/probes.ts';
import { validateClusterIPs, validateUpgradeDowngrade } from './cluster-ips.ts';
import { isExternallyAccessible, needsHealthCheck } from './defaults.ts';

const SPEC = Path.root('spec');
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';

export const isHeadless = (spec: ServiceSpec): boolean =>
  spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

export function validateService(service: Service, old: Service | undefined): Errors {
  const out: Errors = [];
  const spec = service.spec!;
  const { annotations } = service.metadata;
  const hints = annotations?.[TOPOLOGY_HINTS];
  const mode = annotations?.[TOPOLOGY_MODE];
  if (hints !== undefined && mode !== undefined && hints !== mode) {
    const at = Path.root('metadata', 'annotations').key(TOPOLOGY_MODE);
    out.push(invalidField(at, mode, `must match annotations[${TOPOLOGY_HINTS}] when both are specified`));
  }
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName')
    out.push(requiredField(SPEC.child('ports')));
  validateType(spec, out);
  validatePorts(ports, out);
  if (spec.selector) out.push(...validateLabels(spec.selector, SPEC.child('selector')));
  validateSessionAffinity(spec, out);
  validateClusterIPs(service, old, out);
  spec.externalIPs?.forEach((ip, i) => {
    const at = SPEC.child('externalIPs').index(i);
    if (validIPForLegacyField(at, ip, old?.spec?.externalIPs, out)) validEndpointIP(ip, at, out);
  });
  oneOf(spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], SPEC.child('type'), out);
  validatePortUse(spec, ports, out);
  validateSourceRanges(service, old, out);
  if (spec.allocateLoadBalancerNodePorts != null && spec.type !== 'LoadBalancer') {
    const at = SPEC.child('allocateLoadBalancerNodePorts');
    out.push(forbiddenField(at, "may only be used when `type` is 'LoadBalancer'"));
  }
  validateLoadBalancerClass(spec, undefined, out);
  validateTraffic(spec, out);
  return out;
}

function validateType(spec: ServiceSpec, out: Errors): void {
  if (isHeadless(spec) && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    out.push(
      invalidField(SPEC.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`),
    );
  }
  if (spec.type !== 'ExternalName') return;
  const detail = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) out.push(forbiddenField(SPEC.child('clusterIPs'), detail));
  if (spec.ipFamilies?.length) out.push(forbiddenField(SPEC.child('ipFamilies'), detail));
  if (spec.ipFamilyPolicy != null) out.push(forbiddenField(SPEC.child('ipFamilyPolicy'), detail));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name) dnsSubdomain(name, SPEC.child('externalName'), out);
  else out.push(requiredField(SPEC.child('externalName')));
}

function validatePorts(ports: readonly ServicePort[], out: Errors): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const at = SPEC.child('ports').index(i);
    if (!port.name && ports.length > 1) out.push(requiredField(at.child('name')));
    else if (port.name) {
      dnsLabel(port.name, at.child('name'), out);
      if (names.has(port.name)) out.push(duplicateField(at.child('name'), port.name));
      names.add(port.name);
    }
    invalidEach(isValidPortNum(port.port ?? 0), at.child('port'), port.port ?? 0, out);
    oneOf(port.protocol, PROTOCOLS, at.child('protocol'), out);
    validatePortNumOrName(port.targetPort, at.child('targetPort'), out);
    if (port.appProtocol != null) qualifiedName(port.appProtocol, at.child('appProtocol'), out);
  });
}

function validateSessionAffinity(spec: ServiceSpec, out: Errors): void {
  oneOf(spec.sessionAffinity, ['ClientIP', 'None'], SPEC.child('sessionAffinity'), out);
  const at = SPEC.child('sessionAffinityConfig');
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None' && config) {
    out.push(forbiddenField(at, 'must not be set when session affinity is None'));
  }
  if (spec.sessionAffinity !== 'ClientIP') return;
  const detail = 'when session affinity type is ClientIP';
  const timeout = config?.clientIP?.timeoutSeconds;
  if (!config) out.push(requiredField(at, detail));
  else if (!config.clientIP) out.push(requiredField(at.child('clientIP'), detail));
  else if (timeout == null) out.push(requiredField(at.child('clientIP', 'timeoutSeconds'), detail));
  else if (timeout <= 0 || timeout > 86400) {
    out.push(
      invalidField(at.child('clientIP', 'timeoutSeconds'), timeout, 'must be greater than 0 and less than 86400'),
    );
  }
}

function validatePortUse(spec: ServiceSpec, ports: readonly ServicePort[], out: Errors): void {
  const nodePorts = new Set<string>();
  const seen = new Set<string>();
  ports.forEach((port, i) => {
    const at = SPEC.child('ports').index(i);
    if (spec.type === 'ClusterIP' && port.nodePort) {
      out.push(forbiddenField(at.child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
    }
  });
  ports.forEach((port, i) => {
    if (!port.nodePort) return;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) out.push(duplicateField(SPEC.child('ports').index(i).child('nodePort'), port.nodePort));
    nodePorts.add(key);
  });
  ports.forEach((port, i) => {
    const key = `${port.protocol}/${port.port}`;
    if (seen.has(key)) {
      // A port as upstream's internal type prints it.
      const shown = {
        Name: '',
        Protocol: port.protocol ?? '',
        AppProtocol: null,
        Port: port.port,
        TargetPort: 0,
        NodePort: 0,
      };
      out.push(duplicateField(SPEC.child('ports').index(i), shown));
    }
    seen.add(key);
  });
}

function validateSourceRanges(service: Service, old: Service | undefined, out: Errors): void {
  const spec = service.spec!;
  const detail = "may only be used when `type` is 'LoadBalancer'";
  if (spec.loadBalancerSourceRanges?.length) {
    const at = SPEC.child('LoadBalancerSourceRanges');
    if (spec.type !== 'LoadBalancer') out.push(forbiddenField(at, detail));
    const known = old?.spec?.loadBalancerSourceRanges?.map((r) => r.trim());
    spec.loadBalancerSourceRanges.forEach((r, i) => void validCIDRForLegacyField(at.index(i), r.trim(), known, out));
    return;
  }
  const text = service.metadata.annotations?.[SOURCE_RANGES];
  if (text === undefined) return;
  const at = Path.root('metadata', 'annotations').key(SOURCE_RANGES);
  if (spec.type !== 'LoadBalancer') out.push(forbiddenField(at, detail));
  if (old?.metadata.annotations?.[SOURCE_RANGES] === text || text.trim() === '') return;
  for (const range of text.trim().split(',')) validCIDRForLegacyField(at, range.trim(), undefined, out);
}

function validateLoadBalancerClass(spec: ServiceSpec, old: ServiceSpec | undefined, out: Errors): void {
  const at = SPEC.child('loadBalancerClass');
  const name = spec.loadBalancerClass;
  if (
    old?.type === 'LoadBalancer' &&
    spec.type === 'LoadBalancer' &&
    (old.loadBalancerClass ?? null) !== (name ?? null)
  ) {
    out.push(invalidField(at, name ?? null, 'may not change once set'));
  }
  if (name == null) return;
  if (spec.type === 'LoadBalancer') qualifiedName(name, at, out);
  else out.push(forbiddenField(at, "may only be used when `type` is 'LoadBalancer'"));
}

function validateTraffic(spec: ServiceSpec, out: Errors): void {
  const external = SPEC.child('externalTrafficPolicy');
  if (isExternallyAccessible(spec)) oneOf(spec.externalTrafficPolicy, ['Cluster', 'Local'], external, out);
  else if (spec.externalTrafficPolicy) {
    out.push(invalidField(external, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  }
  // A port that is still missing is allocated after validation.
  const health = SPEC.child('healthCheckNodePort');
  if (!needsHealthCheck(spec)) {
    if (spec.healthCheckNodePort) {
      const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
      out.push(invalidField(health, spec.healthCheckNodePort, detail));
    }
  } else if (spec.healthCheckNodePort) {
    invalidEach(isValidPortNum(spec.healthCheckNodePort), health, spec.healthCheckNodePort, out);
  }
  if (spec.internalTrafficPolicy == null && ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? '')) {
    out.push(requiredField(SPEC.child('internalTrafficPolicy')));
  }
  supported(spec.internalTrafficPolicy, ['Cluster', 'Local'], SPEC.child('internalTrafficPolicy'), out);
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  supported(spec.trafficDistribution, distributions, SPEC.child('trafficDistribution'), out);
}

export function validateServiceUpdate(service: Service, old: Service): Errors {
  const out: Errors = [];
  validateUpgradeDowngrade(service.spec!, old.spec!, out);
  validateLoadBalancerClass(service.spec!, old.spec, out);
  if (needsHealthCheck(old.spec!) && needsHealthCheck(service.spec!)) {
    if (service.spec!.healthCheckNodePort !== old.spec!.healthCheckNodePort) {
      out.push(forbiddenField(SPEC.child('healthCheckNodePort'), 'field is immutable'));
    }
  }
  out.push(...validateService(service, old));
  return out;
}

export function validateLoadBalancerStatus(
  status: LoadBalancerStatus | undefined,
  old: LoadBalancerStatus | undefined,
  spec: ServiceSpec,
): Errors {
  const out: Errors = [];
  const path = Path.root('status', 'loadBalancer', 'ingress');
  const ingresses = status?.ingress ?? [];
  if (spec.type !== 'LoadBalancer') {
    if (ingresses.length > 0) out.push(forbiddenField(path, "may only be used when `spec.type` is 'LoadBalancer'"));
    return out;
  }
  const known = (old?.ingress ?? []).map((i) => i.ip ?? '').filter(Boolean);
  ingresses.forEach((ingress, i) => {
    const at = path.index(i);
    if (ingress.ip) validIPForLegacyField(at.child('ip'), ingress.ip, known, out);
    if (ingress.ipMode == null) {
      if (ingress.ip) out.push(requiredField(at.child('ipMode'), 'must be specified when `ip` is set'));
    } else if (!ingress.ip) out.push(forbiddenField(at.child('ipMode'), 'may not be specified when `ip` is not set'));
    else if (ingress.ipMode !== 'VIP' && ingress.ipMode !== 'Proxy') {
      out.push(notSupported(at.child('ipMode'), ingress.ipMode, ['Proxy', 'VIP']));
    }
    if (!ingress.hostname) return;
    invalidEach(isDNS1123Subdomain(ingress.hostname), at.child('hostname'), ingress.hostname, out);
    if (parseIP(ingress.hostname)) {
      out.push(invalidField(at.child('hostname'), ingress.hostname, 'must be a DNS name, not an IP address'));
    }
  });
  return out;
}
