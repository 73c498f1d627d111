/**
 * A whole cluster in this process: API server on a store, controllers, scheduler, nodes. The command line and tests of operators
 * use the same function; with a VirtualClock, memory storage and no listener it needs no socket, no root and no real time.
 *
 *     await using cluster = await startCluster({ nodes: 3, storage: 'memory', clock: new VirtualClock() });
 *     await cluster.client.create(PODS, pod, { namespace: 'default' });
 */
import { hostname, networkInterfaces } from 'node:os';
import { JWKS_PATH } from '../apiserver/authn/oidc-discovery.ts';
import { type ApiServer, LOOPBACK_USER } from '../apiserver/create-api-server.ts';
import type { UserInfo } from '../apiserver/request/exchange.ts';
import { standardApiServer } from '../apiserver/standard-api-server.ts';
import { KubeletConnections } from '../apiserver/streaming/kubelet-connection.ts';
import { streamingSubresources } from '../apiserver/streaming/streaming-subresources.ts';
import { type Clock, systemClock, VirtualClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { type Random, seededRandom, systemRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { startControllerManager } from '../kcm/controller-manager.ts';
import type { ControllerManagerFlags } from '../kcm/flags.ts';
import { type SimulatedNodeOptions, SimulatedNodes } from '../kubelet/simulated-nodes.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { startCompactor } from '../storage/compactor.ts';
import type { Storage } from '../storage/storage.ts';
import { openStorage, type StorageKind } from './open-storage.ts';
import { writeKubeconfig } from './pki/kubeconfig.ts';
import { ensurePki, type Pki } from './pki/pki.ts';
import { type RealNodePlan, realNodePlan } from './real-node/plan.ts';
import { chooseRuntime, type RuntimeChoice } from './runtime-choice.ts';
import { KUBERNETES_VERSION } from './version.ts';

/** Reports the steps of a start; see src/cmd/progress.ts. */
export interface StartProgress {
  step<T>(title: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T>;
  note(text: string): void;
}

export interface ClusterOptions {
  /** Default: the machine's clock. With a VirtualClock nothing happens by time until `advance`. */
  clock?: Clock;
  /** Default: cryptographic; with a VirtualClock a fixed seed, so that a test runs the same way each time. */
  random?: Random;
  log?: Logger;
  /** Default `memory`. An open Storage is taken as it is and disposed with the cluster. */
  storage?: StorageKind | Storage;
  /** Where sqlite, keys and certificates are kept; without it nothing is written to disk. */
  dataDir?: string;
  etcdServers?: readonly string[];
  /** Serve HTTPS there; port 0 takes any free one. Absent: reachable in this process only. */
  listen?: { host?: string; port: number };
  /** Where to write an administrator's kubeconfig, mode 0600. Needs `listen`. */
  kubeconfig?: string;
  /** How many nodes, or what each is like (simulated only). Default 1. */
  nodes?: number | readonly SimulatedNodeOptions[];
  /** Default `simulated`; `auto` takes containerd where it can run. */
  runtime?: RuntimeChoice;
  /** Upstream's flags of the controller manager, in camelCase. */
  controllerManager?: Partial<ControllerManagerFlags>;
  /** Default 10.96.0.0/12. */
  serviceCIDR?: string;
  /** Default 10.244.0.0/16. */
  podCIDR?: string;
  /** As upstream's --runtime-config. */
  runtimeConfig?: string;
  /** Real nodes: ms between two looks at pods and their volumes (upstream's --sync-frequency). Default 60 s. */
  syncPeriod?: number;
  /** Real nodes: how the node's own process logs. Default: warnings, as text. */
  nodeLog?: { verbosity: number; format: 'text' | 'json' };
  progress?: StartProgress;
}

export interface Cluster extends AsyncDisposable {
  /** Cluster administrator, in process. */
  readonly client: Client;
  readonly clock: Clock;
  /** `https://127.0.0.1:6443`; undefined without a listener. */
  readonly url: string | undefined;
  readonly apiServer: ApiServer;
  readonly runtime: 'simulated' | 'containerd';
  /** The simulated nodes: add, silence, revive. */
  readonly nodes: SimulatedNodes;
  /** A client as somebody else, to see what they may do. */
  clientAs(user: UserInfo): Client;
}

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const starter = new Starter(options);
  try {
    return await starter.start();
  } catch (err) {
    // No half-start: what runs already ends, in order, before the caller hears of it.
    await starter.stop();
    throw err;
  }
}

class Starter {
  readonly #o: ClusterOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  #kubelets = new KubeletConnections();
  /** Set when the node is a real one. */
  #real: RealNodePlan | undefined;
  /** What to end, the last first. */
  readonly #parts: AsyncDisposable[] = [];

  constructor(options: ClusterOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? (this.#clock instanceof VirtualClock ? seededRandom(1) : systemRandom);
    this.#log = options.log ?? silentLogger;
  }

  async start(): Promise<Cluster> {
    const clock = this.#clock;
    const { nodes: wanted = 1 } = this.#o;
    const runtime = chooseRuntime(this.#o.runtime ?? 'simulated', typeof wanted === 'number' ? wanted : wanted.length);
    if (runtime.name === 'containerd') this.#real = realNodePlan(this.#o);
    const pki = await this.#step('certificates', () => this.#pki());
    const storage = await this.#step(
      'storage',
      () => this.#storage(),
      () => (typeof this.#o.storage === 'string' ? this.#o.storage : ''),
    );
    const { apiServer, url } = await this.#step(
      'API server',
      () => this.#apiServer(storage, pki),
      (s) => s.url ?? '',
    );
    await this.#step('controllers', async () => {
      const client = apiServer.client(component('system:kube-controller-manager', 'system:masters'), {
        'user-agent': 'kube-controller-manager',
      });
      const flags = { rootCa: pki.ca.certificate, clusterSigningCa: pki.ca, ...this.#o.controllerManager };
      this.#parts.push(await startControllerManager({ ...this.#common(client), flags }));
    });
    await this.#step('scheduler', async () => {
      const client = apiServer.client(component('system:kube-scheduler'), { 'user-agent': 'kube-scheduler' });
      this.#parts.push(await startScheduler(this.#common(client)));
    });
    const nodes = await this.#step(
      'nodes',
      () => this.#nodes(apiServer, pki),
      (n) => `${n.names().length || 1} ${runtime.name}`,
    );
    if (runtime.hint !== undefined) this.#o.progress?.note(runtime.hint);
    if (this.#o.kubeconfig !== undefined && url !== undefined) {
      await writeKubeconfig(this.#o.kubeconfig, {
        server: url,
        ca: pki.ca.certificate,
        user: 'kubernetes-admin',
        credentials: pki.admin,
      });
    }
    return {
      client: apiServer.client({ username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }),
      clock,
      url,
      apiServer,
      nodes,
      runtime: runtime.name,
      clientAs: (user) => apiServer.client(user),
      [Symbol.asyncDispose]: () => this.stop(),
    };
  }

  async stop(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  }

  #common(client: Client) {
    return { client, clock: this.#clock, random: this.#random, log: this.#log };
  }

  #step<T>(title: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T> {
    return this.#o.progress?.step(title, work, detail) ?? work();
  }

  #pki(): Promise<Pki> {
    const { dataDir, listen, serviceCIDR = DEFAULT_SERVICE_CIDR } = this.#o;
    const host = listen?.host;
    return ensurePki(dataDir === undefined ? undefined : `${dataDir}/pki`, {
      clock: this.#clock,
      random: this.#random,
      hostnames: [hostname()],
      ips: host !== undefined && /^[\d.]+$|:/.test(host) ? [host] : [],
      serviceIP: firstAddress(serviceCIDR),
    });
  }

  async #storage(): Promise<Storage> {
    const { storage = 'memory', dataDir, etcdServers = [] } = this.#o;
    if (typeof storage !== 'string') return storage;
    return openStorage(storage, { dataDir, etcdServers, clock: this.#clock });
  }

  async #apiServer(storage: Storage, pki: Pki): Promise<{ apiServer: ApiServer; url: string | undefined }> {
    const { listen, serviceCIDR = DEFAULT_SERVICE_CIDR, runtimeConfig } = this.#o;
    this.#kubelets = new KubeletConnections(pki.apiServerKubeletClient);
    const apiServer = await standardApiServer({
      streaming: (services) => streamingSubresources(services, this.#kubelets),
      storage,
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
      serviceCIDR,
      ...this.#advertised(),
      // With port 0 the port is not known before everything else is.
      ...(listen?.port ? { serverAddress: `${listen.host ?? '127.0.0.1'}:${listen.port}` } : {}),
      ...(runtimeConfig === undefined ? {} : { runtimeConfig }),
      pki: {
        clientCA: pki.ca.certificate,
        requestHeaderCA: pki.frontProxyCA.certificate,
        kubeletClient: pki.apiServerKubeletClient,
      },
      serviceAccount: {
        issuer: ISSUER,
        ...(this.#real === undefined ? { jwksUri: `${ISSUER}${JWKS_PATH}` } : {}),
        signingKey: pki.serviceAccountKey,
        verifyKeys: [pki.serviceAccountPublicKey],
      },
    });
    this.#parts.push(apiServer);
    const compactor = startCompactor(storage, {
      clock: this.#clock,
      log: this.#log,
      compacted: (revision) => apiServer.compacted(revision),
    });
    this.#parts.push({ [Symbol.asyncDispose]: async () => compactor[Symbol.dispose]() });
    const tls = { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate };
    if (this.#real !== undefined) await apiServer.listen({ path: await this.#real.socket(), tls });
    if (listen === undefined) return { apiServer, url: undefined };
    const { host, port } = await apiServer.listen({ host: listen.host ?? '127.0.0.1', port: listen.port, tls });
    const named = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    return { apiServer, url: `https://${named.includes(':') ? `[${named}]` : named}:${port}` };
  }

  /**
   * Endpoints of the `kubernetes` Service. Beside simulated nodes that is this machine's address, as upstream takes it: it may not be
   * a loopback address, though nobody but this machine reaches a server that listens on one.
   */
  #advertised(): { advertise?: { ip: string; port: number } } {
    if (this.#real !== undefined) return { advertise: this.#real.advertise };
    const port = this.#o.listen?.port ?? 0;
    if (port === 0) return {};
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const ip = own.find((a) => a.family === 'IPv4' && !a.internal && !a.address.startsWith('169.254.'))?.address;
    return ip === undefined ? {} : { advertise: { ip, port } };
  }

  async #nodes(apiServer: ApiServer, pki: Pki): Promise<SimulatedNodes> {
    const { nodes: wanted = 1, podCIDR } = this.#o;
    const nodes = this.#real === undefined ? wanted : 0;
    if (this.#real !== undefined) {
      const node = await this.#real.start({ pki, client: apiServer.client(), clock: this.#clock, log: this.#log });
      this.#parts.push(node);
      this.#kubelets.register(node.name, () => node.connect());
    }
    const list =
      typeof nodes === 'number' ? Array.from({ length: nodes }, (_, i) => ({ name: `node-${i + 1}` })) : nodes;
    const simulated = new SimulatedNodes({
      ...this.#common(apiServer.client(LOOPBACK_USER, { 'user-agent': 'kubelet' })),
      kubeletVersion: KUBERNETES_VERSION,
      ...(podCIDR === undefined ? {} : { podCIDR }),
    });
    this.#parts.push(simulated);
    for (const { name } of list) this.#kubelets.register(name, () => simulated.connect(name));
    await Promise.all(list.map((n) => simulated.add(n)));
    return simulated;
  }
}

function component(username: string, ...groups: string[]): UserInfo {
  return { username, groups: [...groups, 'system:authenticated'] };
}

/** The address after a range's own: the API server's. */
function firstAddress(cidr: string): string {
  const parts = (cidr.split('/')[0] ?? '').split('.').map(Number);
  return [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.');
}
