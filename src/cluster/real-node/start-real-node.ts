/**
 * The host's side of a real node: makes its network namespace, starts its process inside, waits until it is ready, ends both. Called by
 * src/cluster; what a killed cluster left behind is cleared away first.
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { extname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { KeyPair } from '../pki/pki.ts';
import { processStart } from '../process-start.ts';
import { systemEnv } from './binaries.ts';
import { endPrevious } from './end-previous.ts';
import { ensureNetns, inNetns, netnsName, removeNetns } from './netns.ts';
import { kubeletSocket, type NodeConfig, nodeDirs } from './node-config.ts';

export interface RealNodeOptions {
  dataDir: string;
  nodeName: string;
  clock: Clock;
  log: Logger;
  network: RealNodeNetwork;
  /** PEM. */
  ca: string;
  kubelet: KeyPair;
  proxy: KeyPair;
  dns: KeyPair;
  /** Default 60 s. */
  syncPeriod?: number;
  logging?: NodeConfig['log'];
}

export interface RealNodeNetwork {
  nodeIP: string;
  podCIDR: string;
  gateway: string;
  clusterCIDR: string;
  serviceCIDR: string;
  clusterDNS: string;
  clusterDomain: string;
  apiServerPort: number;
}

export interface RealNode extends AsyncDisposable {
  readonly name: string;
  readonly netns: string;
  readonly pid: number;
  /** A connection to the kubelet's server. */
  connect(): Promise<Duplex>;
  /** Resolves when the process has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

const SYNC_PERIOD = 60_000;
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 30_000;

/** Resolves when the node is ready. The API server must listen on apiServerSocket(nodeDirs(...)) by then. */
export async function startRealNode(o: RealNodeOptions): Promise<RealNode> {
  const { dataDir, nodeName, network, log, clock } = o;
  const dirs = nodeDirs(dataDir, nodeName);
  const netns = netnsName(dataDir, nodeName);
  await mkdir(dirs.run, { recursive: true, mode: 0o700 });
  const record = join(dirs.run, 'node.pid.json');
  await endPrevious(record, clock);
  await ensureNetns(netns, {
    nodeIP: network.nodeIP,
    bridgeAddress: `${network.gateway}/${network.podCIDR.split('/')[1]}`,
    serviceCIDR: network.serviceCIDR,
  });
  const config: NodeConfig = {
    nodeName,
    dirs,
    ...network,
    ca: o.ca,
    kubelet: o.kubelet,
    proxy: o.proxy,
    dns: o.dns,
    cgroup: netns,
    syncPeriod: o.syncPeriod ?? SYNC_PERIOD,
    log: o.logging ?? { verbosity: -1, format: 'text' },
  };
  const file = join(dirs.run, 'node.json');
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  const main = fileURLToPath(new URL(`../../cmd/main${extname(import.meta.url)}`, import.meta.url));
  const [command = '', ...args] = [...inNetns(netns), process.execPath, main, 'node', '--config', file];
  // A group of its own: Ctrl-C is for the cluster's process, which ends this one in order.
  const child = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: systemEnv,
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const over = () => {
      hasEnded = true;
      resolve();
    };
    child.once('exit', over);
    child.once('error', over);
  });
  const pid = child.pid ?? 0;
  await writeFile(record, JSON.stringify({ pid, processStart: processStart(pid) }));
  const end = async () => {
    if (!hasEnded) child.kill('SIGTERM');
    const timer = clock.after(STOP_TIMEOUT, () => child.kill('SIGKILL'));
    await ended;
    timer.cancel();
    await removeNetns(netns);
  };
  try {
    await ready(child, clock);
  } catch (err) {
    await end();
    throw err;
  }
  child.channel?.unref();
  void ended.then(() => log.debug('node process ended', { node: nodeName }));
  return {
    name: nodeName,
    netns,
    pid,
    ended,
    connect: () => dial(kubeletSocket(dirs)),
    [Symbol.asyncDispose]: end,
  };
}

/** What the node's process says to its parent. */
export type NodeMessage = { kind: 'ready' } | { kind: 'failed'; message: string };

function ready(child: ReturnType<typeof spawn>, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(START_TIMEOUT, () => reject(new Error('the node is not ready after 60 s')));
    const done = (err?: Error) => {
      timer.cancel();
      if (err === undefined) resolve();
      else reject(err);
    };
    child.once('error', done);
    child.once('exit', (code) => done(new Error(`the node's process has ended with ${code}`)));
    child.on('message', (message: NodeMessage) =>
      done(message.kind === 'ready' ? undefined : new Error(message.message)),
    );
  });
}

function dial(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
