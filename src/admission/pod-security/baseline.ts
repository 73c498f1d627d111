/** Checks of the level baseline, by id. Upstream: pod-security-admission/policy/check_*.go */
import type { PodSpec, SELinuxOptions } from '../../api/core-v1.ts';
import {
  badBySecurityContext,
  type Check,
  containersOf,
  hasUserNamespace,
  named,
  plural,
  quoted,
  setters,
  unique,
  type Violation,
} from './check.ts';

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const APPARMOR_TYPES = ['RuntimeDefault', 'Localhost'];
const DEFAULT_CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
/** Safe sysctls by the version that first took them for safe. */
const SYSCTLS: readonly [number, readonly string[]][] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

export function checkProcMount(spec: PodSpec): Violation | undefined {
  const bad = badBySecurityContext(spec, (s) => s.procMount !== undefined && s.procMount !== 'Default');
  if (bad.length === 0) return undefined;
  const types = unique(bad.map((c) => c.securityContext!.procMount!));
  return { reason: 'procMount', detail: `${named(bad)} must not set securityContext.procMount to ${quoted(types)}` };
}

export const BASELINE: readonly Check[] = [
  {
    id: 'appArmorProfile',
    check(spec, { metadata }) {
      const isBad = (type: string | undefined) => type !== undefined && !APPARMOR_TYPES.includes(type);
      const own = spec.securityContext?.appArmorProfile?.type;
      const bad = badBySecurityContext(spec, (s) => isBad(s.appArmorProfile?.type));
      const annotations = Object.entries(metadata.annotations ?? {})
        .filter(
          ([k, v]) =>
            k.startsWith(APPARMOR_ANNOTATION) && !(v === '' || v === 'runtime/default' || v.startsWith('localhost/')),
        )
        .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
        .sort();
      const who = [setters(isBad(own), bad), annotations.length ? plural('annotation', annotations.length) : ''].filter(
        Boolean,
      );
      if (who.length === 0) return undefined;
      const values = [
        ...unique([...(isBad(own) ? [own!] : []), ...bad.map((c) => c.securityContext!.appArmorProfile!.type)]),
        ...annotations,
      ];
      return {
        reason: plural('forbidden AppArmor profile', values.length),
        detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
      };
    },
  },
  {
    id: 'capabilities_baseline',
    check(spec) {
      const isBad = (cap: string) => !DEFAULT_CAPABILITIES.includes(cap);
      const bad = badBySecurityContext(spec, (s) => s.capabilities?.add?.some(isBad) ?? false);
      if (bad.length === 0) return undefined;
      const added = unique(bad.flatMap((c) => c.securityContext!.capabilities!.add!.filter(isBad)));
      return {
        reason: 'non-default capabilities',
        detail: `${named(bad)} must not include ${quoted(added)} in securityContext.capabilities.add`,
      };
    },
  },
  {
    id: 'hostNamespaces',
    check(spec) {
      const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((n) => spec[n]);
      return used.length === 0
        ? undefined
        : { reason: 'host namespaces', detail: used.map((n) => `${n}=true`).join(', ') };
    },
  },
  {
    id: 'hostPathVolumes',
    check(spec) {
      const bad = (spec.volumes ?? []).filter((v) => v.hostPath).map((v) => v.name);
      return bad.length === 0
        ? undefined
        : { reason: 'hostPath volumes', detail: `${plural('volume', bad.length)} ${quoted(bad)}` };
    },
  },
  {
    id: 'hostPorts',
    check(spec) {
      const bad = containersOf(spec).filter((c) => c.ports?.some((p) => p.hostPort));
      if (bad.length === 0) return undefined;
      const ports = unique(bad.flatMap((c) => c.ports!.flatMap((p) => (p.hostPort ? [String(p.hostPort)] : []))));
      return {
        reason: 'hostPort',
        detail: `${named(bad)} ${bad.length === 1 ? 'uses' : 'use'} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
      };
    },
  },
  {
    id: 'hostProbesAndHostLifecycle',
    since: 34,
    check(spec) {
      const hosts = containersOf(spec).map((c) => {
        const handlers = [
          c.livenessProbe,
          c.readinessProbe,
          c.startupProbe,
          c.lifecycle?.postStart,
          c.lifecycle?.preStop,
        ];
        return {
          name: c.name,
          hosts: handlers.flatMap((h) => [h?.httpGet?.host, h?.tcpSocket?.host]).filter((h): h is string => !!h),
        };
      });
      const names = unique(hosts.filter((c) => c.hosts.length > 0).map((c) => c.name));
      if (names.length === 0) return undefined;
      const all = unique(hosts.flatMap((c) => c.hosts));
      return {
        reason: 'probe or lifecycle host',
        detail: `${plural('container', names.length)} ${quoted(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('probe or lifecycle host', all.length)} ${quoted(all)}`,
      };
    },
  },
  {
    id: 'privileged',
    check(spec) {
      const bad = badBySecurityContext(spec, (s) => s.privileged === true);
      return bad.length === 0
        ? undefined
        : { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` };
    },
  },
  {
    id: 'procMount',
    check: (spec, { minor }) => (minor >= 35 && hasUserNamespace(spec) ? undefined : checkProcMount(spec)),
  },
  {
    id: 'seLinuxOptions',
    check(spec, { minor }) {
      const types = [
        '',
        'container_t',
        'container_init_t',
        'container_kvm_t',
        ...(minor >= 31 ? ['container_engine_t'] : []),
      ];
      const isBadType = (o: SELinuxOptions) => !types.includes(o.type ?? '');
      const isBad = (o: SELinuxOptions | undefined) => o !== undefined && (isBadType(o) || !!o.user || !!o.role);
      const own = spec.securityContext?.seLinuxOptions;
      const bad = badBySecurityContext(spec, (s) => isBad(s.seLinuxOptions));
      const all = [...(isBad(own) ? [own!] : []), ...bad.map((c) => c.securityContext!.seLinuxOptions!)];
      if (all.length === 0) return undefined;
      const badTypes = unique(all.filter(isBadType).map((o) => o.type ?? ''));
      const data = [
        ...(badTypes.length ? [`${plural('type', badTypes.length)} ${quoted(badTypes)}`] : []),
        ...(all.some((o) => o.user) ? ['user may not be set'] : []),
        ...(all.some((o) => o.role) ? ['role may not be set'] : []),
      ];
      return {
        reason: 'seLinuxOptions',
        detail: `${setters(isBad(own), bad)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
      };
    },
  },
  {
    // Deviation: before v1.19 seccomp was an annotation, which no server of today reads; those versions check nothing here.
    id: 'seccompProfile_baseline',
    since: 19,
    check(spec) {
      const isBad = (type: string | undefined) => type !== undefined && !['RuntimeDefault', 'Localhost'].includes(type);
      const own = spec.securityContext?.seccompProfile?.type;
      const bad = badBySecurityContext(spec, (s) => isBad(s.seccompProfile?.type));
      if (!isBad(own) && bad.length === 0) return undefined;
      const values = unique([
        ...(isBad(own) ? [own!] : []),
        ...bad.map((c) => c.securityContext!.seccompProfile!.type),
      ]);
      return {
        reason: 'seccompProfile',
        detail: `${setters(isBad(own), bad)} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
      };
    },
  },
  {
    id: 'sysctls',
    check(spec, { minor }) {
      const safe = SYSCTLS.flatMap(([since, names]) => (minor >= since ? names : []));
      const bad = (spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((n) => !safe.includes(n));
      return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
    },
  },
  {
    id: 'windowsHostProcess',
    check(spec) {
      const own = spec.securityContext?.windowsOptions?.hostProcess === true;
      const bad = badBySecurityContext(spec, (s) => s.windowsOptions?.hostProcess === true);
      if (!own && bad.length === 0) return undefined;
      return {
        reason: 'hostProcess',
        detail: `${setters(own, bad)} must not set securityContext.windowsOptions.hostProcess=true`,
      };
    },
  },
];
