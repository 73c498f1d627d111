/**
 * Makes sandboxes and starts containers: image, configuration, environment, mounts, hooks, with upstream's events and waiting reasons.
 * Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer, kuberuntime_sandbox.go
 */
import { createHash } from 'node:crypto';
import type { Container, Pod } from '../api/core-v1.ts';
import { isAbortError } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { EventRecorder } from '../client/events.ts';
import { resourceAmount } from '../machinery/pods/pod-resources.ts';
import { type ConfigSource, ContainerConfigError, containerEnv, expand } from './env.ts';
import { GraceOver, GracePeriod } from './grace-period.ts';
import { runHook } from './hooks.ts';
import { ImageError, Images } from './images.ts';
import { pullCredentials } from './pull-secrets.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { restartPolicyOf } from './restart-policy.ts';
import type {
  ContainerConfig,
  ContainerRecord,
  ContainerRuntime,
  Mount,
  PodRecord,
} from './runtime/container-runtime.ts';
import { type SandboxSettings, sandboxConfig } from './sandbox-config.ts';
import { containerResources, containerSecurity } from './security.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';

/** How long a container may still take to end after its hook used the grace period up, ms. */
const MINIMUM_GRACE = 2000;

export interface StartRequest {
  pod: Pod;
  container: Container;
  sandboxId: string;
  podIPs: readonly string[];
  record: PodRecord | undefined;
  /** Host paths by volume name. */
  volumes: ReadonlyMap<string, string>;
}

export interface StopRequest {
  pod: Pod;
  container: Container | undefined;
  record: ContainerRecord;
  grace: GracePeriod;
  podIP: string;
  /** Resolves when the containers that have to end before this one have ended. */
  turn?: Promise<unknown>;
  /** Of the event. */
  message: string;
}

/** The container is not running: why, and when to try again (ms). */
export interface NotStarted {
  reason: string;
  message: string;
  retryAfter: number;
}

export interface StarterOptions {
  runtime: ContainerRuntime;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  source: ConfigSource;
  signal: AbortSignal;
  hostIPs: readonly string[];
  allocatable(): Readonly<Record<string, string>>;
  sandbox: SandboxSettings;
  /** Mounts every container gets besides its volumes (hosts file, termination log); none on simulated nodes. */
  extraMounts(pod: Pod, container: Container, podIPs: readonly string[], attempt: number): Promise<Mount[]>;
  /** See PodVolumes. */
  subPath?: NonNullable<PodVolumes['subPath']> | undefined;
}

export class ContainerStarter {
  readonly #o: StarterOptions;
  readonly #images: Images;
  readonly #backoff = new RestartBackoff();

  constructor(options: StarterOptions) {
    this.#o = options;
    this.#images = new Images({ runtime: options.runtime, clock: options.clock });
  }

  /** Changes when the container has to be made anew: its name or its image. Resources may change in place. */
  hashOf(c: Container): string {
    return createHash('sha256')
      .update(JSON.stringify([c.name, c.image ?? '']))
      .digest('hex')
      .slice(0, 8);
  }

