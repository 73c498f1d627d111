/**
 * What a test needs of the machine. Where it is missing the test is skipped and counted; in CI, which installs all of it,
 * a missing need is a failure.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Context, Suite, Test } from 'mocha';
import { FACTS, VECTORS } from './facts.ts';
import { hasKubectl } from './kubectl.ts';

const checks = {
  root: () => process.getuid?.() === 0,
  containerd: () => has('containerd') && has('runc'),
  nftables: () => has('nft'),
  // A root in a container need not have it.
  mounting: () => process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0,
  netns: () => process.getuid?.() === 0 && has('ip'),
  etcd: () => has('etcd'),
  busybox: () => has('busybox'),
  go: () => has('go'),
  kubectl: () => hasKubectl('1.36') && hasKubectl('1.35'),
  facts: () => existsSync(FACTS),
  vectors: () => existsSync(VECTORS),
};

/** What nothing installs: what lies beside the checkout or does not, and Go, which Debian has too old for client-go. Skipped in CI too. */
const OPTIONAL: readonly string[] = ['go', 'facts', 'vectors'];

/** Skips the running test unless the machine has all of `names`; throws instead when CI is set. */
export function needs(context: Context, ...names: (keyof typeof checks)[]): void {
  const missing = names.filter((n) => !checks[n]());
  if (missing.length > 0)
    lacks(
      context,
      missing.join(', '),
      missing.every((n) => OPTIONAL.includes(n)),
    );
}

/** Skips the running test because the machine lacks `what`, which is found out by trying; throws instead when CI is set. */
export function lacks(context: Context, what: string, optional = false): never {
  if (process.env.CI && !optional) throw new Error(`this machine lacks ${what}: .ci/run should have installed it`);
  const runnable = context.runnable();
  // A hook skips its whole suite.
  reasons.set('type' in runnable && runnable.type === 'hook' ? runnable.parent! : runnable, `needs ${what}`);
  return context.skip();
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
