/**
 * The outermost filter: nothing that is thrown below it escapes, and every request is counted once.
 * Upstream: apiserver/pkg/server/filters/wrap.go WithPanicRecovery, endpoints/metrics
 */
import type { Logger } from '../../base/log.ts';
import { writeError } from '../handlers/errors.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { Filter } from '../request/request-context.ts';

export function withErrors(metrics: ApiMetrics, log: Logger): Filter {
  return async (context, next) => {
    const began = context.clock.monotonic();
    const { exchange } = context;
    let code = 0;
    try {
      await next();
    } catch (err) {
      // The client's own going away is nobody's failure.
      if (exchange.signal.aborted && !exchange.responded) code = 499;
      else code = writeError(exchange, err, log);
    }
    metrics.requestDone(context, code || context.statusCode, (context.clock.monotonic() - began) / 1000);
  };
}
