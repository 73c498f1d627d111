/** Between the kubelet's values and CRI messages. Pure. Upstream: pkg/kubelet/kuberuntime/{kuberuntime_sandbox,kuberuntime_container,labels}.go */
import type {
  ContainerConfig,
  ContainerRecord,
  ContainerState,
  Image,
  PodReference,
  SandboxConfig,
  SandboxRecord,
  SeccompProfile,
} from '../container-runtime.ts';

const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const;
const ANNOTATION = {
  hash: 'io.kubernetes.container.hash',
  restarts: 'io.kubernetes.container.restartCount',
  messagePath: 'io.kubernetes.container.terminationMessagePath',
  messagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  /** Upstream has the image in the status; CRI reports what it resolved to. */
  image: 'keelson.io/container.image',
} as const;

/** Paths of /proc and /sys that containers do not see, as upstream's default. */
const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const NS = { pod: 'POD', container: 'CONTAINER', node: 'NODE', target: 'TARGET' } as const;

function podLabels(pod: PodReference): Record<string, string> {
  return { [LABEL.podName]: pod.name, [LABEL.podNamespace]: pod.namespace, [LABEL.podUid]: pod.uid };
}

function seccomp(profile: SeccompProfile | undefined, privileged: boolean): Record<string, unknown> {
  if (privileged || profile === undefined || profile.type === 'Unconfined') return { profile_type: 'Unconfined' };
  if (profile.type === 'Localhost')
    return { profile_type: 'Localhost', localhost_ref: `/var/lib/kubelet/seccomp/${profile.localhostProfile}` };
  return { profile_type: 'RuntimeDefault' };
}

export function sandboxMessage(c: SandboxConfig): Record<string, unknown> {
  return {
    metadata: { name: c.pod.name, uid: c.pod.uid, namespace: c.pod.namespace, attempt: c.attempt },
    // On the host network the runtime keeps the node's name.
    hostname: c.hostNetwork ? '' : c.hostname,
    log_directory: c.logDirectory,
    dns_config: c.dns,
    port_mappings: c.portMappings.map((p) => ({
      protocol: p.protocol,
      container_port: p.containerPort,
      host_port: p.hostPort,
      host_ip: p.hostIP,
    })),
    labels: { ...c.labels, ...podLabels(c.pod) },
    annotations: c.annotations,
    linux: {
      cgroup_parent: c.cgroupParent,
      sysctls: c.sysctls,
      security_context: {
        namespace_options: {
          network: c.hostNetwork ? NS.node : NS.pod,
          pid: c.hostPID ? NS.node : c.shareProcessNamespace ? NS.pod : NS.container,
          ipc: c.hostIPC ? NS.node : NS.pod,
        },
        ...(c.securityContext.runAsUser === undefined ? {} : { run_as_user: { value: c.securityContext.runAsUser } }),
        ...(c.securityContext.runAsGroup === undefined
          ? {}
          : { run_as_group: { value: c.securityContext.runAsGroup } }),
        supplemental_groups: c.securityContext.supplementalGroups,
        privileged: c.securityContext.privileged,
        seccomp: seccomp(c.securityContext.seccompProfile ?? { type: 'RuntimeDefault' }, false),
      },
    },
  };
}

export function containerMessage(c: ContainerConfig, sandbox: SandboxConfig): Record<string, unknown> {
  const s = c.securityContext;
  return {
    metadata: { name: c.name, attempt: c.attempt },
    image: { image: c.imageRef, user_specified_image: c.image },
    command: c.command,
    args: c.args,
    working_dir: c.workingDir,
    envs: c.env.map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: c.mounts.map((m) => ({
      container_path: m.containerPath,
      host_path: m.hostPath,
      readonly: m.readOnly,
      propagation: {
        None: 'PROPAGATION_PRIVATE',
        HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
        Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
      }[m.propagation],
    })),
    labels: { ...podLabels(c.pod), [LABEL.container]: c.name },
    annotations: {
      [ANNOTATION.hash]: c.hash,
      [ANNOTATION.restarts]: `${c.attempt}`,
      [ANNOTATION.messagePath]: c.terminationMessagePath,
      [ANNOTATION.messagePolicy]: c.terminationMessagePolicy,
      [ANNOTATION.image]: c.image,
    },
    log_path: c.logPath,
    stdin: c.stdin,
    stdin_once: c.stdinOnce,
    tty: c.tty,
    linux: {
      resources: resourcesMessage(c.resources),
      security_context: {
        capabilities: { add_capabilities: s.capabilities.add, drop_capabilities: s.capabilities.drop },
        privileged: s.privileged,
        namespace_options: {
          network: sandbox.hostNetwork ? NS.node : NS.pod,
          pid: processesOf(c, sandbox),
          ipc: sandbox.hostIPC ? NS.node : NS.pod,
          ...(c.targetId === undefined ? {} : { target_id: c.targetId }),
        },
        ...(s.runAsUser === undefined ? {} : { run_as_user: { value: s.runAsUser } }),
        ...(s.runAsGroup === undefined ? {} : { run_as_group: { value: s.runAsGroup } }),
        supplemental_groups: s.supplementalGroups,
        readonly_rootfs: s.readOnlyRootFilesystem,
        no_new_privs: !s.allowPrivilegeEscalation,
        masked_paths: s.privileged ? [] : MASKED,
        readonly_paths: s.privileged ? [] : READONLY,
        seccomp: seccomp(s.seccompProfile, s.privileged),
      },
    },
  };
}

