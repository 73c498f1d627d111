/**
 * One request on its way through the filters: the Exchange and what the filters learned of it. Made by the chain's first
 * filter, handed to every later one and to the handler; lives as long as the request.
 */
import type { Clock } from '../../base/clock.ts';
import type { OperationMetrics } from '../request-metrics.ts';
import type { Exchange, UserInfo } from './exchange.ts';
import type { RequestInfo } from './request-info.ts';

export interface RequestContext {
  readonly exchange: Exchange;
  readonly info: RequestInfo;
  /** Set by authentication, replaced by impersonation. */
  user: UserInfo;
  /** Who really called while impersonating. */
  impersonator: UserInfo | undefined;
  /** The client went away, the deadline passed or the server shuts down. */
  readonly signal: AbortSignal;
  /** Also sent as the Audit-Id header. */
  readonly auditID: string;
  /** Instant of arrival, Unix ms. */
  readonly received: number;
  readonly clock: Clock;
  /** Watches and proxies: no deadline, not counted in flight. */
  readonly longRunning: boolean;
  /** Where the request is counted: set by whoever finds out what it asks for. Undefined: nowhere, since what nobody serves has no bound. */
  counted: OperationMetrics | undefined;
  /** Adds a `Warning: 299` header (each text once, 4 KB in all as upstream). Too late once a response has begun. */
  warn(text: string): void;
  /** Adds to the audit event. */
  annotate(key: string, value: string): void;
  readonly annotations: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  /** Of the response; 0 before there is one. */
  readonly statusCode: number;
}

/** A promise only where something is waited for: most reads are answered in the turn they come in. */
export type Handler = (context: RequestContext) => Promise<void> | void;
/** A filter calls `next` once, or answers (throws, responds) itself. What it returns or throws is its own end. */
export type Filter = (context: RequestContext, next: Handler) => Promise<void> | void;
