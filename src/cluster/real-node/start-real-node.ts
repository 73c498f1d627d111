/**
 * The host's side of a real node: makes its network namespace, starts its process inside, waits until it is ready, ends both. Called by
 * src/cluster; what a killed cluster left behind is cleared away first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { background } from '../../base/background.ts';
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
  /** Of the process as it is now: one that ends by itself is started again. */
  readonly pid: number;
  /** A connection to the kubelet's server. */
  connect(): Promise<Duplex>;
}

const SYNC_PERIOD = 60_000;
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 30_000;
const RESTART_DELAY = 1000;

/** Resolves when the node is ready. The API server must listen on apiServerSocket(nodeDirs(...)) by then. */
export async function startRealNode(o: RealNodeOptions): Promise<RealNode> {
  const { dataDir, nodeName, network, clock } = o;
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
  // Wherever this file ends up in the package, the command stands in its bin.
  const own = dirname(findPackageJSON('..', import.meta.url)!);
  const command = [...inNetns(netns), process.execPath, join(own, 'bin', 'keelson.js'), 'node', '--config', file];
  const supervisor = new Supervisor(command, { ...o, record });
  try {
    await supervisor.start();
  } catch (err) {
    await supervisor.stop();
    await removeNetns(netns);
    throw err;
  }
  return {
    name: nodeName,
    netns,
    get pid() {
      return supervisor.pid;
    },
    connect: () => dial(kubeletSocket(dirs)),
    async [Symbol.asyncDispose]() {
      await supervisor.stop();
      await removeNetns(netns);
    },
  };
}

/** Keeps the node's process running: containers outlive it, and the next one finds them. */
class Supervisor {
  readonly #command: readonly string[];
  readonly #o: { clock: Clock; log: Logger; nodeName: string; record: string };
  #child: ChildProcess | undefined;
  #over: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(command: readonly string[], options: { clock: Clock; log: Logger; nodeName: string; record: string }) {
    this.#command = command;
    this.#o = options;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when the node is ready for the first time. */
  async start(): Promise<void> {
    await this.#run();
    background('node process', this.#keep(), this.#o.log);
  }

  /** Ends it in order; kills it when that takes too long. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#child?.kill('SIGTERM');
    const timer = this.#o.clock.after(STOP_TIMEOUT, () => this.#child?.kill('SIGKILL'));
    await this.#over;
    timer.cancel();
  }

  async #keep(): Promise<void> {
    const { clock, log, nodeName } = this.#o;
    for (;;) {
      await this.#over;
      if (this.#stop.signal.aborted) return;
      log.error('the process of the node has ended, starting it again', { node: nodeName });
      try {
        await clock.sleep(RESTART_DELAY, this.#stop.signal);
        await this.#run();
      } catch (err) {
        if (this.#stop.signal.aborted) return;
        log.error('node not started, will retry', { node: nodeName, err });
        this.#child?.kill('SIGTERM');
      }
    }
  }

  async #run(): Promise<void> {
    const [program = '', ...args] = this.#command;
    // A group of its own: Ctrl-C is for the cluster's process, which ends this one in order.
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
      env: systemEnv,
    });
    this.#child = child;
    this.#over = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const record = { pid: this.pid, processStart: processStart(this.pid) };
    await writeFile(this.#o.record, JSON.stringify(record));
    await ready(child, this.#o.clock);
    child.channel?.unref();
    child.unref();
  }
}

/** What the node's process says to its parent. */
export type NodeMessage = { kind: 'ready' } | { kind: 'failed'; message: string };

function ready(child: ChildProcess, clock: Clock): Promise<void> {
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
