/**
 * A container runtime without containers: sandboxes and containers are records, their lives run on the clock (program.ts). Touches
 * neither network nor file system. Images are always there to pull; a name under `invalid.` or with the tag `missing` is not.
 */
import type { Duplex } from 'node:stream';
import type { Probe } from '../../../api/core-v1.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import {
  type ContainerConfig,
  type ContainerRecord,
  type ContainerRuntime,
  type ExecResult,
  type Image,
  type LogOptions,
  type PodRecord,
  type RegistryCredentials,
  RuntimeError,
  type SandboxConfig,
  type SandboxRecord,
} from '../container-runtime.ts';
import { type Program, programOf } from './program.ts';

export interface SimulatedRuntimeOptions {
  clock: Clock;
  random: Random;
  /** Gives a pod its address and takes it back. */
  addresses: { allocate(): string; release(ip: string): void };
  /** Ms that making a sandbox and pulling an image take. Default 0. */
  latency?: number;
}

/** What a test may decide instead of the simulation. Asked each time; undefined: as usual. */
export interface SimulatedBehaviour {
  /** Usually every probe succeeds. */
  probe?(container: ContainerRecord, probe: Probe): ProbeAnswer | undefined;
  /** How long the container takes to end when it is asked to, and with what. Usually at once. */
  stop?(container: ContainerRecord): { after: number; exitCode: number } | undefined;
}

export interface ProbeAnswer {
  success: boolean;
  output: string;
}

interface Container {
  record: ContainerRecord;
  program: Program;
  timer: Timer | undefined;
  logListeners: Set<() => void>;
  /** Set while it is being stopped. */
  killAt: number;
  killTimer: Timer | undefined;
}

interface Pod {
  sandboxes: SandboxRecord[];
  containers: Container[];
}

const IMAGE_SIZE = 50_000_000;

export class SimulatedRuntime implements ContainerRuntime {
  readonly name = 'simulated';
  readonly #o: SimulatedRuntimeOptions;
  readonly #pods = new Map<string, Pod>();
  readonly #containers = new Map<string, Container>();
  readonly #images = new Map<string, Image>();
  readonly #listeners = new Set<(uid: string) => void>();
  /** For tests. */
  behaviour: SimulatedBehaviour = {};
  #ids = 0;

  constructor(options: SimulatedRuntimeOptions) {
    this.#o = options;
  }

