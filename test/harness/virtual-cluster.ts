/** A whole cluster on a virtual clock for tests of controllers: every test takes a namespace of its own and lets time go by until what it waits for is so. */
import type { Namespace } from '../../src/api/core-v1.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Client, ResourceRef } from '../../src/client/client.ts';
import { NAMESPACES } from '../../src/client/resources.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/cluster/cluster.ts';
import type { KubeObject } from '../../src/machinery/meta/object.ts';

export class VirtualCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly clock: VirtualClock;
  readonly client: Client;
  #count = 0;

  private constructor(cluster: Cluster, clock: VirtualClock) {
    this.cluster = cluster;
    this.clock = clock;
    this.client = cluster.client;
  }

  static async start(options: Omit<ClusterOptions, 'clock'> = {}): Promise<VirtualCluster> {
    const clock = new VirtualClock();
    return new VirtualCluster(await startCluster({ nodes: 2, ...options, clock }), clock);
  }

  /** A new namespace that has its service account. */
  async namespace(): Promise<Scope> {
    const name = `t${++this.#count}`;
    await this.client.create<Namespace>(NAMESPACES, { metadata: { name } });
    await this.clock.advance(1_000);
    return new Scope(this, name);
  }

  /** Lets time go by, second by second, until `check` answers something; at most `seconds`. */
  async until<T>(what: string, check: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
    for (let i = 0; ; i++) {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      if (i >= seconds) throw new Error(`not so within ${seconds} s: ${what}`);
      await this.clock.advance(1_000);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** Everything a test does within its namespace. */
export class Scope {
  readonly vc: VirtualCluster;
  readonly namespace: string;

  constructor(vc: VirtualCluster, namespace: string) {
    this.vc = vc;
    this.namespace = namespace;
  }

  create<T extends KubeObject>(ref: ResourceRef, name: string, body: object, metadata: object = {}): Promise<T> {
    const object = { metadata: { name, namespace: this.namespace, ...metadata }, ...body };
    return this.vc.client.create<T>(ref, object as unknown as T);
  }
  get<T extends KubeObject>(ref: ResourceRef, name: string): Promise<T> {
    return this.vc.client.get<T>(ref, name, { namespace: this.namespace });
  }
  async list<T extends KubeObject>(ref: ResourceRef, labelSelector?: string): Promise<T[]> {
    const options = labelSelector === undefined ? {} : { labelSelector };
    return (await this.vc.client.list<T>(ref, { namespace: this.namespace, ...options })).items;
  }
  merge<T extends KubeObject>(ref: ResourceRef, name: string, patch: object): Promise<T> {
    return this.vc.client.patch<T>(ref, name, 'merge', patch, { namespace: this.namespace });
  }
  async delete(ref: ResourceRef, name: string, options: object = {}): Promise<void> {
    await this.vc.client.delete(ref, name, { namespace: this.namespace, ...options });
  }
  /** Waits until the object is as `check` wants it. */
  until<T extends KubeObject>(ref: ResourceRef, name: string, check: (o: T) => boolean, seconds = 60): Promise<T> {
    let last: T | undefined;
    return this.vc
      .until(
        `${ref.kind} ${name}: ${check}`,
        async () => {
          last = await this.get<T>(ref, name);
          return check(last) ? last : undefined;
        },
        seconds,
      )
      .catch((err: unknown) => {
        throw new Error(`${(err as Error).message}; status ${JSON.stringify((last as { status?: unknown }).status)}`);
      });
  }
}
