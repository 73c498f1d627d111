/** The kubelet of a real node with all that belongs to it: volumes, configuration, its own server. Also what `keelson kubelet` runs. */
import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Pod } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { InformerFactory } from '../../client/informer-factory.ts';
import { PODS } from '../../client/resources.ts';
import { newConfigSource } from '../../kubelet/config-source.ts';
import { Kubelet } from '../../kubelet/kubelet.ts';
import { nodePodSource } from '../../kubelet/pod-source.ts';
import type { ContainerRuntime } from '../../kubelet/runtime/container-runtime.ts';
import type { SandboxSettings } from '../../kubelet/sandbox-config.ts';
import { newKubeletServer } from '../../kubelet/server/kubelet-server.ts';
import { claimedVolume } from '../../kubelet/volumes/claims.ts';
import { containerFiles } from '../../kubelet/volumes/container-files.ts';
import { podDirs } from '../../kubelet/volumes/pod-dirs.ts';
import { Volumes } from '../../kubelet/volumes/volumes.ts';
import { KUBERNETES_VERSION } from '../version.ts';
import { machineFacts } from './machine-facts.ts';

export interface NodeKubeletOptions {
  runtime: ContainerRuntime;
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  nodeName: string;
  nodeIP: string;
  /** Labels the node is registered with. */
  labels?: Readonly<Record<string, string>>;
  maxPods?: number;
  /** Port of the kubelet's server, as the node reports it. */
  port?: number;
  rootDir: string;
  podLogsDir: string;
  clusterDNS: readonly string[];
  clusterDomain: string;
  /** What pods with dnsPolicy Default get. */
  nodeDNS: SandboxSettings['nodeDNS'];
  syncPeriod: number;
  cgroupParent: SandboxSettings['cgroupParent'];
}

export interface NodeKubelet extends AsyncDisposable {
  /** The kubelet's API; not listening yet. */
  readonly server: Server;
}

/** Resolves when the node is registered and its pods are looked after. Disposing of it leaves containers as they are. */
export async function startNodeKubelet(o: NodeKubeletOptions): Promise<NodeKubelet> {
  const { runtime, client, clock, random, log, nodeName, nodeIP, clusterDomain } = o;
  const stop = new AbortController();
  const informers = new InformerFactory({ client, clock, random, log });
  const pods = informers.informer<Pod>(PODS, { fieldSelector: `spec.nodeName=${nodeName}` });
  const source = newConfigSource({ client, clock, informers });
  const facts = machineFacts({
    nodeName,
    nodeIP,
    kubeletVersion: KUBERNETES_VERSION,
    runtimeVersion: `containerd://${await runtime.version()}`,
    storageDir: o.rootDir,
    ...(o.labels === undefined ? {} : { labels: o.labels }),
    ...(o.maxPods === undefined ? {} : { maxPods: o.maxPods }),
    ...(o.port === undefined ? {} : { kubeletPort: o.port }),
  });
  const dirs = podDirs(o.rootDir);
  const volumes = new Volumes({
    dirs,
    source,
    clock,
    log,
    hostIPs: [nodeIP],
    allocatable: () => facts.allocatable,
    claim: (pod, name) => claimedVolume(client, pod, name),
    syncPeriod: o.syncPeriod,
    podLogsDir: o.podLogsDir,
  });
  const kubelet = new Kubelet({
    client,
    clock,
    random,
    log,
    facts,
    runtime,
    source,
    volumes,
    signal: stop.signal,
    pods: nodePodSource(informers),
    extraMounts: containerFiles({ dirs, random, nodeName, clusterDomain }),
    sandbox: {
      clusterDNS: o.clusterDNS,
      clusterDomain,
      nodeDNS: o.nodeDNS,
      nodeName,
      podLogsDir: o.podLogsDir,
      cgroupParent: o.cgroupParent,
    },
  });
  informers.start(stop.signal);
  await informers.synced();
  await kubelet.start();
  const known = new Set(pods.lister.list().map((p) => p.metadata.uid ?? ''));
  await kubelet.cleanUpOrphans(known);
  await volumes.forgetOthers(known);
  const server = newKubeletServer({ pods: kubelet, runtime, clock, log });
  return {
    server,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await kubelet[Symbol.asyncDispose]();
      stop.abort();
    },
  };
}

/** Binds the server to a unix socket that only root gets at. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, 0o600);
}
