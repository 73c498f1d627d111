/** Mounts of this machine, as the kernel lists them, and the two commands that change them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/bin:/bin:/usr/sbin:/sbin` };

/** Mount points at or below a directory, the deepest first. */
export async function mountsBelow(dir: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines
    .map((line) => decodeOctal(line.split(' ')[4] ?? ''))
    .filter((path) => path === dir || path.startsWith(`${dir}/`))
    .sort((a, b) => b.length - a.length);
}

/** The kernel writes space, tab, newline and backslash as octal. */
function decodeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** @throws Error in mount's words */
export function mount(...args: string[]): Promise<void> {
  return run('mount', args);
}

/** @throws Error in umount's words */
export function unmount(path: string): Promise<void> {
  return run('umount', [path]).catch(() => run('umount', ['-l', path]));
}

function run(command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env }, (err, _stdout, stderr) => {
      if (err === null) resolve();
      else reject(new Error(`${command} failed: ${stderr.trim() || err.message}`, { cause: err }));
    });
  });
}