  version(): Promise<string> {
    return Promise.resolve('1.0.0');
  }
  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return Promise.resolve({ runtimeReady: true, networkReady: true, message: '' });
  }
  onChange(listener: (uid: string) => void): { remove(): void } {
    this.#listeners.add(listener);
    return { remove: () => this.#listeners.delete(listener) };
  }

  async pods(): Promise<PodRecord[]> {
    return [...this.#pods.keys()].flatMap((uid) => this.#record(uid) ?? []);
  }
  async pod(uid: string): Promise<PodRecord | undefined> {
    return this.#record(uid);
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    await this.#delay();
    const sandbox: SandboxRecord = {
      id: this.#id(),
      pod: config.pod,
      attempt: config.attempt,
      ready: true,
      createdAt: this.#o.clock.now(),
      ips: config.hostNetwork ? [] : [this.#o.addresses.allocate()],
      hostNetwork: config.hostNetwork,
    };
    const pod = this.#pods.get(config.pod.uid) ?? { sandboxes: [], containers: [] };
    pod.sandboxes.unshift(sandbox);
    this.#pods.set(config.pod.uid, pod);
    this.#changed(config.pod.uid);
    return sandbox.id;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandbox(id);
    if (sandbox === undefined) return;
    for (const c of this.#pods.get(sandbox.pod.uid)?.containers ?? []) {
      if (c.record.sandboxId === id && c.record.state === 'running') this.#end(c, 137, 9, 'Error');
    }
    if (sandbox.ready) for (const ip of sandbox.ips) this.#o.addresses.release(ip);
    sandbox.ready = false;
    this.#changed(sandbox.pod.uid);
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    const uid = this.#sandbox(id)?.pod.uid;
    if (uid === undefined) return;
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    pod.sandboxes = pod.sandboxes.filter((s) => s.id !== id);
    for (const c of pod.containers.filter((x) => x.record.sandboxId === id)) this.#containers.delete(c.record.id);
    pod.containers = pod.containers.filter((c) => c.record.sandboxId !== id);
    if (pod.sandboxes.length + pod.containers.length === 0) this.#pods.delete(uid);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const pod = this.#pods.get(config.pod.uid);
    if (!pod?.sandboxes.some((s) => s.id === sandboxId && s.ready))
      throw new RuntimeError('NotFound', `sandbox ${sandboxId} not found`);
    const record: ContainerRecord = {
      id: this.#id(),
      pod: config.pod,
      name: config.name,
      attempt: config.attempt,
      sandboxId,
      image: config.image,
      imageId: config.imageRef,
      hash: config.hash,
      state: 'created',
      createdAt: this.#o.clock.now(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      signal: 0,
      reason: '',
      message: '',
      logPath: '',
    };
    const container: Container = {
      record,
      program: programOf(config),
      timer: undefined,
      logListeners: new Set(),
      killAt: Number.POSITIVE_INFINITY,
      killTimer: undefined,
    };
    pod.containers.unshift(container);
    this.#containers.set(record.id, container);
    return record.id;
  }

  async startContainer(id: string): Promise<void> {
    const c = this.#containers.get(id);
    if (c === undefined) throw new RuntimeError('NotFound', `container ${id} not found`);
    const { clock } = this.#o;
    Object.assign(c.record, { state: 'running', startedAt: clock.now() });
    const { duration, exitCode } = c.program;
    if (duration !== undefined)
      c.timer = clock.after(duration, () => this.#end(c, exitCode, 0, exitCode === 0 ? 'Completed' : 'Error'));
    this.#changed(c.record.pod.uid);
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const c = this.#containers.get(id);
    if (c === undefined || c.record.state === 'exited') return;
    if (c.record.state === 'created') {
      this.#end(c, 137, 9, 'Error');
      return;
    }
    const { clock } = this.#o;
    // A script dies of the signal; what is taken for a service ends in order.
    const { after, exitCode } = this.behaviour.stop?.(c.record) ?? { after: 0, exitCode: c.program.isScript ? 143 : 0 };
    const isFirst = c.killAt === Number.POSITIVE_INFINITY;
    if (graceMs <= 0 || (isFirst && after <= 0)) {
      if (graceMs <= 0) this.#end(c, 137, 9, 'Error');
      else this.#end(c, exitCode, 0, exitCode === 0 ? 'Completed' : 'Error');
      return;
    }
    if (isFirst) {
      c.timer?.cancel();
      c.timer = clock.after(after, () => this.#end(c, exitCode, 0, exitCode === 0 ? 'Completed' : 'Error'));
    }
    if (clock.now() + graceMs < c.killAt) {
      c.killAt = clock.now() + graceMs;
      c.killTimer?.cancel();
      c.killTimer = clock.after(graceMs, () => this.#end(c, 137, 9, 'Error'));
    }
    while (!this.#hasEnded(c)) await this.#change(c, undefined);
  }

  #hasEnded(c: Container): boolean {
    return c.record.state === 'exited';
  }

  async removeContainer(id: string): Promise<void> {
    const c = this.#containers.get(id);
    if (c === undefined) return;
    c.timer?.cancel();
    this.#containers.delete(id);
    const pod = this.#pods.get(c.record.pod.uid);
    if (pod !== undefined) pod.containers = pod.containers.filter((x) => x !== c);
  }

  async updateResources(): Promise<void> {}

  async imageStatus(image: string): Promise<Image | undefined> {
    return this.#images.get(canonical(image));
  }
  async pullImage(image: string, _credentials: readonly RegistryCredentials[]): Promise<string> {
    await this.#delay();
    if (!/^[a-z0-9][\w./:@-]*$/i.test(image) || /[A-Z]/.test(image.split(':')[0] ?? '')) {
      throw new RuntimeError('InvalidImageName', "couldn't parse image name: invalid reference format");
    }
    const name = canonical(image);
    if (name.startsWith('invalid.') || name.endsWith(':missing')) {
      throw new RuntimeError('ErrImagePull', `failed to pull and unpack image "${name}": not found`);
    }
    const known = this.#images.get(name);
    if (known !== undefined) return known.id;
    const id = `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64)}`;
    this.#images.set(name, { id, repoTags: [name], repoDigests: [], sizeBytes: IMAGE_SIZE, uid: 1000 });
    return id;
  }
  async images(): Promise<Image[]> {
    return [...this.#images.values()];
  }
  async removeImage(id: string): Promise<void> {
    for (const [name, image] of this.#images) if (image.id === id) this.#images.delete(name);
  }

  async execSync(): Promise<ExecResult> {
    return { exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  }
  exec(): Promise<string> {
    return Promise.reject(
      new RuntimeError('Unavailable', 'a simulated container runs no processes: exec needs --runtime containerd'),
    );
  }
  attach(): Promise<string> {
    return Promise.reject(
      new RuntimeError('Unavailable', 'a simulated container runs no processes: attach needs --runtime containerd'),
    );
  }
  portForward(): Promise<string> {
    return Promise.reject(
      new RuntimeError('Unavailable', 'a simulated pod has no network: port-forward needs --runtime containerd'),
    );
  }
  dial(): Promise<Duplex> {
    return Promise.reject(new RuntimeError('Unavailable', 'a simulated pod has no network'));
  }
  answerProbe(containerId: string, probe: Probe): ProbeAnswer {
    const c = this.#containers.get(containerId);
    return (c && this.behaviour.probe?.({ ...c.record }, probe)) ?? { success: true, output: '' };
  }

  async *logs(id: string, options: LogOptions): AsyncIterable<Buffer> {
    const c = this.#containers.get(id);
    if (c === undefined) throw new RuntimeError('NotFound', `container "${id}" not found`);
    // Simulated programs print to their standard output only.
    if (options.stream === 'Stderr') return;
    const { clock } = this.#o;
    let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    const render = (l: { at: number; line: string }) => {
      const time = options.timestamps
        ? `${new Date(c.record.startedAt + l.at).toISOString().replace('Z', '000000Z')} `
        : '';
      const bytes = Buffer.from(`${time}${l.line}\n`).subarray(0, left);
      left -= bytes.length;
      return bytes;
    };
    const elapsed = () => (c.record.state === 'exited' ? c.record.finishedAt : clock.now()) - c.record.startedAt;
    let next = 0;
    const due = () => {
      const lines: { at: number; line: string }[] = [];
      while (c.record.startedAt > 0 && next < c.program.output.length && c.program.output[next]!.at <= elapsed())
        lines.push(c.program.output[next++]!);
      return lines.filter((l) => options.since === undefined || c.record.startedAt + l.at >= options.since);
    };
    let ready = due();
    if (options.tailLines !== undefined) ready = options.tailLines === 0 ? [] : ready.slice(-options.tailLines);
    for (;;) {
      for (const l of ready) {
        yield render(l);
        if (left <= 0) return;
      }
      if (!options.follow || c.record.state === 'exited' || options.signal.aborted) return;
      const upcoming = c.program.output[next];
      const wait = upcoming === undefined ? undefined : Math.max(upcoming.at - elapsed(), 0);
      await this.#change(c, wait, options.signal);
      ready = due();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const c of this.#containers.values()) {
      c.timer?.cancel();
      c.killTimer?.cancel();
    }
  }

  /** Resolves when the container ends, after `wait` ms, or when the reader goes away. */
  #change(c: Container, wait: number | undefined, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = wait === undefined ? undefined : this.#o.clock.after(wait, done);
      function done() {
        timer?.cancel();
        c.logListeners.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      c.logListeners.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #end(c: Container, exitCode: number, signal: number, reason: string): void {
    if (c.record.state === 'exited') return;
    c.timer?.cancel();
    c.killTimer?.cancel();
    const now = this.#o.clock.now();
    Object.assign(c.record, { state: 'exited', finishedAt: now, exitCode, signal, reason });
    if (c.record.startedAt === 0) c.record.startedAt = now;
    for (const done of [...c.logListeners]) done();
    this.#changed(c.record.pod.uid);
  }

  #record(uid: string): PodRecord | undefined {
    const pod = this.#pods.get(uid);
    const first = pod?.sandboxes[0] ?? pod?.containers[0]?.record;
    if (pod === undefined || first === undefined) return undefined;
    return {
      pod: first.pod,
      sandboxes: pod.sandboxes.map((s) => ({ ...s })),
      containers: pod.containers.map((c) => ({ ...c.record })),
    };
  }
  #sandbox(id: string): SandboxRecord | undefined {
    for (const pod of this.#pods.values()) {
      const found = pod.sandboxes.find((s) => s.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  #id(): string {
    return `${(++this.#ids).toString(16).padStart(8, '0')}${this.#o.random.bytes(28).toString('hex')}`;
  }
  #changed(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
  }
  #delay(): Promise<void> {
    return this.#o.latency ? this.#o.clock.sleep(this.#o.latency) : Promise.resolve();
  }
}

/** With the tag that is meant when none is given. */
function canonical(image: string): string {
  const name = image.replace(/^docker\.io\//, '');
  return name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
}
