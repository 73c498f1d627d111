/**
 * What a node leaves in the kernel when its processes are killed: shims and their containers, mounts, cgroups. All of it is known by the
 * node's own paths, so that nothing else on the machine is touched.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { mountsBelow, unmount } from '../../kubelet/volumes/mounts.ts';

export interface LeftoverOptions {
  /** Address of the node's containerd, by which its shims are known. */
  socket: string;
  /** Mounts below these directories are the node's. */
  directories: readonly string[];
  /** Top of the node's cgroups: `keelson-1a2b3c4d`. */
  cgroup: string;
  clock: Clock;
}

const CGROUP_ROOT = '/sys/fs/cgroup';

/** Safe to call when there is nothing. */
export async function removeLeftovers({ socket, directories, cgroup, clock }: LeftoverOptions): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const pids = [...shims(socket), ...cgroupDirs(cgroup).flatMap(processes)];
    if (pids.length === 0) break;
    for (const pid of new Set(pids)) kill(pid);
    await clock.sleep(20);
  }
  for (const dir of directories) {
    for (const m of await mountsBelow(dir)) await unmount(m);
    // Whoever removes the directory next would remove what is mounted there.
    const [left] = await mountsBelow(dir);
    if (left !== undefined) throw new Error(`${left} is still mounted`);
  }
  for (const dir of cgroupDirs(cgroup).sort((a, b) => b.length - a.length)) {
    try {
      rmdirSync(dir);
    } catch {
      // Not empty: a process in it is still on its way out.
    }
  }
}

/** Shims carry the address of their containerd on the command line. */
function shims(socket: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const words = read(`/proc/${pid}/cmdline`).split('\0');
      return words[0]?.includes('containerd-shim') && words[words.indexOf('-address') + 1] === socket;
    });
}

/** Of every hierarchy (version 1) or of the one (version 2). */
function cgroupDirs(cgroup: string): string[] {
  const hierarchies = existsSync(`${CGROUP_ROOT}/cgroup.procs`)
    ? [CGROUP_ROOT]
    : (readdirSync(CGROUP_ROOT, { withFileTypes: true }).filter((e) => e.isDirectory()) ?? []).map(
        (e) => `${CGROUP_ROOT}/${e.name}`,
      );
  return hierarchies.map((h) => `${h}/${cgroup}`).flatMap(tree);
}

function tree(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const below = readdirSync(dir, { withFileTypes: true }).filter((e) => e.isDirectory());
  return [dir, ...below.flatMap((e) => tree(`${dir}/${e.name}`))];
}

function processes(dir: string): number[] {
  return read(`${dir}/cgroup.procs`)
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
