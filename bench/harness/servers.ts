/** Starts the servers under test, each in its own process and directory, and ends them. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../build/bundle.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { type Kubeconfig, loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import type { Endpoint } from '../load/connection.ts';
import type { ProbeSample } from '../servers/probe.ts';
import { identify } from './identity.ts';
import { whenReady } from './ready.ts';
import type { Target } from './target.ts';

const SERVERS = new URL('../servers/', import.meta.url).pathname;
/** Inside the checkout, whose package data it reads. */
const INSTALLED = new URL('../../dist/bench/', import.meta.url).pathname;
/** As bin/keelson.js has it: what is measured is what users get. */
const COMPILE_CACHE =
  process.env.NODE_COMPILE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'keelson', 'compile');
const START_MS = 30_000;
const STOP_MS = 10_000;
const USER_AGENT = 'keelson-bench';

/** A directory that goes with its owner. */
export function temporaryDirectory(): { dir: string } & Disposable {
  const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'keelson-bench-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface ServerOptions {
  port: number;
  /** Kept by the caller; absent: a new one, removed at the end. */
  dir?: string;
  /** Options of Node itself, such as --cpu-prof. */
  nodeFlags?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** One child: replies to `probe` and `prime` come in the order of the questions. */
class ServerProcess {
  readonly child: ChildProcess;
  readonly #answers: ((message: object) => void)[] = [];
  readonly #name: string;

  constructor(name: string, dir: string, { port, nodeFlags = [], env = {} }: ServerOptions) {
    this.#name = name;
    this.child = fork(join(SERVERS, `${name}.ts`), [dir, String(port)], {
      execArgv: ['--disable-warning=ExperimentalWarning', '--import', join(SERVERS, 'probe.ts'), ...nodeFlags],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    });
    this.child.on('message', (message: object) => this.#answers.shift()?.(message));
  }

  get pid(): number {
    return this.child.pid!;
  }

  answer<T>(timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = systemClock.after(timeoutMs, () => reject(new Error(`the server ${this.#name} does not answer`)));
      const onExit = (code: number | null) => {
        timer.cancel();
        reject(new Error(`the server ${this.#name} ended with code ${code}`));
      };
      this.child.once('exit', onExit);
      this.#answers.push((message) => {
        timer.cancel();
        this.child.off('exit', onExit);
        resolve(message as T);
      });
    });
  }

  ask<T>(message: object, timeoutMs = START_MS): Promise<T> {
    const answer = this.answer<T>(timeoutMs);
    this.child.send(message);
    return answer;
  }

  stop(): Promise<void> {
    return ended(this.child);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  child.kill('SIGTERM');
  const timer = systemClock.after(STOP_MS, () => child.kill('SIGKILL'));
  await promise;
  timer.cancel();
}

function targetOf(
  name: 'keelson' | 'floor',
  server: ServerProcess,
  endpoint: Endpoint,
  done: () => void,
  admin?: Kubeconfig,
): Target {
  return {
    name,
    ...(admin === undefined ? {} : { admin }),
    endpoint,
    pids: [server.pid],
    probe: {
      reset: async () => void (await server.ask({ probe: 'reset' })),
      sample: async () => (await server.ask<{ probed: ProbeSample }>({ probe: 'sample' })).probed,
    },
    ...(name === 'floor'
      ? {
          async prime(from, what) {
            const answer = await server.ask<{ primed: boolean; error?: string }>(
              { prime: { ...from, ...what } },
              120_000,
            );
            if (!answer.primed) throw new Error(`the floor could not be primed: ${answer.error}`);
          },
        }
      : {}),
    async [Symbol.asyncDispose]() {
      await server.stop();
      done();
    },
  };
}

function directory(options: ServerOptions): { dir: string; done: () => void } {
  if (options.dir !== undefined) return { dir: options.dir, done: () => {} };
  const temporary = temporaryDirectory();
  return { dir: temporary.dir, done: () => temporary[Symbol.dispose]() };
}

/**
 * The API server as people install it: the package's bundle, made here once in a run, with upstream's flags. `dir` has been given its
 * keys by `writeKeys`. Nothing is said when it listens: that is for who measures starts to find out.
 */
