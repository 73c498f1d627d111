/** Defaults of services. Upstream: pkg/apis/core/v1/defaults.go SetDefaults_Service, service/storage defaultOnReadService */
import type { Service, ServiceSpec } from '../../../api/core-v1.ts';

/** NodePort and LoadBalancer services, and those with external IPs. Upstream: pkg/api/service/util.go ExternallyAccessible */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === 'LoadBalancer' ||
    spec.type === 'NodePort' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)
  );
}

export function needsHealthCheck(spec: ServiceSpec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

export function defaultService(service: Service): void {
  service.spec ??= {};
  const spec = service.spec;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds == null) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  // Upstream once defaulted it where it means nothing, and leaves it out of what is read since.
  if (spec.type === 'ExternalName') delete spec.internalTrafficPolicy;
  else spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
  service.status ??= {};
  service.status.loadBalancer ??= {};
}

const sameList = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  (a ?? []).length === (b ?? []).length && (a ?? []).every((v, i) => v === b![i]);

/** Keeps the old single clusterIP and the list in step. Upstream: normalizeClusterIPs */
export function normalizeClusterIPs(spec: ServiceSpec, old: ServiceSpec | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const now = spec.clusterIP ?? '';
  const before = old.clusterIP ?? '';
  if (old.clusterIPs?.length && !spec.clusterIPs?.length && now === before) spec.clusterIPs = [...old.clusterIPs];
  if (now === before || !sameList(spec.clusterIPs, old.clusterIPs)) return;
  if (before && !now) delete spec.clusterIPs;
  else spec.clusterIPs = [now];
}

export const needsClusterIP = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName';

export function needsNodePort(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** What was allocated stays when the client leaves it out. Upstream: patchAllocatedValues */
export function patchAllocatedValues(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIP(old) && needsClusterIP(spec)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && old.clusterIPs?.length) spec.clusterIPs = [...old.clusterIPs];
  }
  if (needsNodePort(old) && needsNodePort(spec)) {
    const ports = (s: ServiceSpec) => new Set((s.ports ?? []).map((p) => p.nodePort).filter(Boolean));
    const now = ports(spec);
    const used = new Set([...ports(old)].filter((p) => now.has(p)));
    const byName = new Map((old.ports ?? []).map((p) => [p.name ?? '', p.nodePort]));
    for (const port of spec.ports ?? []) {
      const before = byName.get(port.name ?? '');
      if (!port.nodePort && before && !used.has(before)) port.nodePort = before;
    }
  }
  if (needsHealthCheck(old) && needsHealthCheck(spec) && !spec.healthCheckNodePort && old.healthCheckNodePort) {
    spec.healthCheckNodePort = old.healthCheckNodePort;
  }
}

/** What only the old type has goes, unless the client changed it at the same time. Upstream: dropTypeDependentFields */
export function dropTypeDependentFields(service: Service, old: Service): void {
  const spec = service.spec!;
  const before = old.spec!;
  if (needsClusterIP(before) && !needsClusterIP(spec)) {
    const sameIPs = (before.clusterIP ?? '') === (spec.clusterIP ?? '') && sameList(before.clusterIPs, spec.clusterIPs);
    if (sameIPs) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (sameList(before.ipFamilies, spec.ipFamilies)) delete spec.ipFamilies;
    if ((before.ipFamilyPolicy ?? '') === (spec.ipFamilyPolicy ?? '')) delete spec.ipFamilyPolicy;
  }
  const hasNodePorts = (s: ServiceSpec) => s.type === 'NodePort' || s.type === 'LoadBalancer';
  if (hasNodePorts(before) && !hasNodePorts(spec)) {
    const known = new Set((before.ports ?? []).map((p) => p.nodePort).filter(Boolean));
    if ((spec.ports ?? []).every((p) => !p.nodePort || known.has(p.nodePort))) {
      for (const port of spec.ports ?? []) delete port.nodePort;
    }
  }
  if (needsHealthCheck(before) && !needsHealthCheck(spec) && before.healthCheckNodePort === spec.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  const balanced = spec.type === 'LoadBalancer';
  if (before.type === 'LoadBalancer' && !balanced) {
    if (before.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts;
    if (before.loadBalancerClass === spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) {
    if (before.externalTrafficPolicy === spec.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
  if (!balanced) service.status = { ...service.status, loadBalancer: {} };
}
