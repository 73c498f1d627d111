/**
 * What a test needs of the machine. Where it is missing the test is skipped and counted; in CI, which installs all of it,
 * a missing need is a failure.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Context, Suite, Test } from 'mocha';
import { FACTS, VECTORS } from './facts.ts';

const checks = {
  root: () => process.getuid?.() === 0,
  containerd: () => has('containerd') && has('runc'),
  nftables: () => has('nft'),
  netns: () => process.getuid?.() === 0 && has('ip'),
  etcd: () => has('etcd'),
  busybox: () => has('busybox'),
  go: () => has('go'),
  facts: () => existsSync(FACTS),
  vectors: () => existsSync(VECTORS),
};

/** What .ci/run does not install: skipped there too. */
const OPTIONAL: readonly string[] = ['go', 'facts', 'vectors'];

/** Skips the running test unless the machine has all of `names`; throws instead when CI is set. */
export function needs(context: Context, ...names: (keyof typeof checks)[]): void {
  const missing = names.filter((n) => !checks[n]());
  if (missing.length === 0) return;
  if (process.env.CI && missing.some((n) => !OPTIONAL.includes(n)))
    throw new Error(`this machine lacks ${missing.join(', ')}: .ci/run should have installed it`);
  const runnable = context.runnable();
  // A hook skips its whole suite.
  reasons.set(
    'type' in runnable && runnable.type === 'hook' ? runnable.parent! : runnable,
    `needs ${missing.join(', ')}`,
  );
  context.skip();
}

const reasons = new Map<object, string>();

/** Why `needs` skipped a test, or the suite it is in. */
export function reasonOf(test: Test): string | undefined {
  for (let at: Test | Suite | undefined = test; at !== undefined; at = at.parent) {
    const reason = reasons.get(at);
    if (reason !== undefined) return reason;
  }
  return undefined;
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
