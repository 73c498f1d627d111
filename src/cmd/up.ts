/**
 * `keelson up`: starts a whole cluster in this process (or, with --detach, in one of its own) and keeps it until it is told to end.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { processStart } from '../cluster/process-start.ts';
import { chooseRuntime, type RuntimeChoice } from '../cluster/runtime-choice.ts';
import { KUBERNETES_VERSION } from '../cluster/version.ts';
import { giveBackWhenQuiet } from './component/quiet-memory.ts';
import { boundYoungGeneration } from './component/young-generation.ts';
import { type FlagDefinitions, type FlagValues, flagHelp, parseFlags } from './flags.ts';
import { newLogger } from './logger.ts';
import { cannotUse, plainError } from './plain-error.ts';
import { plainProgress, terminalProgress } from './progress.ts';
import { dataDirOf, readState, removeState, writeState } from './state-file.ts';
import { CommandError, takesNoArguments, UsageError } from './usage-error.ts';

export const upFlags = {
  'data-dir': { type: 'string', default: './.keelson', help: 'where the cluster keeps its data, keys and kubeconfig' },
  port: { type: 'int', default: '6443', help: 'port of the API server; 0 takes any free one' },
  'bind-address': { type: 'string', default: '127.0.0.1', help: 'address the API server listens on' },
  nodes: { type: 'int', default: '1', help: 'number of nodes' },
  runtime: { type: 'string', default: 'auto', help: 'containerd (real containers, needs root), simulated, or auto' },
  storage: { type: 'string', default: 'sqlite', help: 'sqlite, memory or etcd' },
  'etcd-servers': { type: 'strings', help: 'URLs of etcd, for --storage etcd' },
  kubeconfig: { type: 'string', help: 'where to write the kubeconfig (default DIR/kubeconfig)' },
  detach: {
    type: 'bool',
    default: 'false',
    short: 'd',
    help: 'start in the background; see keelson status and keelson down',
  },
  v: { type: 'int', default: '-1', short: 'v', help: 'log verbosity: -1 warnings, 0 information, 3 debugging' },
  'log-format': { type: 'string', default: 'text', help: 'text or json' },
} as const satisfies FlagDefinitions;

type UpFlags = FlagValues<typeof upFlags>;

export const upHelp = `Starts a whole cluster and keeps it until Ctrl-C.

Usage:
  keelson up [flags]

Flags:
${flagHelp(upFlags)}
`;

export async function up(args: readonly string[]): Promise<number> {
  const { values: flags, rest } = parseFlags(upFlags, args);
  takesNoArguments('up', rest);
  check(flags);
  checkRuntime(flags);
  const dataDir = dataDirOf(flags['data-dir']);
  makeDataDir(dataDir);
  const running = readState(dataDir);
  if (running !== undefined) {
    throw new CommandError(
      `a cluster is already running on ${dataDir} (pid ${running.pid}, ${running.url}); end it with: keelson down --data-dir ${flags['data-dir']}`,
    );
  }
  if (flags.kubeconfig !== undefined) {
    // Few give one, and reading it takes a YAML parser.
    const { checkKubeconfigFile } = await import('./kubeconfig-file.ts');
    checkKubeconfigFile(resolve(flags.kubeconfig));
  }
  return flags.detach ? detach(args, dataDir) : run(flags, dataDir, systemClock);
}

function check(flags: UpFlags): void {
  oneOf('runtime', flags.runtime, ['auto', 'containerd', 'simulated']);
  oneOf('storage', flags.storage, ['sqlite', 'memory', 'etcd']);
  oneOf('log-format', flags['log-format'], ['text', 'json']);
  if (flags.port < 0 || flags.port > 65535) throw new UsageError(`--port must be from 0 to 65535, got ${flags.port}`);
  if (flags.nodes < 0) throw new UsageError(`--nodes must not be negative, got ${flags.nodes}`);
  if (flags.runtime === 'containerd' && flags.nodes !== 1)
    throw new UsageError(`--runtime containerd has one node, got --nodes ${flags.nodes}`);
  if (flags.storage === 'etcd' && flags['etcd-servers'].length === 0)
    throw new UsageError('--storage etcd needs --etcd-servers');
  if (flags.storage !== 'etcd' && flags['etcd-servers'].length > 0)
    throw new UsageError('--etcd-servers goes with --storage etcd');
}

function checkRuntime(flags: UpFlags): void {
  try {
    chooseRuntime(flags.runtime as RuntimeChoice, flags.nodes);
  } catch (err) {
    throw new CommandError((err as Error).message);
  }
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new UsageError(`--${name} must be one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`);
}

function makeDataDir(dataDir: string): void {
  try {
    // One by one: where a file system answers ENOENT to what it cannot make (/proc), Node's recursive mkdir never returns.
    const missing: string[] = [];
    for (let dir = dataDir; !existsSync(dir); dir = dirname(dir)) missing.unshift(dir);
    for (const dir of missing) mkdirSync(dir, { mode: 0o700 });
  } catch (err) {
    throw cannotUse(`data directory ${dataDir}`, err);
  }
  if (!statSync(dataDir).isDirectory()) throw new CommandError(`cannot use data directory ${dataDir}: not a directory`);
}

async function run(flags: UpFlags, dataDir: string, clock: Clock): Promise<number> {
  const begun = clock.monotonic();
  const isTerminal = process.stdout.isTTY === true;
  const progress = isTerminal ? terminalProgress(process.stdout, clock) : plainProgress(process.stdout, clock);
  const log = newLogger({ verbosity: flags.v, format: flags['log-format'] as 'text' | 'json' });
  const kubeconfig = resolve(flags.kubeconfig ?? join(dataDir, 'kubeconfig'));
  if (isTerminal) process.stdout.write(`\n  keelson, Kubernetes ${KUBERNETES_VERSION}\n\n`);
  using _young = boundYoungGeneration();
  const stop = new AbortController();
  const stopped = new Promise<string>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // Once asks, twice insists.
        if (stop.signal.aborted) process.exit(130);
        stop.abort();
        done(signal);
      });
    }
  });
  // Loaded only now: a usage error, --help and --detach need none of it.
  const { startCluster } = await import('../cluster/cluster.ts');
  const starting = startCluster({
    clock,
    log,
    dataDir,
    progress,
    kubeconfig,
    storage: flags.storage as 'sqlite' | 'memory' | 'etcd',
    etcdServers: flags['etcd-servers'],
    listen: { host: flags['bind-address'], port: flags.port },
    nodes: flags.nodes,
    runtime: flags.runtime as 'auto' | 'containerd' | 'simulated',
  });
  const cluster = await starting.catch((err: unknown) => {
    throw plainError(err);
  });
  writeState(dataDir, {
    pid: process.pid,
    processStart: processStart(process.pid),
    url: cluster.url ?? '',
    kubeconfig,
    storage: flags.storage,
    runtime: cluster.runtime,
    nodes: flags.nodes,
    readyAt: new Date(clock.now()).toISOString(),
  });
  process.stdout.write(greeting(cluster, kubeconfig, clock.monotonic() - begun));
  const quiet = giveBackWhenQuiet({
    clock,
    requests: () => cluster.apiServer.requests,
    giveBack: (signal) => cluster.apiServer.giveBack(signal),
  });
  await stopped;
  quiet[Symbol.dispose]();
  process.stdout.write(isTerminal ? '\n  Stopping …\n' : 'stopping\n');
  await cluster[Symbol.asyncDispose]();
  removeState(dataDir);
  return 0;
}

function greeting(cluster: Cluster, kubeconfig: string, ms: number): string {
  return `
  Ready in ${(ms / 1000).toFixed(2)} s at ${cluster.url}

    export KUBECONFIG=${kubeconfig}

  Try:
    kubectl get nodes -o wide
    kubectl create deployment hello --replicas=3 ${cluster.runtime === 'simulated' ? '--image=nginx' : '--image=busybox -- sleep infinity'}
    kubectl get pods --watch

`;
}

/** Starts the same command in a process of its own, and waits until that is ready or has failed. */
async function detach(args: readonly string[], dataDir: string): Promise<number> {
  const logFile = join(dataDir, 'keelson.log');
  const out = openSync(logFile, 'a', 0o600);
  const { size: before } = fstatSync(out);
  const flags = args.filter((a) => !/^(--detach|-d)(=.*)?$/.test(a));
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', 'up', ...flags], {
    detached: true,
    stdio: ['ignore', out, out],
  });
  closeSync(out);
  let exited: number | undefined;
  child.on('exit', (code) => {
    exited = code ?? 1;
  });
  for (let i = 0; i < 600 && exited === undefined; i++) {
    const state = readState(dataDir);
    if (state !== undefined && state.pid === child.pid) {
      child.unref();
      process.stdout.write(`Ready at ${state.url} (pid ${state.pid})\n\n  export KUBECONFIG=${state.kubeconfig}\n`);
      return 0;
    }
    await systemClock.sleep(100);
  }
  const own = readFileSync(logFile).subarray(before).toString().trimEnd();
  const last = own.split('\n').slice(-5).join('\n');
  throw new CommandError(`the cluster did not start; the end of ${logFile} says:\n${last}`);
}
