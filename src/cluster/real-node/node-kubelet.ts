/** The kubelet of a real node with all that belongs to it: volumes, configuration, its own server on a unix socket. */
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
import { newKubeletServer } from '../../kubelet/server/kubelet-server.ts';
import { claimedVolume } from '../../kubelet/volumes/claims.ts';
import { containerFiles } from '../../kubelet/volumes/container-files.ts';
import { podDirs } from '../../kubelet/volumes/pod-dirs.ts';
import { Volumes } from '../../kubelet/volumes/volumes.ts';
import { KUBERNETES_VERSION } from '../version.ts';
import { machineFacts } from './machine-facts.ts';
import { kubeletSocket, type NodeConfig } from './node-config.ts';

export interface NodeKubeletOptions {
  config: NodeConfig;
  runtime: ContainerRuntime;
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Resolves when the node is registered and its pods are looked after. Disposing of it leaves containers as they are. */
export async function startNodeKubelet(o: NodeKubeletOptions): Promise<AsyncDisposable> {
  const { config, runtime, client, clock, random, log } = o;
  const { nodeName, nodeIP, dirs, clusterDomain } = config;
  const stop = new AbortController();
  const informers = new InformerFactory({ client, clock, random, log });
  const pods = informers.informer<Pod>(PODS, { fieldSelector: `spec.nodeName=${nodeName}` });
  const source = newConfigSource({ client, clock, informers });
  const facts = machineFacts({
    nodeName,
    nodeIP,
    kubeletVersion: KUBERNETES_VERSION,
    runtimeVersion: `containerd://${await runtime.version()}`,
    storageDir: dirs.kubelet,
  });
  const podDirectories = podDirs(dirs.kubelet);
  const volumes = new Volumes({
    dirs: podDirectories,
    source,
    clock,
    log,
    hostIPs: [nodeIP],
    allocatable: () => facts.allocatable,
    claim: (pod, name) => claimedVolume(client, pod, name),
    syncPeriod: config.syncPeriod,
    podLogsDir: dirs.podLogs,
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
    extraMounts: containerFiles({ dirs: podDirectories, random, nodeName, clusterDomain }),
    sandbox: {
      clusterDNS: [config.clusterDNS],
      clusterDomain,
      // Nothing outside the cluster is reached from here, so nothing of the host's resolver is of use.
      nodeDNS: { servers: [config.clusterDNS], searches: [], options: [] },
      nodeName,
      podLogsDir: dirs.podLogs,
      cgroupParent: (pod) => `/${config.cgroup}/pod${pod.metadata.uid}`,
    },
  });
  informers.start(stop.signal);
  await informers.synced();
  await kubelet.start();
  const known = new Set(pods.lister.list().map((p) => p.metadata.uid ?? ''));
  await kubelet.cleanUpOrphans(known);
  await volumes.forgetOthers(known);
  const server = newKubeletServer({ pods: kubelet, runtime, clock, log });
  await listen(server, kubeletSocket(dirs));
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await kubelet[Symbol.asyncDispose]();
      stop.abort();
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, 0o600);
}
