/**
 * /healthz, /livez and /readyz: each a list of named checks, together, one by one, verbose, and with exclusions.
 * Upstream: apiserver/pkg/server/healthz/healthz.go
 */
import { Registry } from 'prom-client';
import { Counter, Gauge } from '../base/metric-families.ts';
import type { RequestContext } from './request/request-context.ts';

export interface HealthCheck {
  readonly name: string;
  /** Throws when unhealthy. */
  check(): void | Promise<void>;
  /** Which endpoints ask: all when absent. */
  readonly on?: readonly HealthPath[];
}

export type HealthPath = 'healthz' | 'livez' | 'readyz';

const PATHS: readonly HealthPath[] = ['healthz', 'livez', 'readyz'];
const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' };
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };

export class HealthChecks {
  /** What the checks found whenever they were asked for together: /metrics/slis. Upstream: component-base/metrics/prometheus/slis */
  readonly results = new Registry();
  readonly #last = new Gauge('kubernetes_healthcheck', 'The last result of a health check: 1 is well.', [
    'name',
    'type',
  ]);
  readonly #total = new Counter('kubernetes_healthchecks_total', 'The results of health checks.', [
    'name',
    'type',
    'status',
  ]);
  readonly #checks: HealthCheck[] = [
    { name: 'ping', check() {} },
    { name: 'log', check() {} },
  ];

  constructor() {
    this.#last.register(this.results);
    this.#total.register(this.results);
  }

  /** Checks behind `/healthz`, `/livez` or `/readyz`. */
  names(path: HealthPath): string[] {
    return this.#checks.filter((c) => c.on === undefined || c.on.includes(path)).map((c) => c.name);
  }

  add(check: HealthCheck): void {
    this.#checks.push(check);
  }

  /** Answers when the path is one of health's. */
  async handle(context: RequestContext): Promise<boolean> {
    const { exchange } = context;
    const [, endpoint = '', name, more] = exchange.path.split('/');
    const path = PATHS.find((p) => p === endpoint);
    if (path === undefined || more !== undefined) return false;
    const checks = this.#checks.filter((c) => c.on === undefined || c.on.includes(path));
    if (name !== undefined && name !== '') {
      const check = checks.find((c) => c.name === decodeURIComponent(name));
      if (check === undefined) return false;
      const failure = await failureOf(check);
      if (failure === undefined) exchange.respond(200, PLAIN, 'ok');
      else exchange.respond(500, TEXT, `internal server error: ${failure}\n`);
      return true;
    }
    await this.#all(context, path, checks);
    return true;
  }

  async #all(context: RequestContext, path: HealthPath, checks: readonly HealthCheck[]): Promise<void> {
    const { exchange } = context;
    const query = new URLSearchParams(exchange.query);
    const excluded = new Set(query.getAll('exclude'));
    const lines: string[] = [];
    let failed = false;
    for (const check of checks) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`);
        continue;
      }
      const failure = await failureOf(check);
      this.#last.set(`${check.name}\0${path}`, failure === undefined ? 1 : 0);
      this.#total.inc(`${check.name}\0${path}\0${failure === undefined ? 'success' : 'error'}`);
      if (failure === undefined) lines.push(`[+]${check.name} ok`);
      else {
        failed = true;
        // The reason may tell too much to whoever asks; it is logged.
        lines.push(`[-]${check.name} failed: reason withheld`);
      }
    }
    if (excluded.size > 0) {
      const names = [...excluded].map((e) => JSON.stringify(e)).join(', ');
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
    }
    if (failed) exchange.respond(500, TEXT, `${lines.join('\n')}\n${path} check failed\n`);
    else if (query.has('verbose')) exchange.respond(200, TEXT, `${lines.join('\n')}\n${path} check passed\n`);
    else exchange.respond(200, TEXT, 'ok');
  }
}

/** Checks under the names of upstream's start hooks: unhealthy until what they stand for is `done`. */
export function startCheck(health: HealthChecks, names: readonly string[]): { check(): void; done(): void } {
  let isDone = false;
  const check = () => {
    if (!isDone) throw new Error('not finished');
  };
  for (const name of names) health.add({ name: `poststarthook/${name}`, check });
  return {
    check,
    done() {
      isDone = true;
    },
  };
}

async function failureOf(check: HealthCheck): Promise<string | undefined> {
  try {
    await check.check();
    return undefined;
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}
