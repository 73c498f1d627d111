/**
 * No more requests at once than the server can carry. Those beyond wait their turn, first come first served, as they would in the
 * queues of priority and fairness; when too many wait, or one waits too long, 429 with Retry-After. Long-running requests,
 * administrators and the process's own components are not counted. Upstream: apiserver/pkg/server/filters/{maxinflight,priority-and-fairness}.go
 */
import type { Filter, Handler, RequestContext } from '../request/request-context.ts';
import type { OperationMetrics } from '../request-metrics.ts';
import { runThen } from './run-then.ts';

export interface InFlightLimits {
  /** Upstream: --max-requests-inflight; 0: no limit. */
  readOnly: number;
  /** Upstream: --max-mutating-requests-inflight; 0: no limit. */
  mutating: number;
}

export const DEFAULT_LIMITS: InFlightLimits = { readOnly: 400, mutating: 200 };
const READ_ONLY_VERBS = new Set(['get', 'list', 'watch']);
/** How many may wait, for each that may run. */
const QUEUE_FACTOR = 16;
// Upstream waits a quarter of the request timeout.
const MAX_WAIT_MS = 15_000;

type Kind = 'readOnly' | 'mutating';

class Lane {
  readonly #limit: number;
  #active = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }
  get active(): number {
    return this.#active;
  }

  /** False: refused. True: take part, and `leave` afterwards. */
  enter(context: RequestContext): boolean | Promise<boolean> {
    if (this.#limit <= 0 || this.#active < this.#limit) {
      this.#active++;
      return true;
    }
    if (this.#waiting.size >= this.#limit * QUEUE_FACTOR) return false;
    return this.#wait(context);
  }

  leave(): void {
    const [next] = this.#waiting;
    // The place goes straight to who waited longest.
    if (next === undefined) this.#active--;
    else {
      this.#waiting.delete(next);
      next();
    }
  }

  #wait(context: RequestContext): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (admitted: boolean) => {
        timer.cancel();
        context.signal.removeEventListener('abort', giveUp);
        resolve(admitted);
      };
      const admit = () => settle(true);
      const giveUp = () => {
        if (this.#waiting.delete(admit)) settle(false);
      };
      const timer = context.clock.after(MAX_WAIT_MS, giveUp);
      this.#waiting.add(admit);
      context.signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}

export interface InFlightMetrics {
  inflight(kind: Kind, n: number): void;
  /** Where a request that never gets to its handler is counted. */
  countedOf(context: RequestContext): OperationMetrics | undefined;
}

export function withMaxInFlight(limits: InFlightLimits, metrics: InFlightMetrics): Filter {
  const lanes = { readOnly: new Lane(limits.readOnly), mutating: new Lane(limits.mutating) };
  const proceed = (admitted: boolean, kind: Kind, context: RequestContext, next: Handler) => {
    if (!admitted) return refuse(context);
    const lane = lanes[kind];
    metrics.inflight(kind, lane.active);
    return runThen(next, context, () => {
      lane.leave();
      metrics.inflight(kind, lane.active);
    });
  };
  const refuse = (context: RequestContext) => {
    const { exchange } = context;
    context.counted = metrics.countedOf(context);
    const headers = {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      'Retry-After': '1',
    };
    if (!exchange.responded) exchange.respond(429, headers, 'Too many requests, please try again later.\n');
  };
  return (context, next) => {
    const { exchange, info, user } = context;
    if (context.longRunning || exchange.peer.user !== undefined || user.groups.includes('system:masters'))
      return next(context);
    const kind = READ_ONLY_VERBS.has(info.verb) ? 'readOnly' : 'mutating';
    const entered = lanes[kind].enter(context);
    if (entered instanceof Promise) return entered.then((admitted) => proceed(admitted, kind, context, next));
    return proceed(entered, kind, context, next);
  };
}
