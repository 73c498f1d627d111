/**
 * The RequestContext the chain works with. Signals, warnings and annotations come into being only when somebody asks for
 * them: most requests never do. Made in one place, `serve` (create-api-server.ts).
 */
import type { Clock } from '../../base/clock.ts';
import type { OperationMetrics } from '../request-metrics.ts';
import type { Exchange, UserInfo } from './exchange.ts';
import type { RequestContext } from './request-context.ts';
import type { RequestInfo } from './request-info.ts';

const NOBODY: UserInfo = Object.freeze({ username: '', groups: Object.freeze([]) as readonly string[] });
const NO_ANNOTATIONS: ReadonlyMap<string, string> = new Map();
const NO_WARNINGS: readonly string[] = Object.freeze([]);
// Upstream: endpoints/filters/warning.go truncateAtTotalRunes
const MAX_WARNING_RUNES = 4 * 1024;

export class ServedContext implements RequestContext {
  readonly exchange: Exchange;
  readonly info: RequestInfo;
  readonly clock: Clock;
  readonly auditID: string;
  readonly received: number;
  readonly longRunning: boolean;
  user: UserInfo = NOBODY;
  impersonator: UserInfo | undefined;
  counted: OperationMetrics | undefined;
  readonly #shutdown: AbortSignal;
  #controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #annotations: Map<string, string> | undefined;
  #warnings: string[] | undefined;
  #runes = 0;

  constructor(
    exchange: Exchange,
    info: RequestInfo,
    clock: Clock,
    auditID: string,
    longRunning: boolean,
    shutdown: AbortSignal,
  ) {
    this.exchange = exchange;
    this.info = info;
    this.clock = clock;
    this.auditID = auditID;
    this.received = clock.now();
    this.longRunning = longRunning;
    this.#shutdown = shutdown;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#controller ??= new AbortController();
      const sources = [this.#controller.signal, this.exchange.signal];
      // Others may finish while the server shuts down; a watch would never.
      if (this.longRunning) sources.push(this.#shutdown);
      this.#signal = AbortSignal.any(sources);
    }
    return this.#signal;
  }

  abort(reason: Error): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  get statusCode(): number {
    return this.exchange.status;
  }
  get annotations(): ReadonlyMap<string, string> {
    return this.#annotations ?? NO_ANNOTATIONS;
  }
  get warnings(): readonly string[] {
    return this.#warnings ?? NO_WARNINGS;
  }

  annotate(key: string, value: string): void {
    this.#annotations ??= new Map();
    this.#annotations.set(key, value);
  }

  warn(text: string): void {
    this.#warnings ??= [];
    if (text === '' || this.#warnings.includes(text)) return;
    const clean = text.replace(/[\p{Cc}]/gu, '');
    this.#runes += clean.length;
    if (this.#runes > MAX_WARNING_RUNES) return;
    this.#warnings.push(text);
    this.exchange.setHeader('Warning', warningHeader(clean));
  }
}

/** Upstream: apimachinery/pkg/util/net/http.go NewWarningHeader */
function warningHeader(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, (c) => `\\${c}`)}"`;
}
