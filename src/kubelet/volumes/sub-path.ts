/**
 * subPath mounts. A container of the pod may have put links into the volume that lead out of it: the path is opened, the kernel is asked
 * where that is, and the open file itself is bound to a place of ours, so that what was checked is what gets mounted.
 * Upstream: pkg/volume/util/subpath/subpath_linux.go
 */
import { chmod, mkdir, open, readlink, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mount, mountsBelow, unmount } from './mounts.ts';

export interface SubPathRequest {
  /** Host path of the volume. */
  volumePath: string;
  /** Relative, without `..`. */
  subPath: string;
  /** Where to bind it. */
  target: string;
}

/** Makes the path when it is not there, and returns where it is bound. @throws Error when it leads out of the volume */
export async function bindSubPath({ volumePath, subPath, target }: SubPathRequest): Promise<string> {
  const root = await realpath(volumePath);
  await makeDirectories(root, subPath);
  const file = await open(join(root, subPath), 'r');
  try {
    const actual = await readlink(`/proc/self/fd/${file.fd}`);
    if (actual !== root && !actual.startsWith(`${root}/`)) throw new Error(`${subPath} leads out of its volume`);
    if ((await file.stat()).isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
    else {
      await mkdir(dirname(target), { recursive: true, mode: 0o750 });
      await writeFile(target, '', { flag: 'a', mode: 0o640 });
    }
    // A container that starts again gets the path as it is now.
    for (const old of await mountsBelow(target)) await unmount(old);
    await mount('--bind', `/proc/${process.pid}/fd/${file.fd}`, target);
    return target;
  } finally {
    await file.close();
  }
}

/** With the mode of the volume itself, so that an fsGroup may write there. */
async function makeDirectories(root: string, subPath: string): Promise<void> {
  const { mode } = await stat(root);
  let path = root;
  for (const part of subPath.split('/').filter((p) => p !== '' && p !== '.')) {
    const next = join(path, part);
    const found = await realpath(next).catch((err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return undefined;
      throw err;
    });
    if (found === undefined) {
      await mkdir(next);
      await chmod(next, mode & 0o7777);
      path = next;
      continue;
    }
    if (found !== root && !found.startsWith(`${root}/`)) throw new Error(`${subPath} leads out of its volume`);
    path = found;
  }
}
