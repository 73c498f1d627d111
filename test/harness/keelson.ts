/** The `keelson` command as a process of its own, for tests of the command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { get } from 'node:https';
import { systemClock } from '../../src/base/clock.ts';
import { closed, opened } from './root-hooks.ts';

const entry = new URL('../../bin/keelson.js', import.meta.url).pathname;

export interface Exit {
  /** Null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended. */
  readonly exit: Promise<Exit>;
  /** Resolves when it has written `text` to stdout or stderr; rejects when it ends before. */
  wrote(text: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and waits. */
  stop(): Promise<Exit>;
}

export interface RunOptions {
  cwd?: string;
  /** Another entry than the checkout's. */
  command?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

export function startKeelson(args: readonly string[], options: RunOptions = {}): Running {
  const [command = process.execPath, ...before] = options.command ?? [process.execPath, entry];
  const child = spawn(command, [...before, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  return new Process(child);
}

/** Runs it to its end. */
export function keelson(args: readonly string[], options: RunOptions = {}): Promise<Exit> {
  return startKeelson(args, options).exit;
}

class Process implements Running {
  stdout = '';
  stderr = '';
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  #ended = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    opened(this, 'a keelson process');
    this.exit = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.#ended = true;
        closed(this);
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async wrote(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      if (this.#ended)
        throw new Error(`it ended before it wrote ${JSON.stringify(text)}:\n${this.stdout}${this.stderr}`);
      await systemClock.sleep(20);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  stop(): Promise<Exit> {
    if (!this.#ended) this.#child.kill('SIGTERM');
    return this.exit;
  }
}

/** What is true soon: asks again until `check` answers something, for a process that this one cannot hurry. */
export async function soon<T>(what: string, check: () => Promise<T | undefined | false>, ms = 15_000): Promise<T> {
  const end = systemClock.monotonic() + ms;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (systemClock.monotonic() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await systemClock.sleep(50);
  }
}

/** GET without asking who answers. */
export function getInsecure(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { rejectUnauthorized: false, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
  });
}

/** A free port of 127.0.0.1, for flags that take no 0. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
