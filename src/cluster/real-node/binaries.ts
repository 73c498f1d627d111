/** Where programs of the system are: PATH, and the directories that PATH of a service or of a plain user lacks. */
import { accessSync, constants } from 'node:fs';

const DIRECTORIES = [
  ...(process.env.PATH ?? '').split(':').filter((d) => d !== ''),
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** For programs that call others themselves (containerd → runc). */
export const SYSTEM_PATH = [...new Set(DIRECTORIES)].join(':');

export const systemEnv = { ...process.env, PATH: SYSTEM_PATH };

export function findBinary(name: string): string | undefined {
  return DIRECTORIES.map((d) => `${d}/${name}`).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
