/**
 * Counts requests that are being served, so that a shutdown can wait for them, and turns new ones away once it has begun.
 * Upstream: apiserver/pkg/server/filters/waitgroup.go
 */
import { serviceUnavailable } from '../../machinery/errors/status-error.ts';
import type { Filter } from '../request/request-context.ts';
import { runThen } from './run-then.ts';

export class RequestGate {
  /** Requests that were let in so far. */
  entered = 0;
  #active = 0;
  #closing = false;
  #idle: PromiseWithResolvers<void> | undefined;
  readonly #shutdown = new AbortController();

  /** Aborts when the server begins to shut down: watches and other long-running requests end on it. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }
  get closing(): boolean {
    return this.#closing;
  }
  enter(): void {
    this.entered++;
    this.#active++;
  }
  leave(): void {
    if (--this.#active === 0) this.#idle?.resolve();
  }
  /** Lets nothing new in, ends long-running requests, resolves when the last request is done. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#shutdown.abort();
    if (this.#active === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }
}

export function withShutdown(gate: RequestGate): Filter {
  return (context, next) => {
    if (gate.closing) {
      context.exchange.setHeader('Retry-After', '1');
      throw serviceUnavailable('apiserver is shutting down');
    }
    gate.enter();
    return runThen(next, context, () => gate.leave());
  };
}
