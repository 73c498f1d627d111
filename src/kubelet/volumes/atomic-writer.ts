/**
 * Writes a set of files so that a reader sees either all of the old or all of the new: they lie in a directory of their own, a link
 * `..data` leads to it and is replaced in one step, and each visible name is a link through it. Upstream: pkg/volume/util/atomic_writer.go
 */
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FileProjection {
  data: Buffer;
  mode: number;
  /** Owner; root when absent. */
  user?: number;
}

/** By path below the directory. */
export type Payload = ReadonlyMap<string, FileProjection>;

const DATA = '..data';
const NEW_DATA = '..data_tmp';

export interface WriteOptions {
  /** Unix ms, for the name of the directory. */
  now: number;
  /** Sets owner and modes of the new directory before anybody sees it. */
  prepare?(dir: string): Promise<void>;
}

/** True when something was written. @throws Error for a path that would leave the directory */
export async function writeAtomically(dir: string, payload: Payload, options: WriteOptions): Promise<boolean> {
  const files = new Map([...payload].map(([path, file]) => [checked(path), file]));
  const old = await readlink(join(dir, DATA)).catch(() => undefined);
  if (old !== undefined && (await isSame(join(dir, old), files))) {
    await link(dir, files);
    return false;
  }
  const fresh = await mkdtemp(join(dir, `..${timestamp(options.now)}.`));
  await chmod(fresh, 0o755);
  await writeFiles(fresh, files);
  await options.prepare?.(fresh);
  await rm(join(dir, NEW_DATA), { force: true });
  await symlink(fresh.slice(dir.length + 1), join(dir, NEW_DATA));
  await rename(join(dir, NEW_DATA), join(dir, DATA));
  await link(dir, files);
  await unlinkOthers(dir, files);
  if (old !== undefined) await rm(join(dir, old), { recursive: true, force: true });
  return true;
}

function checked(path: string): string {
  const parts = path.split('/').filter((p) => p !== '' && p !== '.');
  if (path.startsWith('/') || parts.length === 0 || parts.includes('..') || parts[0]?.startsWith('..'))
    throw new Error(`invalid path: must be relative and stay inside its volume: ${path}`);
  return parts.join('/');
}

/** `2006_01_02_15_04_05`, as upstream names them. */
function timestamp(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}

async function isSame(dir: string, files: Payload): Promise<boolean> {
  const present = await listFiles(dir);
  if (present.length !== files.size) return false;
  for (const path of present) {
    const wanted = files.get(path);
    if (wanted === undefined || !wanted.data.equals(await readFile(join(dir, path)))) return false;
  }
  return true;
}

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(dir.length + 1));
}

async function writeFiles(dir: string, files: Payload): Promise<void> {
  for (const [path, file] of files) {
    const target = join(dir, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, file.data, { mode: file.mode });
    // Whatever the process' umask is.
    await chmod(target, file.mode);
    if (file.user !== undefined) await chown(target, file.user, 0);
  }
}

function visible(files: Payload): Set<string> {
  return new Set([...files.keys()].map((path) => path.split('/')[0] ?? ''));
}

async function link(dir: string, files: Payload): Promise<void> {
  for (const name of visible(files)) {
    await symlink(`${DATA}/${name}`, join(dir, name)).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'EEXIST') throw err;
    });
  }
}

async function unlinkOthers(dir: string, files: Payload): Promise<void> {
  const wanted = visible(files);
  for (const name of await readdir(dir)) {
    if (!name.startsWith('..') && !wanted.has(name)) await rm(join(dir, name), { force: true });
  }
}
