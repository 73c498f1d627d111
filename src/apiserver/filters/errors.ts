/**
 * The outermost filter: nothing that is thrown below it escapes, and every request that was found to ask for something is counted once.
 * Upstream: apiserver/pkg/server/filters/wrap.go WithPanicRecovery, endpoints/metrics
 */
import type { Logger } from '../../base/log.ts';
import { writeError } from '../handlers/errors.ts';
import type { Filter } from '../request/request-context.ts';

export function withErrors(log: Logger): Filter {
  return (context, next) => {
    const began = context.clock.monotonic();
    const done = (code: number) =>
      context.counted?.done(context, code || context.statusCode, (context.clock.monotonic() - began) / 1000);
    const failed = (err: unknown) => {
      const { exchange } = context;
      // The client's own going away is nobody's failure.
      done(exchange.signal.aborted && !exchange.responded ? 499 : writeError(exchange, err, log));
    };
    let running: Promise<void> | void;
    try {
      running = next(context);
    } catch (err) {
      return failed(err);
    }
    if (running !== undefined) return running.then(() => done(0), failed);
    done(0);
  };
}
