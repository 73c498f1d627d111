/** The sandbox a pod asks for: names, DNS, ports, namespaces, labels. Upstream: kuberuntime_sandbox.go generatePodSandboxConfig */
import type { Pod } from '../api/core-v1.ts';
import type { SandboxConfig } from './runtime/container-runtime.ts';
import { seccompOf } from './security.ts';

export interface SandboxSettings {
  clusterDNS: readonly string[];
  clusterDomain: string;
  /** What `dnsPolicy: Default` gets. */
  nodeDNS: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] };
  nodeName: string;
  /** Directory under which each pod has its logs. */
  podLogsDir: string;
  cgroupParent(pod: Pod): string;
}

export function sandboxConfig(pod: Pod, attempt: number, settings: SandboxSettings): SandboxConfig {
  const { name = '', namespace = '', uid = '', labels = {}, annotations = {} } = pod.metadata;
  const spec = pod.spec;
  const security = spec?.securityContext;
  const seccomp = seccompOf(security?.seccompProfile);
  return {
    pod: { uid, name, namespace },
    attempt,
    hostname: hostnameOf(pod, settings),
    hostNetwork: spec?.hostNetwork ?? false,
    hostPID: spec?.hostPID ?? false,
    hostIPC: spec?.hostIPC ?? false,
    shareProcessNamespace: spec?.shareProcessNamespace ?? false,
    dns: podDNS(pod, settings),
    portMappings: (spec?.containers ?? []).flatMap((c) =>
      (c.ports ?? [])
        .filter((p) => p.hostPort && !spec?.hostNetwork)
        .map((p) => ({
          hostIP: p.hostIP ?? '',
          hostPort: p.hostPort ?? 0,
          containerPort: p.containerPort,
          protocol: p.protocol ?? 'TCP',
        })),
    ),
    labels,
    annotations,
    logDirectory: `${settings.podLogsDir}/${namespace}_${name}_${uid}`,
    sysctls: Object.fromEntries((security?.sysctls ?? []).map((s) => [sysctlName(s.name), s.value])),
    cgroupParent: settings.cgroupParent(pod),
    runtimeHandler: '',
    securityContext: {
      privileged: [
        ...(spec?.initContainers ?? []),
        ...(spec?.containers ?? []),
        ...(spec?.ephemeralContainers ?? []),
      ].some((c) => c.securityContext?.privileged),
      ...(security?.runAsUser === undefined ? {} : { runAsUser: security.runAsUser }),
      ...(security?.runAsGroup === undefined ? {} : { runAsGroup: security.runAsGroup }),
      supplementalGroups: [
        ...(security?.fsGroup === undefined ? [] : [security.fsGroup]),
        ...(security?.supplementalGroups ?? []),
      ],
      ...(seccomp === undefined ? {} : { seccompProfile: seccomp }),
    },
  };
}

/** The pod's own name cut to 63 characters, or what its spec says; the node's on the host network. */
export function hostnameOf(pod: Pod, settings: { nodeName: string; clusterDomain: string }): string {
  if (pod.spec?.hostnameOverride) return pod.spec.hostnameOverride;
  if (pod.spec?.hostNetwork) return settings.nodeName;
  const hostname = pod.spec?.hostname || (pod.metadata.name ?? '').slice(0, 63).replace(/[-.]+$/, '');
  if (!pod.spec?.setHostnameAsFQDN || !pod.spec.subdomain) return hostname;
  return `${hostname}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${settings.clusterDomain}`;
}

/** What resolvers take. Upstream: pkg/apis/core/validation MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_LINE = 2048;

function fitting(searches: readonly string[]): string[] {
  const list = searches.slice(0, MAX_SEARCHES).filter((s) => s.length <= 253);
  while (list.join(' ').length > MAX_SEARCH_LINE) list.pop();
  return list;
}

/** With dots: the runtime knows no other way. */
function sysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replace(/[./]/g, (c) => (c === '/' ? '.' : '/')) : name;
}

function podDNS(pod: Pod, { clusterDNS, clusterDomain, nodeDNS }: SandboxSettings): SandboxConfig['dns'] {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  const useCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  const base = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  if (useCluster && clusterDNS.length > 0) {
    base.servers = [...clusterDNS];
    const zones = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    base.searches = [...new Set([...zones, ...nodeDNS.searches])];
    base.options = ['ndots:5'];
  } else if (policy !== 'None') {
    Object.assign(base, {
      servers: [...nodeDNS.servers],
      searches: [...nodeDNS.searches],
      options: [...nodeDNS.options],
    });
  }
  const own = pod.spec?.dnsConfig;
  const ownOptions = (own?.options ?? []).map((o) => (o.value === undefined ? (o.name ?? '') : `${o.name}:${o.value}`));
  const named = new Set(ownOptions.map((o) => o.split(':')[0]));
  return {
    servers: [...new Set([...base.servers, ...(own?.nameservers ?? [])])].slice(0, MAX_NAMESERVERS),
    searches: fitting([...new Set([...base.searches, ...(own?.searches ?? [])])]),
    options: [...base.options.filter((o) => !named.has(o.split(':')[0])), ...ownOptions],
  };
}
