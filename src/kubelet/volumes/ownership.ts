/** Gives a volume to a pod's fsGroup: group of everything, readable (and writable) by it, new files inherit it. Upstream: pkg/volume/volume_linux.go */
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY = 0o2110;

export async function setVolumeOwnership(
  path: string,
  group: number,
  { readOnly }: { readOnly: boolean },
): Promise<void> {
  const stat = await lstat(path);
  await lchown(path, stat.uid, group);
  // chmod would go through a link to what it leads to, which has its own mode.
  if (stat.isSymbolicLink()) return;
  const mask = (readOnly ? READ_ONLY : READ_WRITE) | (stat.isDirectory() ? DIRECTORY : 0);
  await chmod(path, (stat.mode & 0o7777) | mask);
  if (!stat.isDirectory()) return;
  for (const name of await readdir(path)) await setVolumeOwnership(join(path, name), group, { readOnly });
}
