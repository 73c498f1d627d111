/** A real etcd for tests: on loopback, with its data in a temporary directory, ended by the test that started it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle, systemClock } from '../../base/clock.ts';
import { openEtcdStorage } from '../etcd3/etcd-storage.ts';
import type { Storage } from '../storage.ts';

/** `3.4.23`; '0' when it is missing. */
export function etcdVersion(): string {
  return /etcd Version: (\S+)/.exec(String(spawnSync('etcd', ['--version']).stdout))?.[1] ?? '0';
}

async function freePorts(n: number): Promise<number[]> {
  const servers = Array.from({ length: n }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) await new Promise<void>((resolve) => server.close(() => resolve()));
  return ports;
}

export class EtcdServer implements AsyncDisposable {
  readonly dir: string;
  readonly url: string;
  readonly #arguments: string[];
  #process: ChildProcess | undefined;

  static async start(extra: readonly string[] = []): Promise<EtcdServer> {
    const [client, peer] = (await freePorts(2)) as [number, number];
    const server = new EtcdServer(client, peer, extra);
    await server.launch();
    return server;
  }

  private constructor(client: number, peer: number, extra: readonly string[]) {
    this.dir = mkdtempSync(join(tmpdir(), 'keelson-etcd-'));
    this.url = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    this.#arguments = [
      ...['--data-dir', join(this.dir, 'data'), '--name', 'test'],
      ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `test=${peerUrl}`, '--logger', 'zap', '--log-level', 'error'],
      ...extra,
    ];
  }

  /** Starts it (again) on the same data and waits until it answers. */
  async launch(): Promise<void> {
    this.#process = spawn('etcd', this.#arguments, { stdio: 'ignore' });
    for (let i = 0; ; i++) {
      try {
        const storage: Storage = await openEtcdStorage({ servers: [this.url], clock: systemClock });
        await storage[Symbol.asyncDispose]();
        return;
      } catch (err) {
        if (i > 200) throw err;
        await settle(1);
        await systemClock.sleep(50);
      }
    }
  }

  /** Ends it without mercy. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
