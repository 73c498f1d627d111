/**
 * A containerd of our own: configuration, start, images, end. Its data are below one directory, its sockets in another; a containerd of
 * the machine is neither used nor touched.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { CriClient } from '../../kubelet/runtime/cri/cri-client.ts';
import { processStart } from '../process-start.ts';
import { systemEnv } from './binaries.ts';
import { PAUSE_IMAGE } from './busybox-image.ts';
import { type CniOptions, cniConfig, cniPluginDir } from './cni.ts';
import { endPrevious } from './end-previous.ts';
import { run } from './run.ts';

export interface ContainerdOptions {
  /** Images, snapshots, logs. */
  dir: string;
  /** Sockets and pid file; its path is short. */
  runDir: string;
  network: Omit<CniOptions, 'ipamDir'>;
  clock: Clock;
  /** Put in front of the command: how to enter the node's network namespace. Empty when this process is in it. */
  prefix?: readonly string[];
}

export interface Containerd {
  /** For CRI. */
  readonly socket: string;
  readonly pid: number;
  /** Resolves when the process has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Takes images from an OCI or Docker archive. */
  importArchive(file: string): Promise<void>;
  /** Ends the daemon; containers run on. */
  stop(): Promise<void>;
}

const START_TIMEOUT = 30_000;
const STOP_TIMEOUT = 10_000;
const OVERLAYFS_MAGIC = 0x794c7630;
const CAP_SYS_RESOURCE = 24n;

/** Resolves when it answers. One that a process before this one left behind is ended first; its containers are taken over. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { dir, runDir, clock, prefix = [] } = options;
  const cniDir = join(dir, 'cni');
  await Promise.all([dir, runDir, cniDir].map((d) => mkdir(d, { recursive: true, mode: 0o700 })));
  await endPrevious(join(runDir, 'containerd.json'), clock);
  const cni = cniConfig({ ...options.network, ipamDir: join(dir, 'ipam') });
  await writeFile(join(cniDir, '10-keelson.conflist'), cni);
  const plugins = cniPluginDir();
  if (plugins === undefined) throw new Error('the CNI plugins are not there: install containernetworking-plugins');
  const config = join(runDir, 'containerd.toml');
  const socket = join(runDir, 'containerd.sock');
  await rm(socket, { force: true });
  await writeFile(config, await configText({ dir, socket, cniDir, plugins }));
  const logFile = join(dir, 'containerd.log');
  const log = openSync(logFile, 'w', 0o600);
  const [command = '', ...args] = [...prefix, 'containerd', '--config', config];
  const child = spawn(command, args, { stdio: ['ignore', log, log], env: systemEnv });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let hasEnded = false;
  const forget = ended.then(() => {
    hasEnded = true;
  });
  const pid = child.pid ?? 0;
  await writeFile(join(runDir, 'containerd.json'), JSON.stringify({ pid, processStart: processStart(pid) }));
  const stop = async () => {
    if (!hasEnded) child.kill('SIGTERM');
    const timer = clock.after(STOP_TIMEOUT, () => child.kill('SIGKILL'));
    await forget;
    timer.cancel();
    await rm(join(runDir, 'containerd.json'), { force: true });
  };
  try {
    await answers(socket, clock, () => hasEnded);
  } catch (err) {
    await stop();
    const words = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-3).join('\n');
    throw new Error(`containerd did not start: ${(err as Error).message}\n${words}`, { cause: err });
  }
  return {
    socket,
    pid,
    ended,
    stop,
    async importArchive(file) {
      await run('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', file]);
    },
  };
}

async function answers(socket: string, clock: Clock, hasEnded: () => boolean): Promise<void> {
  const client = new CriClient(socket);
  try {
    for (const deadline = clock.monotonic() + START_TIMEOUT; ; await clock.sleep(20)) {
      if (hasEnded()) throw new Error('it has ended');
      try {
        await client.call('Status', {}, { timeoutMs: 2000 });
        return;
      } catch (err) {
        if (clock.monotonic() > deadline) throw err;
      }
    }
  } finally {
    client.close();
  }
}

interface ConfigInput {
  dir: string;
  socket: string;
  cniDir: string;
  plugins: string;
}

/** CAP_SYS_RESOURCE, which a root inside a container or a sandboxed machine may lack: the kernel then refuses scores below one's own. */
function mayLowerOomScores(): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) >> CAP_SYS_RESOURCE) % 2n === 1n;
}

async function configText({ dir, socket, cniDir, plugins }: ConfigInput): Promise<string> {
  const q = JSON.stringify;
  // An overlay cannot lie on another one: inside a container every layer is copied instead.
  const snapshotter = (await statfs(dir)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs';
  return `version = 2
root = ${q(join(dir, 'root'))}
state = ${q(join(dir, 'state'))}
oom_score = ${mayLowerOomScores() ? -999 : 0}
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = ${q(socket)}

[ttrpc]
  address = ${q(`${socket}.ttrpc`)}

[debug]
  level = "warn"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${q(PAUSE_IMAGE)}
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  stream_idle_timeout = "4h0m0s"
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = ${!mayLowerOomScores()}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = ${q(snapshotter)}
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = ${q(join(dir, 'runc'))}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${q(plugins)}
    conf_dir = ${q(cniDir)}
    max_conf_num = 1
`;
}
