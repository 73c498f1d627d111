/**
 * What the kubelet asks of a container runtime. Two implementations pass one suite (testing/runtime-suite.ts): simulated
 * (simulated/) and containerd by CRI (cri/). The shape is CRI's, in values instead of messages; instants are Unix ms.
 *
 * The runtime keeps what it was told in the records (uid, name, attempt, hash), so that a kubelet that restarts finds its pods again.
 * All calls are idempotent: stopping what is stopped and removing what is gone succeed.
 */
import type { Duplex } from 'node:stream';
import type { Probe } from '../../api/core-v1.ts';

export interface PodReference {
  uid: string;
  name: string;
  namespace: string;
}

export interface SandboxConfig {
  pod: PodReference;
  /** Counts the sandboxes of this pod, from 0. */
  attempt: number;
  hostname: string;
  hostNetwork: boolean;
  hostPID: boolean;
  hostIPC: boolean;
  shareProcessNamespace: boolean;
  dns: { servers: string[]; searches: string[]; options: string[] };
  portMappings: { hostIP: string; hostPort: number; containerPort: number; protocol: string }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logDirectory: string;
  sysctls: Record<string, string>;
  /** Parent of the pod's cgroups; '' lets the runtime choose. */
  cgroupParent: string;
  runtimeHandler: string;
  securityContext: {
    /** One of its containers will be. */
    privileged: boolean;
    runAsUser?: number;
    runAsGroup?: number;
    supplementalGroups: number[];
    seccompProfile?: SeccompProfile;
  };
}

export interface SeccompProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  localhostProfile?: string;
}

export interface Mount {
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
  propagation: 'None' | 'HostToContainer' | 'Bidirectional';
}

export interface ContainerConfig {
  pod: PodReference;
  name: string;
  /** Counts the starts of this container, from 0: its restart count. */
  attempt: number;
  /** As in the pod, for records. */
  image: string;
  /** What `pullImage` or `imageStatus` returned. */
  imageRef: string;
  command: string[];
  args: string[];
  workingDir: string;
  env: [string, string][];
  mounts: Mount[];
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** File below the sandbox's log directory. */
  logPath: string;
  terminationMessagePath: string;
  terminationMessagePolicy: 'File' | 'FallbackToLogsOnError';
  /** Changes when the container's definition does. */
  hash: string;
  resources: { cpuMillis?: number; cpuLimitMillis?: number; memoryLimit?: number; oomScoreAdj: number };
  securityContext: ContainerSecurity;
  /** The container of the sandbox whose processes this one is among. */
  targetId?: string;
  /** What else the simulated runtime goes by. */
  restartPolicy: 'Always' | 'OnFailure' | 'Never';
  /** An init container, which has to end; sidecars are not. */
  isInit: boolean;
  ownerKind: string;
}

export interface ContainerSecurity {
  privileged: boolean;
  runAsUser?: number;
  runAsUserName?: string;
  runAsGroup?: number;
  supplementalGroups: number[];
  readOnlyRootFilesystem: boolean;
  allowPrivilegeEscalation: boolean;
  capabilities: { add: string[]; drop: string[] };
  seccompProfile?: SeccompProfile;
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerRecord {
  id: string;
  pod: PodReference;
  name: string;
  attempt: number;
  sandboxId: string;
  image: string;
  /** Digest or id of the image that runs. */
  imageId: string;
  hash: string;
  state: ContainerState;
  createdAt: number;
  /** 0 when not started. */
  startedAt: number;
  /** 0 when not finished. */
  finishedAt: number;
  exitCode: number;
  /** 0 when not ended by a signal. */
  signal: number;
  /** `Completed`, `Error`, `OOMKilled`, ... */
  reason: string;
  message: string;
  /** Absolute path of the log file; '' for simulated containers. */
  logPath: string;
}

export interface SandboxRecord {
  id: string;
  pod: PodReference;
  attempt: number;
  ready: boolean;
  createdAt: number;
  ips: string[];
  hostNetwork: boolean;
}

/** Everything the runtime has of one pod; newest first. */
export interface PodRecord {
  pod: PodReference;
  sandboxes: SandboxRecord[];
  containers: ContainerRecord[];
}

export interface Image {
  id: string;
  repoTags: string[];
  repoDigests: string[];
  sizeBytes: number;
  /** User of the image's configuration, as a number or a name. */
  uid?: number;
  username?: string;
}

export interface RegistryCredentials {
  username: string;
  password: string;
  serverAddress?: string;
}

export interface ExecResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
}

export interface ExecOptions {
  command: string[];
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  /** Lines written before (Unix ms) are left out. */
  since?: number;
  stream: 'All' | 'Stdout' | 'Stderr';
  signal: AbortSignal;
}

/** A call that failed in a way the pod's status names. */
export class RuntimeError extends Error {
  readonly reason:
    | 'ErrImagePull'
    | 'InvalidImageName'
    | 'NotFound'
    | 'RunContainerError'
    | 'CreateContainerError'
    | 'Timeout'
    | 'Unavailable';
  constructor(reason: RuntimeError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.reason = reason;
  }
}

export interface ContainerRuntime extends AsyncDisposable {
  /** `containerd`, `simulated`. */
  readonly name: string;
  version(): Promise<string>;
  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }>;

  /** Calls back with the uid of a pod when something of it may have changed; runtimes without events poll (PLEG). */
  onChange(listener: (podUid: string) => void): { remove(): void };
  pods(): Promise<PodRecord[]>;
  pod(uid: string): Promise<PodRecord | undefined>;

  runSandbox(config: SandboxConfig): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;

  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Asks it to end, kills it after `graceMs`; resolves when it has ended. */
  stopContainer(id: string, graceMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  updateResources(id: string, resources: ContainerConfig['resources']): Promise<void>;

  /** Undefined when it is not there. */
  imageStatus(image: string): Promise<Image | undefined>;
  /** Returns the image's reference for `createContainer`. @throws RuntimeError ErrImagePull, InvalidImageName */
  pullImage(image: string, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<string>;
  images(): Promise<Image[]>;
  removeImage(id: string): Promise<void>;

  execSync(containerId: string, command: string[], timeoutMs: number): Promise<ExecResult>;
  /** URL of a streaming server (SPDY, WebSocket) that runs the command; the kubelet's server hands the connection on to it. */
  exec(containerId: string, options: ExecOptions): Promise<string>;
  attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<string>;
  portForward(sandboxId: string): Promise<string>;
  logs(containerId: string, options: LogOptions): AsyncIterable<Buffer>;
  /** Opens a TCP connection from the node to a pod's address, for probes and lifecycle hooks. */
  dial(host: string, port: number, signal: AbortSignal): Promise<Duplex>;
  /** Answers a probe itself, for a runtime whose containers run no processes; undefined: probe it. */
  answerProbe?(containerId: string, probe: Probe): { success: boolean; output: string } | undefined;
}
