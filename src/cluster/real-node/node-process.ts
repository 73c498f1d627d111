/**
 * Everything of a real node, in the one process that lives in its network namespace: containerd (as a child), kubelet and its server,
 * kube-proxy, cluster DNS, and the way to the API server. Run by `keelson node`, which start-real-node.ts starts.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { httpTransport } from '../../client/http-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { startDnsServer } from '../../dns/dns-server.ts';
import { CriRuntime } from '../../kubelet/runtime/cri/cri-runtime.ts';
import { forgetUdp, nft } from '../../proxy/nftables/nft.ts';
import { startProxy } from '../../proxy/proxy.ts';
import type { KeyPair } from '../pki/pki.ts';
import { packBusyboxImage, packPauseImage } from './busybox-image.ts';
import { type Containerd, startContainerd } from './containerd.ts';
import { startForwarder } from './forwarder.ts';
import { ImageFolder } from './image-folder.ts';
import { removeLeftovers } from './leftovers.ts';
import { apiServerSocket, containerdSocket, kubeletSocket, type NodeConfig } from './node-config.ts';
import { listenOnSocket, startNodeKubelet } from './node-kubelet.ts';
import { enableForwarding } from './sysctls.ts';

const BUSYBOX = 'docker.io/library/busybox:latest';

/** Resolves when the node is registered and ready. Disposing of it ends its pods' containers; nothing of it stays in the kernel. */
export async function startNode(config: NodeConfig, log: Logger, signal: AbortSignal): Promise<AsyncDisposable> {
  const parts: AsyncDisposable[] = [];
  const stop = async () => {
    for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    await start(config, log, parts, signal);
  } catch (err) {
    await stop();
    throw err;
  }
  return { [Symbol.asyncDispose]: stop };
}

async function start(config: NodeConfig, log: Logger, parts: AsyncDisposable[], signal: AbortSignal): Promise<void> {
  const { dirs } = config;
  await Promise.all(
    [dirs.kubelet, dirs.podLogs, dirs.images, dirs.run].map((d) => mkdir(d, { recursive: true, mode: 0o700 })),
  );
  await enableForwarding();
  parts.push({ [Symbol.asyncDispose]: () => cleanUp(config) });
  const runtimeUp = startRuntime(config, log, parts);
  try {
    await Promise.race([startBeside(runtimeUp, config, log, parts), aborted(signal)]);
  } catch (err) {
    // What is still on its way up could not be ended otherwise.
    await runtimeUp.catch(() => {});
    throw err;
  }
}

/** Whoever waits for an API server that does not come can still be told to end. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** What needs no runtime, and then what does. */
async function startBeside(
  runtimeUp: Promise<CriRuntime>,
  config: NodeConfig,
  log: Logger,
  parts: AsyncDisposable[],
): Promise<void> {
  const { dirs, nodeName } = config;
  parts.push(
    await startForwarder({
      hosts: ['127.0.0.1', config.nodeIP],
      port: config.apiServerPort,
      socket: apiServerSocket(dirs),
    }),
  );
  const clientOf = (name: string, { certificate, key }: KeyPair): Client => {
    const server = `https://127.0.0.1:${config.apiServerPort}`;
    const transport = httpTransport({ server, ca: config.ca, cert: certificate, key });
    parts.push(transport);
    return createClient(transport, { headers: { 'user-agent': name } });
  };
  const common = { clock: systemClock, random: systemRandom };
  const [proxy, dns] = await Promise.all([
    startProxy({
      ...common,
      client: clientOf('kube-proxy', config.proxy),
      log: log.with({ component: 'kube-proxy' }),
      nodeName,
      podCIDR: config.clusterCIDR,
      nft,
      forgetUdp,
    }),
    startDnsServer({
      ...common,
      client: clientOf('coredns', config.dns),
      log: log.with({ component: 'dns' }),
      host: config.nodeIP,
      port: 53,
      domain: config.clusterDomain,
    }),
  ]);
  parts.push(proxy, dns);
  const runtime = await runtimeUp;
  const { clusterDNS, clusterDomain, syncPeriod, nodeIP } = config;
  const kubelet = await startNodeKubelet({
    ...common,
    runtime,
    client: clientOf('kubelet', config.kubelet),
    log: log.with({ component: 'kubelet' }),
    nodeName,
    nodeIP,
    rootDir: dirs.kubelet,
    podLogsDir: dirs.podLogs,
    clusterDNS: [clusterDNS],
    clusterDomain,
    // Nothing outside the cluster is reached from here, so nothing of the host's resolver is of use.
    nodeDNS: { servers: [clusterDNS], searches: [], options: [] },
    syncPeriod,
    cgroupParent: (pod) => `/${config.cgroup}/pod${pod.metadata.uid}`,
  });
  parts.push(kubelet);
  await listenOnSocket(kubelet.server, kubeletSocket(dirs));
}

async function startRuntime(config: NodeConfig, log: Logger, parts: AsyncDisposable[]): Promise<CriRuntime> {
  const { dirs, podCIDR, gateway } = config;
  const containerd = await startContainerd({
    dir: dirs.containerd,
    runDir: dirs.run,
    network: { podCIDR, gateway },
    clock: systemClock,
  });
  parts.push({ [Symbol.asyncDispose]: () => containerd.stop() });
  const folder = new ImageFolder({ dir: dirs.images, log, importArchive: (file) => containerd.importArchive(file) });
  await ownImages(dirs.containerd, containerd);
  await folder.refresh();
  const runtime = new CriRuntime({
    socket: containerd.socket,
    clock: systemClock,
    log: log.with({ component: 'kubelet' }),
    podLogsDir: dirs.podLogs,
    bringImages: () => folder.refresh(),
  });
  parts.push({
    async [Symbol.asyncDispose]() {
      await endPods(runtime, log);
      await runtime[Symbol.asyncDispose]();
    },
  });
  return runtime;
}

/** The sandbox image, and a busybox for whoever wants one; packed once, from this machine's own. */
async function ownImages(dir: string, containerd: Containerd): Promise<void> {
  const images = { pause: packPauseImage, busybox: () => packBusyboxImage({ name: BUSYBOX }) };
  for (const [name, pack] of Object.entries(images)) {
    const file = join(dir, `${name}.tar`);
    if (existsSync(file)) continue;
    await writeFile(`${file}.new`, await pack());
    await containerd.importArchive(`${file}.new`);
    // The file stands for an image that is in containerd, which keeps it.
    await rm(`${file}.new`);
    await writeFile(file, '');
  }
}

/** Grace of containers when the node ends, ms. Their pods stay in the API server and run again with the next start. */
const END_GRACE = 1000;

async function endPods(runtime: CriRuntime, log: Logger): Promise<void> {
  try {
    const pods = await runtime.pods();
    const running = pods.flatMap((p) => p.containers).filter((c) => c.state === 'running');
    await Promise.allSettled(running.map((c) => runtime.stopContainer(c.id, END_GRACE)));
    const sandboxes = pods.flatMap((p) => p.sandboxes).filter((s) => s.ready);
    await Promise.allSettled(sandboxes.map((s) => runtime.stopSandbox(s.id)));
  } catch (err) {
    // What is left is killed with the rest.
    log.warn('pods not stopped in order', { err });
  }
}

async function cleanUp({ dirs, cgroup }: NodeConfig): Promise<void> {
  await removeLeftovers({
    socket: containerdSocket(dirs),
    directories: [dirs.containerd, dirs.kubelet],
    cgroup,
    clock: systemClock,
  });
}
