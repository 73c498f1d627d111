/**
 * A load generator: a process of its own that takes one job at a time over IPC and answers with what it saw and what it cost.
 * Started by harness/generator.ts.
 */
import { systemClock } from '../../src/base/clock.ts';
import type { Connection, Endpoint, Protocol } from './connection.ts';
import { connectHttp1 } from './http1.ts';
import { connectHttp2 } from './http2.ts';
import { summary } from './latencies.ts';
import type { GeneratorMessage, GeneratorReply, RequestsJob, RequestsResult, WatchJob } from './messages.ts';
import { Watchers } from './watchers.ts';
import { Done, WORKLOADS, type Worker } from './workloads.ts';

const MAX_ERRORS = 5;

export function open(endpoint: Endpoint, protocol: Protocol): Promise<Connection> {
  return protocol === 'h1' ? connectHttp1(endpoint) : connectHttp2(endpoint);
}

/** A closed loop: every worker sends its next request when it has its answer. */
class Requests {
  readonly #job: RequestsJob;
  readonly #latencies: number[] = [];
  readonly #firsts: number[] = [];
  readonly #errors: string[] = [];
  #failed = 0;
  #bytes = 0;
  #until = 0;

  constructor(job: RequestsJob) {
    this.#job = job;
  }

  async run(): Promise<RequestsResult> {
    const { endpoint, protocol, connections, streams, workload, seconds } = this.#job;
    const open_ = await Promise.all(Array.from({ length: connections }, () => open(endpoint, protocol)));
    const workers = connections * streams;
    const cpu = process.cpuUsage();
    const began = systemClock.monotonic();
    this.#until = began + seconds * 1000;
    await Promise.all(
      Array.from({ length: workers }, (_, i) =>
        this.#loop(open_[i % connections]!, WORKLOADS[workload.name](workload, i, workers)),
      ),
    );
    const elapsed = (systemClock.monotonic() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    for (const c of open_) c.close();
    return {
      operations: this.#latencies.length,
      failed: this.#failed,
      errors: this.#errors,
      elapsed,
      bytes: this.#bytes,
      latency: summary(this.#latencies),
      firstByte: summary(this.#firsts),
      cpuSeconds: (user + system) / 1e6,
    };
  }

  #loop(connection: Connection, worker: Worker): Promise<void> {
    const clock = systemClock;
    const { rate, connections, streams } = this.#job;
    const interval = rate === undefined ? 0 : (connections * streams * 1000) / rate;
    return new Promise((resolve) => {
      let began = 0;
      let due = clock.monotonic();
      let status = 0;
      let length = 0;
      let parts: Buffer[] = [];
      const sink = {
        head: (code: number) => {
          status = code;
        },
        data: (chunk: Buffer) => {
          if (length === 0) this.#firsts.push(clock.monotonic() - began);
          length += chunk.length;
          // Chunks are views of the connection's buffer; an answer that is kept is small.
          if (worker.keepsBody) parts.push(Buffer.from(chunk));
        },
        end: (error?: Error) => {
          const now = clock.monotonic();
          const body = worker.keepsBody ? (parts.length === 1 ? parts[0]! : Buffer.concat(parts)) : undefined;
          const wrong = error?.message ?? worker.check(status, length, body);
          this.#bytes += length;
          if (wrong === undefined) this.#latencies.push(now - began);
          else this.#wrong(wrong);
          if (error !== undefined || now >= this.#until) resolve();
          else if (interval === 0) send();
          else {
            // A worker that is late does not catch up: the rate is a limit.
            due = Math.max(due + interval, now);
            if (due >= this.#until) resolve();
            else clock.after(due - now, send);
          }
        },
      };
      const send = () => {
        status = 0;
        length = 0;
        parts = [];
        began = clock.monotonic();
        try {
          connection.send(worker.next(), sink);
        } catch (err) {
          if (!(err instanceof Done)) this.#wrong(String(err));
          resolve();
        }
      };
      send();
    });
  }

  #wrong(what: string): void {
    this.#failed++;
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(what);
  }
}

let watchers: Watchers | undefined;

async function handle(message: GeneratorMessage): Promise<unknown> {
  switch (message.type) {
    case 'requests':
      return await new Requests(message).run();
    case 'watch':
      watchers = await Watchers.open(message as WatchJob, open);
      return {};
    case 'watched': {
      const result = await watchers!.finish(message.events, message.patienceMs);
      watchers = undefined;
      return result;
    }
  }
}

process.on('message', (message: GeneratorMessage) => {
  handle(message).then(
    (result) => process.send!({ result } satisfies GeneratorReply),
    (err: unknown) =>
      process.send!({
        error: err instanceof Error ? (err.stack ?? err.message) : String(err),
      } satisfies GeneratorReply),
  );
});
// No orphan outlives a killed run.
process.on('disconnect', () => process.exit(0));
