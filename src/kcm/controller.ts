/**
 * The one loop of every controller: handlers put keys into a queue, workers take them, `sync` brings one key to its
 * desired state, and one switch turns the outcome into what the queue does next. A sync reads caches, never events;
 * it may be called at any time, twice, and for keys that are gone.
 */
import { isAbortError } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { keyOf } from '../client/indexer.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import type { RateLimiter } from '../client/rate-limiter.ts';
import { WorkQueue } from '../client/workqueue.ts';
import { isNamespaceTerminating } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { ControllerManagerFlags } from './flags.ts';
import type { ControllerMetrics } from './metrics.ts';

/** What every controller is made of. */
export interface ControllerContext {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  random: Random;
  log: Logger;
  metrics: ControllerMetrics;
  flags: ControllerManagerFlags;
  /** Ends everything. */
  signal: AbortSignal;
  /** A recorder whose events say they come from `component`. */
  recorder(component: string): EventRecorder;
}

/** A controller that was set up: its informers are asked for, and it waits for their caches. */
export interface Controller {
  /** Works until the signal aborts. Called once, when all informers are synced. */
  run(signal: AbortSignal): Promise<void>;
}

/** Nothing: done. `requeueAfter`: again in so many ms. A throw: again with back-off (TerminalError: not at all). */
// biome-ignore lint/suspicious/noConfusingVoidType: an async sync that just ends is the usual one
export type SyncResult = { requeueAfter: number } | undefined | void;

/** A failure that trying again cannot mend: it is logged, and the key waits for the next change. */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

export interface ControllerLoopOptions {
  /** Name of the queue in metrics. */
  name: string;
  workers: number;
  sync(key: string, signal: AbortSignal): Promise<SyncResult>;
  rateLimiter?: RateLimiter<string>;
  /** Give a key up after so many failures in a row; never when absent. */
  maxRetries?: number;
  /** Failures in a namespace that is being deleted count as done. */
  forgiveTerminatingNamespace?: boolean;
}

export class ControllerLoop implements Controller {
  readonly queue: WorkQueue<string>;
  readonly #o: ControllerLoopOptions;
  readonly #context: ControllerContext;

  constructor(context: ControllerContext, options: ControllerLoopOptions) {
    this.#context = context;
    this.#o = options;
    this.queue = new WorkQueue<string>({
      clock: context.clock,
      name: options.name,
      metrics: context.metrics.queue(options.name),
      ...(options.rateLimiter ? { rateLimiter: options.rateLimiter } : {}),
    });
  }

  enqueue(object: KubeObject): void {
    this.queue.add(keyOf(object));
  }

  enqueueAfter(object: KubeObject, ms: number): void {
    this.queue.addAfter(keyOf(object), ms);
  }

  async run(signal: AbortSignal): Promise<void> {
    const end = () => this.queue.shutdown();
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    await Promise.all(Array.from({ length: this.#o.workers }, () => this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.queue.get(); key !== undefined; key = await this.queue.get()) {
      if (!signal.aborted) await this.#process(key, signal);
      this.queue.done(key);
    }
  }

  async #process(key: string, signal: AbortSignal): Promise<void> {
    const { queue } = this;
    try {
      const result = await this.#o.sync(key, signal);
      queue.forget(key);
      if (result) queue.addAfter(key, result.requeueAfter);
    } catch (err) {
      if (signal.aborted || isAbortError(err)) return;
      const { log } = this.#context;
      const fields = { controller: this.#o.name, key, err };
      switch (this.#outcome(key, err)) {
        case 'forgiven':
          return queue.forget(key);
        case 'terminal':
          queue.forget(key);
          return log.error('sync failed, not trying again', fields);
        case 'retry':
          log.debug('sync failed, trying again', fields);
          return queue.addRateLimited(key);
      }
    }
  }

  #outcome(key: string, err: unknown): 'forgiven' | 'terminal' | 'retry' {
    if (this.#o.forgiveTerminatingNamespace && isNamespaceTerminating(err)) return 'forgiven';
    if (err instanceof TerminalError) return 'terminal';
    if (this.#o.maxRetries !== undefined && this.queue.retries(key) >= this.#o.maxRetries) return 'terminal';
    return 'retry';
  }
}

/** Several loops as one controller. */
export function together(...controllers: Controller[]): Controller {
  return {
    async run(signal) {
      await Promise.all(controllers.map((c) => c.run(signal)));
    },
  };
}

/** Calls `work` now and then every `ms`, never twice at a time; failures are logged. */
export function periodically(
  context: ControllerContext,
  name: string,
  ms: number,
  work: (signal: AbortSignal) => Promise<void>,
): Controller {
  return {
    async run(signal) {
      while (!signal.aborted) {
        try {
          await work(signal);
        } catch (err) {
          if (!signal.aborted && !isAbortError(err))
            context.log.error('periodic work failed', { controller: name, err });
        }
        await context.clock.sleep(ms, signal).catch(() => {});
      }
    },
  };
}
