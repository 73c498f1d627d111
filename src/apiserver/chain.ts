/**
 * The filters in front of every handler, outermost first, in upstream's order, folded once at start.
 * Upstream: apiserver/pkg/server/config.go DefaultBuildHandlerChain
 */
import type { Logger } from '../base/log.ts';
import type { Authorizer } from '../machinery/authorization/authorizer.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { withAuthentication } from './filters/authentication.ts';
import { withAuthorization } from './filters/authorization.ts';
import { withCacheControl } from './filters/cache-control.ts';
import { type DeadlineSweeper, withDeadline } from './filters/deadline.ts';
import { withErrors } from './filters/errors.ts';
import { type Impersonate, withImpersonation } from './filters/impersonation.ts';
import { type InFlightLimits, type InFlightMetrics, withMaxInFlight } from './filters/max-in-flight.ts';
import { type RequestGate, withShutdown } from './filters/shutdown.ts';
import type { Filter, Handler } from './request/request-context.ts';

export interface ChainOptions {
  authenticator: Authenticator;
  authorizer: Authorizer;
  impersonate: Impersonate;
  deadlines: DeadlineSweeper;
  gate: RequestGate;
  limits: InFlightLimits;
  metrics: InFlightMetrics;
  log: Logger;
}

export function buildChain(handler: Handler, o: ChainOptions): Handler {
  const filters: readonly Filter[] = [
    // Panic recovery, the one error writer and the request metrics: everything below may throw.
    withErrors(o.log),
    withShutdown(o.gate),
    withCacheControl(),
    withDeadline(o.deadlines),
    withAuthentication(o.authenticator, o.log),
    // Audit has its place here: it must see who called before impersonation changes that.
    withImpersonation(o.impersonate, o.authorizer),
    // Priority and fairness take this place when flow control is on.
    withMaxInFlight(o.limits, o.metrics),
    withAuthorization(o.authorizer),
  ];
  return compose(filters, handler);
}

/** `filters[0]` runs first; each decides by calling `next`. */
export function compose(filters: readonly Filter[], handler: Handler): Handler {
  return filters.reduceRight<Handler>((next, filter) => (context) => filter(context, next), handler);
}
