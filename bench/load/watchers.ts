/**
 * Many watches at once. All count their events by the newlines that end frames; every watch is checked for the number and the
 * first of each connection for order and delay too (writers put the time of writing into holderIdentity: `<run>.<worker>.<n>@<ms>`).
 */
import { systemClock } from '../../src/base/clock.ts';
import type { Connection, Endpoint, Protocol, Sink } from './connection.ts';
import { summary } from './latencies.ts';
import type { WatchJob, WatchResult } from './messages.ts';

type Open = (endpoint: Endpoint, protocol: Protocol) => Promise<Connection>;

const NEWLINE = 10;

class Watcher implements Sink {
  events = 0;
  closed = false;
  /** Why it is closed. */
  why = '';
  status = 0;
  readonly #onEvents: () => void;
  readonly #lines: ((line: string) => void) | undefined;
  #rest = '';

  constructor(onEvents: () => void, lines?: (line: string) => void) {
    this.#onEvents = onEvents;
    this.#lines = lines;
  }
  head(status: number): void {
    this.status = status;
    this.#onEvents();
  }
  data(chunk: Buffer): void {
    let n = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) n++;
    this.events += n;
    if (this.#lines !== undefined) {
      const lines = (this.#rest + chunk.toString()).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#lines(line);
    }
    if (n > 0) this.#onEvents();
  }
  end(error?: Error): void {
    this.closed = true;
    this.why = error?.message ?? 'the server ended the answer';
    this.#onEvents();
  }
}

export class Watchers {
  readonly #connections: Connection[];
  readonly #watchers: Watcher[] = [];
  readonly #delays: number[] = [];
  readonly #errors: string[] = [];
  #cpu = process.cpuUsage();
  #first = 0;
  #last = 0;

  private constructor(connections: Connection[]) {
    this.#connections = connections;
  }

  static async open(job: WatchJob, open: Open): Promise<Watchers> {
    const connections: Connection[] = [];
    // A few at a time: a thousand handshakes at once are not what is measured.
    while (connections.length < job.connections) {
      const n = Math.min(job.connections - connections.length, 20);
      connections.push(...(await Promise.all(Array.from({ length: n }, () => open(job.endpoint, job.protocol)))));
    }
    const all = new Watchers(connections);
    const path = await fromNow(connections[0]!, job.path);
    const onEvents = () => all.#onEvents();
    for (const connection of connections) {
      for (let s = 0; s < job.streams; s++) {
        const watcher = s === 0 ? new Watcher(onEvents, all.#checker()) : new Watcher(onEvents);
        all.#watchers.push(watcher);
        connection.send({ method: 'GET', path }, watcher);
      }
    }
    await all.#until(() => all.#watchers.every((w) => w.status !== 0 || w.closed), 30_000);
    const refused = all.#watchers.find((w) => w.status !== 200);
    if (refused !== undefined) throw new Error(`watch answered with status ${refused.status}`);
    all.#cpu = process.cpuUsage();
    all.#first = 0;
    return all;
  }

  async finish(events: number, patienceMs: number): Promise<WatchResult> {
    await this.#until(() => this.#watchers.every((w) => w.events >= events || w.closed), patienceMs);
    const { user, system } = process.cpuUsage(this.#cpu);
    const gone = this.#watchers.filter((w) => w.closed);
    for (const c of this.#connections) c.close();
    const short = this.#watchers.filter((w) => w.events !== events && !w.closed);
    if (short.length > 0) this.#error(`${short.length} watchers saw ${short[0]!.events} instead of ${events} events`);
    let deliveries = 0;
    for (const w of this.#watchers) deliveries += w.events;
    return {
      deliveries,
      closed: gone.length,
      whyClosed: [...new Set(gone.map((w) => w.why))],
      errors: this.#errors,
      delay: summary(this.#delays),
      cpuSeconds: (user + system) / 1e6,
      elapsed: (this.#last - this.#first) / 1000,
    };
  }

  /** Order: resource versions only grow, and each writer's counter grows by one. */
  #checker(): (line: string) => void {
    let revision = 0;
    const seen = new Map<string, number>();
    return (line) => {
      const now = systemClock.now();
      const rv = /"resourceVersion":"(\d+)"/.exec(line)?.[1];
      const mark = /"holderIdentity":"([^"]+)\.(\d+)@(\d+)"/.exec(line);
      if (rv === undefined || mark === null) return this.#error(`no event of ours: ${line.slice(0, 200)}`);
      if (Number(rv) <= revision) this.#error(`resource version ${rv} after ${revision}`);
      revision = Number(rv);
      const [, writer, n, at] = mark as unknown as [string, string, string, string];
      const before = seen.get(writer) ?? 0;
      if (Number(n) !== before + 1) this.#error(`event ${n} of ${writer} after ${before}`);
      seen.set(writer, Number(n));
      this.#delays.push(now - Number(at));
    };
  }

  #error(text: string): void {
    if (this.#errors.length < 5) this.#errors.push(text);
  }

  #onEvents(): void {
    this.#last = systemClock.monotonic();
    if (this.#first === 0) this.#first = this.#last;
  }

  async #until(isDone: () => boolean, patienceMs: number): Promise<void> {
    const until = systemClock.monotonic() + patienceMs;
    while (!isDone() && systemClock.monotonic() < until) await systemClock.sleep(20);
  }
}

/** The watch begins where a list of the same things ended; else its first events were the objects there are. */
function fromNow(connection: Connection, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = '';
    connection.send(
      { method: 'GET', path: path.slice(0, path.indexOf('?')) },
      {
        head() {},
        data(chunk) {
          if (head.length < 1024) head += chunk.toString('latin1');
        },
        end(error) {
          const revision = /"resourceVersion":"(\d+)"/.exec(head.slice(0, 1024))?.[1];
          if (error !== undefined) reject(error);
          else resolve(revision === undefined ? path : `${path}&resourceVersion=${revision}`);
        },
      },
    );
  });
}
