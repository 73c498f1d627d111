/**
 * ContainerRuntime on a CRI runtime (containerd 1.6 and newer). Changes are found by relisting once a second (generic PLEG):
 * containerd 1.6 has no event stream. Upstream: pkg/kubelet/{kuberuntime,pleg}
 */
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { background } from '../../../base/background.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import {
  type ContainerConfig,
  type ContainerRecord,
  type ContainerRuntime,
  type ExecOptions,
  type ExecResult,
  type Image,
  type LogOptions,
  type PodRecord,
  type RegistryCredentials,
  RuntimeError,
  type SandboxConfig,
  type SandboxRecord,
} from '../container-runtime.ts';
import { CriClient } from './cri-client.ts';
import {
  type ContainerStatusMessage,
  containerMessage,
  containerRecord,
  type ImageMessage,
  imageOf,
  knownSandboxConfig,
  podUidLabel,
  resourcesMessage,
  type SandboxStatusMessage,
  sandboxMessage,
  sandboxRecord,
  terminationMessage,
} from './cri-messages.ts';
import { readLogs, tailOfLog } from './log-file.ts';

export interface CriRuntimeOptions {
  /** Path of the runtime's unix socket. */
  socket: string;
  clock: Clock;
  log: Logger;
  /** Where sandboxes that another process made have their logs: `<dir>/<namespace>_<name>_<uid>`. */
  podLogsDir: string;
  /** Images the runtime has or gets from files need no registry: called before a pull, brings in what is new. None: always a registry. */
  bringImages?(): Promise<void>;
}

const RELIST_PERIOD = 1000;
/** Bytes kept of a termination message, and of logs that stand in for one. */
const MAX_MESSAGE = 4096;
const MAX_FALLBACK = 2048;
const FALLBACK_LINES = 80;

interface ContainerListItem {
  id: string;
  pod_sandbox_id: string;
  state: string;
  labels: Record<string, string>;
}
interface SandboxListItem {
  id: string;
  state: string;
  metadata: { uid: string };
}

export class CriRuntime implements ContainerRuntime {
  readonly name = 'containerd';
  readonly #client: CriClient;
  readonly #o: CriRuntimeOptions;
  readonly #sandboxConfigs = new Map<string, SandboxConfig>();
  readonly #listeners = new Set<(uid: string) => void>();
  /** Ended containers do not change: their status is asked for once. */
  readonly #ended = new Map<string, ContainerRecord>();
  #seen = new Map<string, string>();
  #timer: Timer | undefined;
  #relisting = false;

  constructor(options: CriRuntimeOptions) {
    this.#o = options;
    this.#client = new CriClient(options.socket);
  }

