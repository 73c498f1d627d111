/**
 * Images made from this machine's static busybox: the sandbox ("pause") image of every pod, and a small userland for pods. Nothing is
 * downloaded.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { findBinary } from './binaries.ts';
import { type ImageFile, packImage } from './oci-image.ts';

export const PAUSE_IMAGE = 'keelson.io/pause:1';

/** Waits for ever, reaps what is orphaned, ends when asked. */
const PAUSE = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait; done';

export interface BusyboxImageOptions {
  /** Full reference. */
  name: string;
  entrypoint?: readonly string[];
  env?: readonly string[];
  user?: string;
}

/** @throws Error when the machine has no busybox */
export async function packPauseImage(): Promise<Buffer> {
  const busybox = await busyboxBinary();
  return packImage({
    name: PAUSE_IMAGE,
    files: [{ path: 'bin' }, { path: 'bin/busybox', content: busybox.bytes, mode: 0o755 }, ...links(['sh', 'sleep'])],
    entrypoint: ['/bin/sh', '-c', PAUSE],
  });
}

/** @throws Error when the machine has no busybox */
export async function packBusyboxImage(options: BusyboxImageOptions): Promise<Buffer> {
  const busybox = await busyboxBinary();
  const directories = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'usr', 'usr/bin', 'var', 'var/www'];
  return packImage({
    ...options,
    files: [
      ...directories.map((path): ImageFile => ({ path })),
      { path: 'tmp', mode: 0o1777 },
      { path: 'bin/busybox', content: busybox.bytes, mode: 0o755 },
      ...links(busybox.applets.filter((a) => a !== 'busybox')),
      { path: 'usr/bin/env', link: '/bin/busybox' },
      { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' },
      { path: 'etc/group', content: 'root:x:0:\nnobody:x:65534:\n' },
    ],
    cmd: ['sh'],
  });
}

function links(applets: readonly string[]): ImageFile[] {
  return applets.map((a) => ({ path: `bin/${a}`, link: 'busybox' }));
}

async function busyboxBinary(): Promise<{ bytes: Buffer; applets: string[] }> {
  const path = findBinary('busybox');
  if (path === undefined)
    throw new Error(
      'containers need a static busybox for the image of pod sandboxes: install busybox-static, or use --runtime simulated',
    );
  const { stdout } = await promisify(execFile)(path, ['--list']);
  return { bytes: await readFile(path), applets: stdout.split('\n').filter((a) => a !== '') };
}