export function spawnInstalled(dir: string, { port, env = {} }: ServerOptions): { pid: number; stop(): Promise<void> } {
  const pki = join(dir, 'pki');
  const flags = {
    storage: 'sqlite',
    'data-dir': dir,
    'bind-address': '127.0.0.1',
    'secure-port': port,
    'service-cluster-ip-range': '10.96.0.0/16',
    'authorization-mode': 'Node,RBAC',
    'client-ca-file': join(pki, 'ca.crt'),
    'tls-cert-file': join(pki, 'apiserver.crt'),
    'tls-private-key-file': join(pki, 'apiserver.key'),
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': join(pki, 'sa.pub'),
    'service-account-signing-key-file': join(pki, 'sa.key'),
  };
  const child = spawn(
    process.execPath,
    [join(INSTALLED, 'main.cjs'), 'kube-apiserver', ...Object.entries(flags).map(([k, v]) => `--${k}=${v}`)],
    { stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env } },
  );
  return { pid: child.pid!, stop: () => ended(child) };
}

/** The same, once it answers, with an account for the load. */
export async function startInstalled(options: ServerOptions): Promise<Target> {
  await install();
  const { dir, done } = directory(options);
  await writeKeys(dir, options.port);
  const server = spawnInstalled(dir, options);
  const stop = async () => {
    await server.stop();
    done();
  };
  try {
    await whenReady(options.port, START_MS);
    const admin = loadKubeconfig(`${dir}/kubeconfig`);
    const endpoint = await identify(admin, USER_AGENT);
    return { name: 'keelson', admin, endpoint, pids: [server.pid], [Symbol.asyncDispose]: stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

let installed: Promise<void> | undefined;

/** Makes what `spawnInstalled` starts; again only in the next run. */
export function install(): Promise<void> {
  installed ??= bundle(INSTALLED);
  return installed;
}

/** Keys of a server and its administrator's kubeconfig. */
export async function writeKeys(dir: string, port: number): Promise<void> {
  const given = { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1', ips: ['127.0.0.1'] };
  const pki = await ensurePki(`${dir}/pki`, given);
  const server = `https://127.0.0.1:${port}`;
  const admin = { server, ca: pki.ca.certificate, user: 'kubernetes-admin', credentials: pki.admin };
  await writeKubeconfig(`${dir}/kubeconfig`, admin);
}

export function spawnFloor(
  dir: string,
  options: ServerOptions,
): { pid: number; listening: Promise<void>; stop(): Promise<void> } {
  const server = new ServerProcess('floor', dir, options);
  return { pid: server.pid, listening: server.answer<void>(START_MS), stop: () => server.stop() };
}

export async function startKeelson(options: ServerOptions): Promise<Target> {
  const { dir, done } = directory(options);
  const server = new ServerProcess('keelson', dir, options);
  try {
    await server.answer(START_MS);
    const admin = loadKubeconfig(`${dir}/kubeconfig`);
    const endpoint = await identify(admin, USER_AGENT);
    return targetOf('keelson', server, endpoint, done, admin);
  } catch (err) {
    await server.stop();
    done();
    throw err;
  }
}

/** Key and certificate of the floor: made as ours are. */
export async function writeFloorCertificate(dir: string): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const pki = await ensurePki(undefined, {
    clock: systemClock,
    random: systemRandom,
    serviceIP: '10.96.0.1',
    ips: ['127.0.0.1'],
  });
  writeFileSync(`${dir}/server.key`, pki.apiServer.key, { mode: 0o600 });
  writeFileSync(`${dir}/server.crt`, pki.apiServer.certificate);
  return pki.ca.certificate;
}

export async function startFloor(options: ServerOptions): Promise<Target> {
  const { dir, done } = directory(options);
  const ca = await writeFloorCertificate(dir);
  const server = new ServerProcess('floor', dir, options);
  try {
    await server.answer(START_MS);
  } catch (err) {
    await server.stop();
    done();
    throw err;
  }
  // A token as long as a real one: the same bytes come in.
  const headers = { 'user-agent': USER_AGENT, authorization: `Bearer ${'x'.repeat(900)}` };
  return targetOf('floor', server, { host: '127.0.0.1', port: options.port, ca, headers }, done);
}

export interface PeerOptions {
  url?: string | undefined;
  kubeconfig: string;
  pids: readonly number[];
}

/** Any other API server; it is neither started nor ended. */
export async function joinPeer({ url, kubeconfig, pids }: PeerOptions): Promise<Target> {
  const config = loadKubeconfig(kubeconfig);
  const admin = url === undefined ? config : { ...config, server: url };
  const endpoint = await identify(admin, USER_AGENT);
  return { name: 'peer', endpoint, pids, admin, async [Symbol.asyncDispose]() {} };
}