  async version(): Promise<string> {
    return (await this.#client.call<{ runtime_version: string }>('Version', { version: '0.1.0' })).runtime_version;
  }

  async status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    try {
      const { status } = await this.#client.call<{
        status: { conditions: { type: string; status: boolean; message: string }[] };
      }>('Status', {}, { timeoutMs: 5000 });
      const of = (type: string) => status.conditions.find((c) => c.type === type);
      const [runtime, network] = [of('RuntimeReady'), of('NetworkReady')];
      const messages = [
        ...(runtime?.status ? [] : [`container runtime is down: ${runtime?.message ?? ''}`]),
        ...(network?.status
          ? []
          : [
              `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${network?.message ?? ''}`,
            ]),
      ];
      return {
        runtimeReady: runtime?.status ?? false,
        networkReady: network?.status ?? false,
        message: messages.join(', '),
      };
    } catch (err) {
      return {
        runtimeReady: false,
        networkReady: false,
        message: `container runtime is down: ${err instanceof Error ? err.message : err}`,
      };
    }
  }

  onChange(listener: (podUid: string) => void): { remove(): void } {
    this.#listeners.add(listener);
    this.#timer ??= this.#o.clock.every(RELIST_PERIOD, () => background('PLEG relist', this.#relist(), this.#o.log));
    return { remove: () => this.#listeners.delete(listener) };
  }

  async pods(): Promise<PodRecord[]> {
    const { items } = await this.#client.call<{ items: SandboxListItem[] }>('ListPodSandbox', {});
    const uids = [...new Set(items.map((s) => s.metadata.uid))];
    const records = await Promise.all(uids.map((uid) => this.pod(uid)));
    return records.filter((r) => r !== undefined);
  }

  async pod(uid: string): Promise<PodRecord | undefined> {
    const filter = { label_selector: { [podUidLabel]: uid } };
    const [{ items }, { containers }] = await Promise.all([
      this.#client.call<{ items: SandboxListItem[] }>('ListPodSandbox', { filter }),
      this.#client.call<{ containers: ContainerListItem[] }>('ListContainers', { filter }),
    ]);
    const sandboxes = (await Promise.all(items.map((s) => this.#sandbox(s.id)))).filter((s) => s !== undefined);
    const records = (await Promise.all(containers.map((c) => this.#container(c)))).filter((c) => c !== undefined);
    const first = sandboxes[0]?.pod ?? records[0]?.pod;
    if (first === undefined) return undefined;
    return {
      pod: first,
      sandboxes: sandboxes.sort((a, b) => b.createdAt - a.createdAt),
      containers: records.sort((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt),
    };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    const request = { config: sandboxMessage(config), runtime_handler: config.runtimeHandler };
    const { pod_sandbox_id: id } = await this.#client.call<{ pod_sandbox_id: string }>('RunPodSandbox', request, {
      timeoutMs: 240_000,
    });
    this.#sandboxConfigs.set(id, config);
    return id;
  }
  async stopSandbox(id: string): Promise<void> {
    await this.#gone(this.#client.call('StopPodSandbox', { pod_sandbox_id: id }));
  }
  async removeSandbox(id: string): Promise<void> {
    await this.#gone(this.#client.call('RemovePodSandbox', { pod_sandbox_id: id }));
    this.#sandboxConfigs.delete(id);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxConfigs.get(sandboxId) ?? (await this.#sandboxConfigOf(sandboxId));
    const request = {
      pod_sandbox_id: sandboxId,
      config: containerMessage(config, sandbox),
      sandbox_config: sandboxMessage(sandbox),
    };
    return (await this.#client.call<{ container_id: string }>('CreateContainer', request)).container_id;
  }
  async startContainer(id: string): Promise<void> {
    await this.#client.call('StartContainer', { container_id: id });
  }
  async stopContainer(id: string, graceMs: number): Promise<void> {
    const timeout = Math.ceil(Math.max(graceMs, 0) / 1000);
    await this.#gone(
      this.#client.call('StopContainer', { container_id: id, timeout }, { timeoutMs: graceMs + 120_000 }),
    );
  }
  async removeContainer(id: string): Promise<void> {
    const record = this.#ended.get(id);
    await this.#gone(this.#client.call('RemoveContainer', { container_id: id }));
    this.#ended.delete(id);
    if (record?.logPath) await rm(record.logPath, { force: true });
  }
  async updateResources(id: string, resources: ContainerConfig['resources']): Promise<void> {
    await this.#client.call('UpdateContainerResources', { container_id: id, linux: resourcesMessage(resources) });
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    const { image: found } = await this.#client.call<{ image?: ImageMessage | null }>('ImageStatus', {
      image: { image },
    });
    return found?.id ? imageOf(found) : undefined;
  }
  async pullImage(image: string, creds: readonly RegistryCredentials[], signal: AbortSignal): Promise<string> {
    if (this.#o.bringImages !== undefined) {
      await this.#o.bringImages();
      const found = await this.imageStatus(image).catch(() => undefined);
      if (found !== undefined) return found.id;
    }
    const tries: (RegistryCredentials | undefined)[] = creds.length > 0 ? [...creds] : [undefined];
    let failure: unknown;
    for (const auth of tries) {
      const request = {
        image: { image },
        ...(auth === undefined
          ? {}
          : { auth: { username: auth.username, password: auth.password, server_address: auth.serverAddress ?? '' } }),
      };
      try {
        return (await this.#client.call<{ image_ref: string }>('PullImage', request, { timeoutMs: 0, signal }))
          .image_ref;
      } catch (err) {
        failure = err;
      }
    }
    const message = failure instanceof Error ? failure.message : String(failure);
    throw new RuntimeError(/invalid reference format/.test(message) ? 'InvalidImageName' : 'ErrImagePull', message, {
      cause: failure,
    });
  }
  async images(): Promise<Image[]> {
    return (await this.#client.call<{ images: ImageMessage[] }>('ListImages', {})).images.map(imageOf);
  }
  async removeImage(id: string): Promise<void> {
    await this.#gone(this.#client.call('RemoveImage', { image: { image: id } }));
  }

  async execSync(id: string, command: string[], timeoutMs: number): Promise<ExecResult> {
    const request = { container_id: id, cmd: command, timeout: Math.ceil(timeoutMs / 1000) };
    const r = await this.#client.call<{ stdout: Buffer; stderr: Buffer; exit_code: number }>('ExecSync', request, {
      timeoutMs: timeoutMs === 0 ? 0 : timeoutMs + 5000,
    });
    return { exitCode: r.exit_code, stdout: r.stdout, stderr: r.stderr };
  }
  async exec(id: string, options: ExecOptions): Promise<string> {
    const { command, tty, stdin, stdout, stderr } = options;
    return (
      await this.#client.call<{ url: string }>('Exec', { container_id: id, cmd: command, tty, stdin, stdout, stderr })
    ).url;
  }
  async attach(id: string, options: Omit<ExecOptions, 'command'>): Promise<string> {
    const { tty, stdin, stdout, stderr } = options;
    return (await this.#client.call<{ url: string }>('Attach', { container_id: id, tty, stdin, stdout, stderr })).url;
  }
  async portForward(sandboxId: string): Promise<string> {
    return (await this.#client.call<{ url: string }>('PortForward', { pod_sandbox_id: sandboxId, port: [] })).url;
  }
  async *logs(id: string, options: LogOptions): AsyncIterable<Buffer> {
    const record = await this.#status(id);
    if (record === undefined) throw new RuntimeError('NotFound', `container "${id}" not found`);
    yield* readLogs(record.logPath, options, {
      clock: this.#o.clock,
      hasEnded: async () => (await this.#status(id))?.state !== 'running',
    });
  }

  dial(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      const onAbort = () => socket.destroy(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      const onError = (err: NodeJS.ErrnoException) => reject(dialError(host, port, err));
      socket.once('error', onError);
      socket.once('connect', () => {
        signal.removeEventListener('abort', onAbort);
        socket.off('error', onError);
        // Whoever gets it listens; until then an error must not end the process.
        socket.on('error', () => {});
        resolve(socket);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    this.#client.close();
  }

  async #relist(): Promise<void> {
    if (this.#relisting) return;
    this.#relisting = true;
    try {
      const [{ items }, { containers }] = await Promise.all([
        this.#client.call<{ items: SandboxListItem[] }>('ListPodSandbox', {}),
        this.#client.call<{ containers: ContainerListItem[] }>('ListContainers', {}),
      ]);
      const now = new Map<string, string>();
      const add = (uid: string, id: string, state: string) => now.set(uid, `${now.get(uid) ?? ''}${id}=${state};`);
      for (const s of items) add(s.metadata.uid, s.id, s.state);
      for (const c of containers) add(c.labels[podUidLabel] ?? '', c.id, c.state);
      const before = this.#seen;
      this.#seen = now;
      for (const uid of new Set([...before.keys(), ...now.keys()])) {
        if (before.get(uid) !== now.get(uid)) for (const listener of this.#listeners) listener(uid);
      }
    } finally {
      this.#relisting = false;
    }
  }

  async #sandbox(id: string): Promise<SandboxRecord | undefined> {
    const r = await this.#orGone(
      this.#client.call<{ status: SandboxStatusMessage }>('PodSandboxStatus', { pod_sandbox_id: id }),
    );
    return r && sandboxRecord(r.status);
  }

  async #container(item: ContainerListItem): Promise<ContainerRecord | undefined> {
    return this.#ended.get(item.id) ?? (await this.#status(item.id, item.pod_sandbox_id));
  }

  async #status(id: string, sandboxId = ''): Promise<ContainerRecord | undefined> {
    const r = await this.#orGone(
      this.#client.call<{ status: ContainerStatusMessage }>('ContainerStatus', { container_id: id }),
    );
    if (r === undefined) return undefined;
    const record = containerRecord(r.status, sandboxId);
    if (record.state !== 'exited') return record;
    record.message = (await this.#lastWords(r.status, record)) || record.message;
    if (sandboxId !== '') this.#ended.set(id, record);
    return record;
  }

  async #lastWords(status: ContainerStatusMessage, record: ContainerRecord): Promise<string> {
    const { hostPath, fallBackToLogs } = terminationMessage(status);
    const text = hostPath === '' ? '' : (await readFile(hostPath, 'utf8').catch(() => '')).slice(0, MAX_MESSAGE);
    if (text !== '' || !fallBackToLogs || record.exitCode === 0) return text;
    return tailOfLog(record.logPath, FALLBACK_LINES, MAX_FALLBACK);
  }

  /** After a restart of the kubelet the configuration of a sandbox is what its status says of it. */
  async #sandboxConfigOf(id: string): Promise<SandboxConfig> {
    const r = await this.#client.call<{ status: SandboxStatusMessage }>('PodSandboxStatus', { pod_sandbox_id: id });
    return knownSandboxConfig(r.status, this.#o.podLogsDir);
  }

  async #gone(call: Promise<unknown>): Promise<void> {
    await this.#orGone(call);
  }
  async #orGone<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (err) {
      if (err instanceof RuntimeError && err.reason === 'NotFound') return undefined;
      throw err;
    }
  }
}

/** As Go words it, which is what events of probes say. */
const DIAL_ERRORS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
};

function dialError(host: string, port: number, err: NodeJS.ErrnoException): Error {
  const words = DIAL_ERRORS[err.code ?? ''];
  if (words === undefined) return err;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Error(`dial tcp ${address}: connect: ${words}`, { cause: err });
}
