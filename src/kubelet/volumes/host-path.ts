/** hostPath volumes: the type that was asked for is checked, or made. Upstream: pkg/volume/hostpath/host_path.go */
import { chmod, mkdir, open, stat } from 'node:fs/promises';

/** @throws Error in upstream's words when the path is not what it should be */
export async function checkHostPath(path: string, type: string): Promise<void> {
  if (type === '') return;
  const found = await stat(path).catch(() => undefined);
  const fail = (what: string) => new Error(`hostPath type check failed: ${path} is not a ${what}`);
  switch (type) {
    case 'DirectoryOrCreate':
      if (found === undefined) {
        await mkdir(path, { recursive: true, mode: 0o755 });
        return;
      }
      if (!found.isDirectory()) throw fail('directory');
      return;
    case 'Directory':
      if (!found?.isDirectory()) throw fail('directory');
      return;
    case 'FileOrCreate':
      if (found === undefined) {
        await (await open(path, 'a', 0o644)).close();
        await chmod(path, 0o644);
        return;
      }
      if (!found.isFile()) throw fail('file');
      return;
    case 'File':
      if (!found?.isFile()) throw fail('file');
      return;
    case 'Socket':
      if (!found?.isSocket()) throw fail('socket file');
      return;
    case 'CharDevice':
      if (!found?.isCharacterDevice()) throw fail('character device');
      return;
    case 'BlockDevice':
      if (!found?.isBlockDevice()) throw fail('block device');
      return;
    default:
      throw new Error(`${type} is an invalid volume type`);
  }
}
