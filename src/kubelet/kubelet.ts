/**
 * A kubelet: registers its node and runs the pods bound to it on a container runtime. Speaks only to the API server and the runtime;
 * runs against any conformant API server. Upstream: pkg/kubelet/kubelet.go
 */
import type { Node, Pod } from '../api/core-v1.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { NODES } from '../client/resources.ts';
import { ContainerStarter, type StarterOptions } from './container-starter.ts';
import type { ConfigSource } from './env.ts';
import { NodeAgent } from './node/node-agent.ts';
import type { NodeFacts } from './node/node-object.ts';
import { admit } from './pod-admission.ts';
import type { PodSource } from './pod-source.ts';
import { type Admission, PodWorker, type PodWorkerDeps } from './pod-worker.ts';
import type { ContainerRuntime, PodRecord } from './runtime/container-runtime.ts';
import type { SandboxSettings } from './sandbox-config.ts';
import { StatusWriter } from './status/status-writer.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';

export interface KubeletOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  facts: NodeFacts;
  runtime: ContainerRuntime;
  pods: PodSource;
  source: ConfigSource;
  volumes: PodVolumes;
  sandbox: SandboxSettings;
  /** See ContainerStarter; none by default. */
  extraMounts?: StarterOptions['extraMounts'];
  signal?: AbortSignal;
}

export class Kubelet implements AsyncDisposable {
  readonly #o: KubeletOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #deps: PodWorkerDeps;
  readonly #subscriptions: { remove(): void }[] = [];
  #agent: NodeAgent | undefined;
  #silent = false;

  constructor(options: KubeletOptions) {
    this.#o = options;
    const { client, clock, random, log, facts, runtime, volumes } = options;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    const signal = this.#signal;
    const recorder = new EventRecorder({ client, clock, random, log, component: 'kubelet', host: facts.name, signal });
    const hostIPs = [facts.internalIP];
    const starter = new ContainerStarter({
      runtime,
      clock,
      log,
      recorder,
      source: options.source,
      signal,
      hostIPs,
      allocatable: () => facts.allocatable,
      sandbox: options.sandbox,
      extraMounts: options.extraMounts ?? (() => Promise.resolve([])),
      subPath: volumes.subPath?.bind(volumes),
    });
    this.#deps = {
      client,
      clock,
      log,
      recorder,
      runtime,
      volumes,
      starter,
      hostIPs,
      signal,
      statuses: new StatusWriter({ client, clock, random, log, signal }),
      onGone: (uid) => this.#workers.delete(uid),
    };
  }

  get nodeName(): string {
    return this.#o.facts.name;
  }

  /** Resolves when the node is registered and its pods are being taken care of. */
  async start(): Promise<void> {
    const { client, clock, log, runtime, facts } = this.#o;
    this.#agent = new NodeAgent({ client, clock, log, runtime, facts, signal: this.#signal });
    await this.#agent.start();
    this.#subscriptions.push(
      runtime.onChange((uid) => this.#workers.get(uid)?.notify()),
      this.#o.pods.subscribe(facts.name, { set: (pod) => this.#set(pod), deleted: (pod) => this.#deleted(pod) }),
    );
  }

  /** The worker of a pod; for the kubelet's own server. */
  worker(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** What the runtime has of a pod found by name; for the kubelet's own server. */
  async find(namespace: string, name: string): Promise<{ pod: Pod; record: PodRecord | undefined } | undefined> {
    for (const w of this.#workers.values()) {
      if (w.pod.metadata.namespace === namespace && w.pod.metadata.name === name) {
        return { pod: w.pod, record: await this.#o.runtime.pod(w.uid) };
      }
    }
    return undefined;
  }

  /** The pods this kubelet takes care of. */
  list(): Pod[] {
    return [...this.#workers.values()].map((w) => w.pod);
  }

  /** Stops everything at once without a word to the API server, as a node that loses power does. */
  async kill(): Promise<void> {
    this.#silent = true;
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const s of this.#subscriptions.splice(0)) s.remove();
    this.#stop.abort();
    for (const w of this.#workers.values()) w.stop();
    if (!this.#silent) this.#o.log.info('kubelet stopped', { node: this.nodeName });
  }

  #set(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const worker = this.#workers.get(uid);
    if (worker !== undefined) return worker.update(pod);
    const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    // A pod that has been taken once is not refused because the kubelet starts anew.
    const isNew = !finished && !pod.status?.startTime && !pod.metadata.deletionTimestamp;
    const created = new PodWorker(this.#deps, pod, isNew ? this.#admission(pod) : undefined);
    this.#workers.set(uid, created);
    // A pod that ended before this kubelet started has nothing to do until it is deleted.
    if (finished && !pod.metadata.deletionTimestamp) return;
    created.notify();
  }

  /** Whether the node takes the pod, beside those it has now; undefined: it does. */
  #admission(pod: Pod): Admission | undefined {
    const node = this.#agent?.node;
    if (node === undefined) return undefined;
    const others = [...this.#workers.values()].filter((w) => w.isActive).map((w) => w.pod);
    const rejection = admit({ pod, others, node });
    if (rejection === undefined) return undefined;
    // Labels and taints may have changed since the node was last read.
    return async () => {
      const fresh = await this.#o.client.get<Node>(NODES, this.nodeName);
      return admit({ pod, others, node: fresh });
    };
  }

  #deleted(pod: Pod): void {
    this.#workers.get(pod.metadata.uid ?? '')?.orphan();
  }

  /** Ends pods the runtime still has although the API server no longer knows them. */
  async cleanUpOrphans(known: ReadonlySet<string>): Promise<void> {
    const { runtime, log } = this.#o;
    for (const record of await runtime.pods()) {
      if (known.has(record.pod.uid) || this.#workers.has(record.pod.uid)) continue;
      log.info('removing a pod that no longer exists', { pod: `${record.pod.namespace}/${record.pod.name}` });
      background('orphaned pod', removeAll(runtime, record), log);
    }
  }
}

async function removeAll(runtime: ContainerRuntime, record: PodRecord): Promise<void> {
  await Promise.all(record.containers.map((c) => runtime.stopContainer(c.id, 2000)));
  for (const s of record.sandboxes) {
    await runtime.stopSandbox(s.id);
    await runtime.removeSandbox(s.id);
  }
}
