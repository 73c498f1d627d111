/**
 * HTTPS of a component that is no API server: /healthz, /livez, /readyz and /metrics. Health is for everybody, the rest for whom the API
 * server knows (TokenReview) and lets (SubjectAccessReview). Upstream: cmd/*\/app/server.go, apiserver/pkg/server/options
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { background } from '../../base/background.ts';
import type { Logger } from '../../base/log.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

export interface ComponentCheck {
  name: string;
  /** Throws when unhealthy. */
  check(): void;
}

export interface ComponentServerOptions {
  host: string;
  port: number;
  tls: { certificate: string; key: string };
  checks: readonly ComponentCheck[];
  metrics: { contentType: string; metrics(): Promise<string> };
  /** Asks about callers. */
  client: Client;
  alwaysAllow: readonly string[];
  log: Logger;
}

const review = (group: string, resource: string, kind: string): ResourceRef => ({
  group,
  version: 'v1',
  resource,
  kind,
  namespaced: false,
});
const TOKEN_REVIEWS = review('authentication.k8s.io', 'tokenreviews', 'TokenReview');
const ACCESS_REVIEWS = review('authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview');
const HEALTH = ['/healthz', '/livez', '/readyz'];

interface Caller {
  username?: string;
  uid?: string;
  groups?: string[];
}

/** Resolves when it listens. */
export async function startComponentServer(options: ComponentServerOptions): Promise<AsyncDisposable> {
  const { host, port, tls, log } = options;
  const server = createServer({ key: tls.key, cert: tls.certificate }, (request, response) => {
    background('request', answer(options, request, response), log);
  });
  await listen(server, host, port);
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

async function answer(o: ComponentServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?');
  const text = (code: number, body: string, type = 'text/plain; charset=utf-8') => {
    response.writeHead(code, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' });
    response.end(body);
  };
  if (!o.alwaysAllow.includes(path)) {
    const refusal = await refusalOf(o, request, path);
    if (refusal !== undefined) return text(refusal, refusal === 401 ? 'Unauthorized' : 'Forbidden');
  }
  const health = HEALTH.find((h) => path === h || path.startsWith(`${h}/`));
  if (health !== undefined) {
    const name = path.slice(health.length + 1);
    const checks = name === '' ? o.checks : o.checks.filter((c) => c.name === name);
    if (name !== '' && checks.length === 0) return text(404, '404 page not found\n');
    const results = checks.map((c) => ({ name: c.name, failure: failureOf(c) }));
    const failed = results.some((r) => r.failure !== undefined);
    const lines = results.map((r) =>
      r.failure === undefined ? `[+]${r.name} ok` : `[-]${r.name} failed: reason withheld`,
    );
    if (failed) return text(500, `${lines.join('\n')}\n${health.slice(1)} check failed\n`);
    if (request.url?.includes('verbose')) return text(200, `${lines.join('\n')}\n${health.slice(1)} check passed\n`);
    return text(200, 'ok');
  }
  if (path === '/metrics') return text(200, await o.metrics.metrics(), o.metrics.contentType);
  text(404, '404 page not found\n');
}

function failureOf(check: ComponentCheck): unknown {
  try {
    check.check();
    return undefined;
  } catch (err) {
    return err;
  }
}

/** 401, 403, or undefined when the caller may. */
async function refusalOf(
  { client, log }: ComponentServerOptions,
  request: IncomingMessage,
  path: string,
): Promise<401 | 403 | undefined> {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  try {
    let user: Caller = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
    if (token !== undefined) {
      const review = await client.create<KubeObject & { status?: { authenticated?: boolean; user?: Caller } }>(
        TOKEN_REVIEWS,
        { metadata: {}, spec: { token } } as KubeObject,
      );
      if (review.status?.authenticated !== true) return 401;
      user = review.status.user ?? {};
    }
    const access = await client.create<KubeObject & { status?: { allowed?: boolean } }>(ACCESS_REVIEWS, {
      metadata: {},
      spec: {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        nonResourceAttributes: { path, verb: (request.method ?? 'get').toLowerCase() },
      },
    } as KubeObject);
    return access.status?.allowed === true ? undefined : 403;
  } catch (err) {
    log.warn('unable to authenticate the request', { err });
    return 401;
  }
}
