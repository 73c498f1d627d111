/**
 * No more requests at once than the server can carry: 429 with Retry-After beyond. Long-running requests, administrators and
 * the process's own components are not counted. Upstream: apiserver/pkg/server/filters/maxinflight.go
 */
import type { ApiMetrics } from '../metrics.ts';
import type { Filter } from '../request/request-context.ts';

export interface InFlightLimits {
  /** Upstream: --max-requests-inflight; 0: no limit. */
  readOnly: number;
  /** Upstream: --max-mutating-requests-inflight; 0: no limit. */
  mutating: number;
}

export const DEFAULT_LIMITS: InFlightLimits = { readOnly: 400, mutating: 200 };
const READ_ONLY_VERBS = new Set(['get', 'list', 'watch']);

export function withMaxInFlight(limits: InFlightLimits, metrics: ApiMetrics): Filter {
  const active = { readOnly: 0, mutating: 0 };
  return async (context, next) => {
    const { exchange, info, user } = context;
    if (context.longRunning || exchange.peer.user !== undefined) return next();
    const kind = READ_ONLY_VERBS.has(info.verb) ? 'readOnly' : 'mutating';
    if (limits[kind] > 0 && active[kind] >= limits[kind] && !user.groups.includes('system:masters')) {
      metrics.dropped(kind);
      exchange.respond(
        429,
        { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff', 'Retry-After': '1' },
        'Too many requests, please try again later.\n',
      );
      return;
    }
    metrics.inflight(kind, ++active[kind]);
    try {
      await next();
    } finally {
      metrics.inflight(kind, --active[kind]);
    }
  };
}
