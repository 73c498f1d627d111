/**
 * What a test needs of the machine. Where it is missing the test is skipped and counted; in CI, which installs all of it,
 * a missing need is a failure.
 */
import { execFileSync } from 'node:child_process';
import type { Context } from 'mocha';

const checks = {
  root: () => process.getuid?.() === 0,
  containerd: () => has('containerd') && has('runc'),
  nftables: () => has('nft'),
  netns: () => process.getuid?.() === 0 && has('ip'),
  etcd: () => has('etcd'),
  busybox: () => has('busybox'),
  go: () => has('go'),
};

/** What .ci/run does not install: skipped there too. */
const OPTIONAL: readonly string[] = ['go'];

/** Skips the running test unless the machine has all of `names`; throws instead when CI is set. */
export function needs(context: Context, ...names: (keyof typeof checks)[]): void {
  const missing = names.filter((n) => !checks[n]());
  if (missing.length === 0) return;
  if (process.env.CI && missing.some((n) => !OPTIONAL.includes(n)))
    throw new Error(`this machine lacks ${missing.join(', ')}: .ci/run should have installed it`);
  context.skip();
}

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    return true;
  } catch {
    return false;
  }
}