  event(pod: Pod, container: Container | undefined, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { name = '', namespace = '', uid = '', resourceVersion = '' } = pod.metadata;
    const reference = { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion };
    this.#o.recorder.event(
      container === undefined ? reference : { ...reference, fieldPath: fieldPath(pod, container) },
      type,
      reason,
      message,
    );
  }

  createSandbox(pod: Pod, attempt: number): Promise<string> {
    return this.#o.runtime.runSandbox(sandboxConfig(pod, attempt, this.#o.sandbox));
  }

  /** What the runtime is told of a container's resources. */
  resources(pod: Pod, c: Container): ContainerConfig['resources'] {
    return containerResources(pod, c, resourceAmount('memory', this.#o.allocatable().memory ?? '0'));
  }

  /** Undefined when the container runs (or ran) now. */
  async start(request: StartRequest): Promise<NotStarted | undefined> {
    const { pod, container, record } = request;
    const previous = record?.containers.find((r) => r.name === container.name);
    const waiting = this.#crashLoop(pod, container, previous);
    if (waiting !== undefined) return waiting;
    try {
      await this.#start(request, previous);
      return undefined;
    } catch (err) {
      if (isAbortError(err)) throw err;
      return this.#notStarted(pod, container, err);
    }
  }

  /** preStop hook, its turn among the others, the signal, then (when the time is up) the kill. */
  async stop({ pod, container, record, grace, podIP, turn, message }: StopRequest): Promise<void> {
    const { runtime, clock, signal } = this.#o;
    if (record.state === 'exited') return;
    this.event(pod, container, 'Normal', 'Killing', message);
    const hook = container?.lifecycle?.preStop;
    try {
      await grace.within(async (limit) => {
        if (hook !== undefined && container !== undefined && record.state === 'running') {
          const target = { runtime, clock, containerId: record.id, container, podIP };
          await runHook(target, hook, AbortSignal.any([limit, signal])).catch((err: unknown) => {
            if (limit.aborted || signal.aborted) throw err;
            // The error may carry what the hook got from its server: it stays out of the event.
            this.event(pod, container, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
            this.#o.log.debug('preStop hook', { pod: pod.metadata.name, container: container.name, err });
          });
        }
        await turn;
      });
    } catch (err) {
      if (!(err instanceof GraceOver)) throw err;
    }
    const left = () => Math.max(grace.left(), MINIMUM_GRACE);
    // The runtime takes the earlier of two deadlines.
    const shorter = grace.onShorter(() => void runtime.stopContainer(record.id, left()).catch(() => {}));
    try {
      await runtime.stopContainer(record.id, left());
    } finally {
      shorter.remove();
    }
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}_`);
    this.#images.forget(podUid);
  }

  #crashLoop(pod: Pod, c: Container, previous: ContainerRecord | undefined): NotStarted | undefined {
    if (previous?.state !== 'exited') return undefined;
    const now = this.#o.clock.now();
    const key = `${pod.metadata.uid}_${c.name}_${this.hashOf(c)}`;
    const left = this.#backoff.remaining(key, previous.finishedAt, now);
    if (left <= 0) {
      this.#backoff.next(key, previous.finishedAt, now);
      return undefined;
    }
    const { name, namespace, uid } = pod.metadata;
    this.event(
      pod,
      c,
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${c.name} in pod ${name}_${namespace}(${uid})`,
    );
    const seconds = this.#backoff.delay(key) / 1000;
    const text = seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
    const message = `back-off ${text} restarting failed container=${c.name} pod=${name}_${namespace}(${uid})`;
    return { reason: 'CrashLoopBackOff', message, retryAfter: left };
  }

  async #start(request: StartRequest, previous: ContainerRecord | undefined): Promise<void> {
    const { pod, container: c, sandboxId } = request;
    const { runtime } = this.#o;
    const credentials = await pullCredentials(pod, c.image ?? '', this.#o.source);
    const imageRef = await this.#images.ensure(
      pod,
      c,
      credentials,
      (type, reason, message) => this.event(pod, c, type, reason, message),
      this.#o.signal,
    );
    const attempt = previous === undefined ? this.#lastCount(pod, c) : previous.attempt + 1;
    const config = await this.#config(request, imageRef, attempt);
    let id: string;
    try {
      id = await runtime.createContainer(sandboxId, config);
    } catch (err) {
      throw new StartError('CreateContainerError', err);
    }
    this.event(pod, c, 'Normal', 'Created', 'Container created');
    try {
      await runtime.startContainer(id);
    } catch (err) {
      throw new StartError('RunContainerError', err);
    }
    this.event(pod, c, 'Normal', 'Started', 'Container started');
    await this.#postStart(request, id);
    // Only the newest dead container is kept: its logs are `kubectl logs --previous`.
    for (const old of request.record?.containers.filter((r) => r.name === c.name).slice(1) ?? [])
      await runtime.removeContainer(old.id);
  }

  /** A container whose records went with an old sandbox goes on counting. */
  #lastCount(pod: Pod, c: Container): number {
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const s = all.find((x) => x.name === c.name);
    return s?.state?.running || s?.state?.terminated ? s.restartCount + 1 : (s?.restartCount ?? 0);
  }

  async #postStart(request: StartRequest, id: string): Promise<void> {
    const { pod, container } = request;
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    const { runtime, clock, signal } = this.#o;
    try {
      await runHook({ runtime, clock, containerId: id, container, podIP: request.podIPs[0] ?? '' }, hook, signal);
    } catch (err) {
      this.event(pod, container, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
      await this.#stopAfterHook(request, id);
      throw new StartError('PostStartHookError', err);
    }
  }

  async #stopAfterHook({ pod, container, podIPs }: StartRequest, id: string): Promise<void> {
    const { runtime, clock } = this.#o;
    const record = (await runtime.pod(pod.metadata.uid ?? ''))?.containers.find((r) => r.id === id);
    if (record === undefined) return;
    const grace = new GracePeriod(clock, (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
    await this.stop({ pod, container, record, grace, podIP: podIPs[0] ?? '', message: 'FailedPostStartHook' });
  }

  async #config(request: StartRequest, imageRef: string, attempt: number): Promise<ContainerConfig> {
    const { pod, container: c, podIPs } = request;
    const env = await containerEnv({
      pod,
      container: c,
      source: this.#o.source,
      hostIPs: this.#o.hostIPs,
      podIPs: pod.spec?.hostNetwork ? this.#o.hostIPs : podIPs,
      allocatable: this.#o.allocatable(),
    });
    const values = new Map(env);
    const lookup = (name: string) => values.get(name);
    const image = await this.#o.runtime.imageStatus(c.image ?? '');
    return {
      pod: { uid: pod.metadata.uid ?? '', name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' },
      name: c.name,
      attempt,
      image: c.image ?? '',
      imageRef,
      command: (c.command ?? []).map((s) => expand(s, lookup)),
      args: (c.args ?? []).map((s) => expand(s, lookup)),
      workingDir: c.workingDir ?? '',
      env,
      mounts: [...(await this.#volumeMounts(request, lookup)), ...(await this.#o.extraMounts(pod, c, podIPs, attempt))],
      tty: c.tty ?? false,
      stdin: c.stdin ?? false,
      stdinOnce: c.stdinOnce ?? false,
      logPath: `${c.name}/${attempt}.log`,
      terminationMessagePath: c.terminationMessagePath ?? '/dev/termination-log',
      terminationMessagePolicy: (c.terminationMessagePolicy ?? 'File') as ContainerConfig['terminationMessagePolicy'],
      hash: this.hashOf(c),
      resources: this.resources(pod, c),
      securityContext: containerSecurity(pod, c, image),
      ...this.#target(request),
      restartPolicy: restartPolicyOf(pod, c),
      isInit: (pod.spec?.initContainers ?? []).some((i) => i.name === c.name && i.restartPolicy !== 'Always'),
      ownerKind: pod.metadata.ownerReferences?.find((r) => r.controller)?.kind ?? '',
    };
  }

  /** An ephemeral container is among the processes of the one it targets. */
  #target({ pod, container: c, record }: StartRequest): { targetId?: string } {
    const name = pod.spec?.ephemeralContainers?.find((e) => e.name === c.name)?.targetContainerName;
    if (!name) return {};
    const target = record?.containers.find((r) => r.name === name);
    if (target === undefined) throw new ContainerConfigError(`unable to find target container ${name}`);
    return { targetId: target.id };
  }

  async #volumeMounts(
    { pod, container: c, volumes }: StartRequest,
    lookup: (name: string) => string | undefined,
  ): Promise<Mount[]> {
    const mounts: Mount[] = [];
    for (const [i, m] of (c.volumeMounts ?? []).entries()) {
      const root = volumes.get(m.name);
      if (root === undefined) continue;
      const sub = m.subPathExpr === undefined ? m.subPath : expand(m.subPathExpr, lookup);
      if (sub?.startsWith('/')) throw new ContainerConfigError(`error SubPath \`${sub}\` must not be an absolute path`);
      if (sub?.split('/').includes('..'))
        throw new ContainerConfigError(`unable to provision SubPath \`${sub}\`: must not contain '..'`);
      mounts.push({
        hostPath: sub ? await this.#subPath(pod, c, i, root, sub) : root,
        containerPath: m.mountPath.startsWith('/') ? m.mountPath : `/${m.mountPath}`,
        readOnly: m.readOnly ?? false,
        propagation: (m.mountPropagation ?? 'None') as Mount['propagation'],
      });
    }
    return mounts;
  }

  async #subPath(pod: Pod, c: Container, index: number, root: string, sub: string): Promise<string> {
    if (this.#o.subPath === undefined) return `${root}/${sub}`;
    try {
      return await this.#o.subPath(pod, c, index, root, sub);
    } catch (err) {
      throw new ContainerConfigError(err instanceof Error ? err.message : String(err), { cause: err });
    }
  }

  #notStarted(pod: Pod, c: Container, err: unknown): NotStarted {
    if (err instanceof ImageError) {
      const { reason, message, retryAfter } = err;
      if (!err.isRepeated) this.event(pod, c, 'Warning', 'Failed', `Error: ${reason}`);
      return { reason, message, retryAfter };
    }
    const message = err instanceof Error ? err.message : String(err);
    const reason =
      err instanceof ContainerConfigError
        ? 'CreateContainerConfigError'
        : err instanceof StartError
          ? err.reason
          : 'CreateContainerError';
    if (reason !== 'PostStartHookError') this.event(pod, c, 'Warning', 'Failed', `Error: ${message}`);
    if (!(err instanceof ContainerConfigError))
      this.#o.log.warn('container not started', { pod: pod.metadata.name, container: c.name, err });
    return { reason, message, retryAfter: reason === 'CreateContainerConfigError' ? 5000 : 10_000 };
  }
}

class StartError extends Error {
  readonly reason: string;
  constructor(reason: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.reason = reason;
  }
}

/** `spec.containers{name}`, as events name the container they are about. */
function fieldPath(pod: Pod, c: Container): string {
  if ((pod.spec?.initContainers ?? []).some((i) => i.name === c.name)) return `spec.initContainers{${c.name}}`;
  if ((pod.spec?.ephemeralContainers ?? []).some((i) => i.name === c.name))
    return `spec.ephemeralContainers{${c.name}}`;
  return `spec.containers{${c.name}}`;
}
