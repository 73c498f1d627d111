/**
 * Every request that is not long-running has a deadline (60 s, or its own `timeout` parameter when that is shorter). One timer
 * looks after all of them: a timer and an AbortController per request would cost more than the request.
 * Upstream: apiserver/pkg/endpoints/filters/request_deadline.go, server/filters/timeout.go
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { Slots } from '../../base/slots.ts';
import { badRequest, timeout } from '../../machinery/errors/status-error.ts';
import { parseDuration } from '../../machinery/meta/duration.ts';
import { writeStatus } from '../handlers/errors.ts';
import type { Filter } from '../request/request-context.ts';
import type { ServedContext } from '../request/served-context.ts';

const SWEEP_MS = 1000;

interface Pending {
  readonly context: ServedContext;
  /** Of the monotonic clock. */
  at: number;
}

export class DeadlineSweeper {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #pending = new Slots<Pending>();
  #timer: Timer | undefined;

  constructor(clock: Clock, limitMs = 60_000) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Answers the place to `remove` it from. */
  add(context: ServedContext, own: number | undefined): number {
    this.#timer ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    const at = this.#clock.monotonic() + Math.min(own ?? this.#limitMs, this.#limitMs);
    return this.#pending.add({ context, at });
  }
  remove(slot: number): void {
    this.#pending.remove(slot);
  }
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const pending of this.#pending) {
      const { context, at } = pending;
      if (at > now) continue;
      // It is removed when it ends.
      pending.at = Number.POSITIVE_INFINITY;
      const late = timeout('request did not complete within the allotted timeout');
      if (!context.exchange.responded) {
        context.counted?.terminated(context, 504);
        writeStatus(context.exchange, late.status);
      }
      context.abort(late);
    }
    if (this.#pending.size === 0) this.close();
  }
}

export function withDeadline(sweeper: DeadlineSweeper): Filter {
  return (context, next) => {
    if (context.longRunning) return next(context);
    const own = ownTimeout(context.exchange.query);
    const running = next(context);
    // What was answered in its own turn can have no deadline.
    return running === undefined ? undefined : watchOver(running, context as ServedContext, sweeper, own);
  };
}

async function watchOver(
  running: Promise<void>,
  context: ServedContext,
  sweeper: DeadlineSweeper,
  own: number | undefined,
): Promise<void> {
  const slot = sweeper.add(context, own);
  try {
    await running;
  } finally {
    sweeper.remove(slot);
  }
}

function ownTimeout(query: string): number | undefined {
  if (!query.includes('timeout=')) return undefined;
  const text = new URLSearchParams(query).get('timeout');
  if (text === null || text === '') return undefined;
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch (err) {
    throw badRequest(`invalid timeout specified in the request URL - ${(err as Error).message}`);
  }
  return ms > 0 ? ms : undefined;
}