function processesOf(c: ContainerConfig, sandbox: SandboxConfig): string {
  if (c.targetId !== undefined) return NS.target;
  return sandbox.hostPID ? NS.node : sandbox.shareProcessNamespace ? NS.pod : NS.container;
}

const CPU_PERIOD = 100_000;
/** The kernel's bounds. Upstream: cm/helpers_linux.go */
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const MIN_QUOTA = 1000;

export function resourcesMessage(r: ContainerConfig['resources']): Record<string, unknown> {
  const shares =
    r.cpuMillis === undefined
      ? MIN_SHARES
      : Math.min(Math.max(Math.trunc((r.cpuMillis * 1024) / 1000), MIN_SHARES), MAX_SHARES);
  return {
    cpu_shares: shares,
    ...(r.cpuLimitMillis === undefined
      ? {}
      : { cpu_period: CPU_PERIOD, cpu_quota: Math.max((r.cpuLimitMillis * CPU_PERIOD) / 1000, MIN_QUOTA) }),
    ...(r.memoryLimit === undefined ? {} : { memory_limit_in_bytes: r.memoryLimit }),
    oom_score_adj: r.oomScoreAdj,
  };
}

interface Metadata {
  name: string;
  attempt: number;
  uid: string;
  namespace: string;
}

export interface SandboxStatusMessage {
  id: string;
  metadata: Metadata;
  state: string;
  created_at: number;
  network?: { ip: string; additional_ips: { ip: string }[] };
  linux?: { namespaces?: { options?: { network: string; pid: string; ipc: string } } };
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export function sandboxRecord(s: SandboxStatusMessage): SandboxRecord {
  const { uid, name, namespace, attempt } = s.metadata;
  const ips = [s.network?.ip ?? '', ...(s.network?.additional_ips ?? []).map((a) => a.ip)].filter((ip) => ip !== '');
  return {
    id: s.id,
    pod: { uid, name, namespace },
    attempt,
    ready: s.state === 'SANDBOX_READY',
    createdAt: Math.trunc(s.created_at / 1e6),
    ips,
    hostNetwork: s.linux?.namespaces?.options?.network === NS.node,
  };
}

/** What a sandbox that somebody else made was asked for, as far as its containers need to know. */
export function knownSandboxConfig(s: SandboxStatusMessage, podLogsDir: string): SandboxConfig {
  const { pod, attempt, hostNetwork } = sandboxRecord(s);
  const options = s.linux?.namespaces?.options;
  return {
    pod,
    attempt,
    hostname: '',
    hostNetwork,
    hostPID: options?.pid === NS.node,
    hostIPC: options?.ipc === NS.node,
    shareProcessNamespace: options?.pid === NS.pod,
    dns: { servers: [], searches: [], options: [] },
    portMappings: [],
    labels: s.labels,
    annotations: s.annotations,
    logDirectory: `${podLogsDir}/${pod.namespace}_${pod.name}_${pod.uid}`,
    sysctls: {},
    cgroupParent: '',
    runtimeHandler: '',
    securityContext: { privileged: false, supplementalGroups: [] },
  };
}

export interface ContainerStatusMessage {
  id: string;
  metadata: { name: string; attempt: number };
  state: string;
  created_at: number;
  started_at: number;
  finished_at: number;
  exit_code: number;
  image?: { image: string };
  image_ref: string;
  reason: string;
  message: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mounts: { container_path: string; host_path: string }[];
  log_path: string;
}

const STATES: Record<string, ContainerState> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
};

export function containerRecord(c: ContainerStatusMessage, sandboxId: string): ContainerRecord {
  const { labels, annotations } = c;
  return {
    id: c.id,
    pod: {
      uid: labels[LABEL.podUid] ?? '',
      name: labels[LABEL.podName] ?? '',
      namespace: labels[LABEL.podNamespace] ?? '',
    },
    name: labels[LABEL.container] ?? c.metadata.name,
    attempt: Number(annotations[ANNOTATION.restarts] ?? c.metadata.attempt),
    sandboxId,
    image: annotations[ANNOTATION.image] || c.image?.image || '',
    imageId: c.image_ref,
    hash: annotations[ANNOTATION.hash] ?? '',
    state: STATES[c.state] ?? 'unknown',
    createdAt: Math.trunc(c.created_at / 1e6),
    startedAt: Math.trunc(c.started_at / 1e6),
    finishedAt: Math.trunc(c.finished_at / 1e6),
    exitCode: c.exit_code,
    signal: 0,
    reason: c.reason,
    message: c.message,
    logPath: c.log_path,
  };
}

/** Where the container leaves its last words, on the node; '' when nowhere. */
export function terminationMessage(c: ContainerStatusMessage): { hostPath: string; fallBackToLogs: boolean } {
  const path = c.annotations[ANNOTATION.messagePath] ?? '';
  return {
    hostPath: c.mounts.find((m) => m.container_path === path)?.host_path ?? '',
    fallBackToLogs: c.annotations[ANNOTATION.messagePolicy] === 'FallbackToLogsOnError',
  };
}

export interface ImageMessage {
  id: string;
  repo_tags: string[];
  repo_digests: string[];
  size: number;
  uid?: { value: number };
  username: string;
}

export function imageOf(m: ImageMessage): Image {
  return {
    id: m.id,
    repoTags: m.repo_tags,
    repoDigests: m.repo_digests,
    sizeBytes: m.size,
    ...(m.uid ? { uid: m.uid.value } : {}),
    ...(m.username ? { username: m.username } : {}),
  };
}

export const podUidLabel = LABEL.podUid;
