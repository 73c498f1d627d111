#!/usr/bin/env node
// The `keelson` command. Runs on any Node 20+: where this Node is older than 24 it starts the one that npm brought along
// (optional dependency node-linux-*) and hands signals and exit code through. Plain JavaScript, because Node 20 reads it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/cmd/main.ts', import.meta.url));
const bundle = fileURLToPath(new URL('../dist/cmd/main.cjs', import.meta.url));
const entry = existsSync(source) ? source : bundle;
// Half of the CPU of a start is compiling: what was compiled once is kept, where only this user can write.
const cache =
  process.env.NODE_COMPILE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'keelson', 'compile');

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // In the environment too: worker threads and the node's own process look for it there, and strip types again without it.
  process.env.NODE_COMPILE_CACHE = cache;
  modules.enableCompileCache(cache);
  await import(entry);
} else {
  const node = bundledNode();
  if (node === undefined) {
    console.error(
      `keelson: needs Node 24, this is ${process.version}, and the package node-${process.platform}-${process.arch} is not installed.\n` +
        'Install Node 24, or run npm install without --omit=optional.',
    );
    process.exit(1);
  }
  const child = spawn(node, [...process.execArgv, entry, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function bundledNode() {
  try {
    const require = modules.createRequire(import.meta.url);
    return require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}
