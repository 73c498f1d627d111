/**
 * HTTP to webhooks: one kept-alive agent a configuration, TLS against its own bundle. The environment that webhooks need from the API server is
 * injected here. Upstream: apiserver/pkg/util/webhook/client.go
 */
import { Agent, request } from 'node:https';
import type { WebhookClientConfig } from '../../api/admissionregistration-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { StatusError } from '../../machinery/errors/status-error.ts';
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../machinery/meta/object.ts';
import type { Attributes } from '../admission.ts';

/** Where a Service is reached; rejects with upstream's text (`service "x" not found`). */
export type ServiceResolver = (
  namespace: string,
  name: string,
  port: number,
) => Promise<{ host: string; port: number }>;

export interface WebhookEnvironment {
  resolveService: ServiceResolver;
  /** Other versions in which the same objects are served. Absent: none. */
  equivalents?(resource: GroupVersionResource): readonly { resource: GroupVersionResource; kind: GroupVersionKind }[];
  /** `object` in another version; a new object. */
  convert?(object: KubeObject, to: GroupVersionKind): KubeObject;
  /** Fills defaults after a webhook changed the object, in place. */
  applyDefaults?(object: KubeObject, kind: GroupVersionKind): void;
  /** CEL matchConditions; throws when one cannot be evaluated. */
  matchConditions?(
    conditions: readonly { name: string; expression: string }[],
    attributes: Attributes,
  ): boolean | Promise<boolean>;
}

export interface CallOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

const MAX_RESPONSE = 3 * 1024 * 1024;
const CACHE_LIMIT = 64;

interface Target {
  /** As shown in errors. */
  url: URL;
  service: { namespace: string; name: string; port: number } | undefined;
  agent: Agent;
}

export class WebhookCaller {
  readonly environment: WebhookEnvironment;
  readonly #clock: Clock;
  readonly #targets = new Map<string, Target>();

  constructor(environment: WebhookEnvironment, clock: Clock) {
    this.environment = environment;
    this.#clock = clock;
  }

  /** Sends JSON, returns parsed JSON. Throws an Error with Go's text for what went wrong, or the StatusError the server answered with. */
  async post(config: WebhookClientConfig, body: Buffer, { timeoutMs, signal }: CallOptions): Promise<unknown> {
    const target = this.#target(config);
    const url = new URL(target.url);
    url.searchParams.set('timeout', `${Math.ceil(timeoutMs / 1000)}s`);
    const timeout = new AbortController();
    const timer = this.#clock.after(timeoutMs, () => timeout.abort());
    try {
      const at =
        target.service &&
        (await this.environment.resolveService(target.service.namespace, target.service.name, target.service.port));
      return await send(url, target.agent, at, body, AbortSignal.any([signal, timeout.signal]));
    } catch (err) {
      if (err instanceof StatusError) throw err;
      const why = timeout.signal.aborted
        ? 'context deadline exceeded'
        : signal.aborted
          ? 'context canceled'
          : transportText(err, url);
      throw new Error(`Post ${JSON.stringify(printed(url))}: ${why}`, { cause: err });
    } finally {
      timer.cancel();
    }
  }

  /** Closes idle connections. */
  close(): void {
    for (const { agent } of this.#targets.values()) agent.destroy();
    this.#targets.clear();
  }

  #target(config: WebhookClientConfig): Target {
    const key = JSON.stringify([config.url, config.service, config.caBundle]);
    let target = this.#targets.get(key);
    if (target === undefined) {
      target = makeTarget(config);
      this.#targets.set(key, target);
      if (this.#targets.size > CACHE_LIMIT) {
        const [oldest, { agent }] = this.#targets.entries().next().value!;
        agent.destroy();
        this.#targets.delete(oldest);
      }
    }
    return target;
  }
}

function makeTarget({ url, service, caBundle }: WebhookClientConfig): Target {
  const ca = caBundle ? { ca: Buffer.from(caBundle, 'base64') } : {};
  if (service) {
    const port = service.port ?? 443;
    const servername = `${service.name}.${service.namespace}.svc`;
    const path = service.path ? `/${service.path.replace(/^\/+/, '')}` : '/';
    return {
      url: new URL(`https://${servername}:${port}${path}`),
      service: { namespace: service.namespace, name: service.name, port },
      agent: new Agent({ keepAlive: true, servername, ...ca }),
    };
  }
  if (!url) throw new Error('webhook configuration must have either service or URL');
  return { url: new URL(url), service: undefined, agent: new Agent({ keepAlive: true, ...ca }) };
}

/** As Go prints it: with the port that the URL class leaves out. */
function printed(url: URL): string {
  const host = url.port === '' ? `${url.hostname}:443` : url.host;
  return `https://${host}${url.pathname}${url.search}`;
}

function send(
  url: URL,
  agent: Agent,
  at: { host: string; port: number } | undefined,
  body: Buffer,
  signal: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const hostHeader = url.port === '' ? `${url.hostname}:443` : url.host;
    const req = request({
      agent,
      method: 'POST',
      host: at?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
      port: at?.port ?? (url.port || 443),
      path: `${url.pathname}${url.search}`,
      headers: {
        host: hostHeader,
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': body.length,
        'user-agent': 'kube-apiserver-admission',
      },
      signal,
    });
    req.on('error', reject);
    req.on('response', (res) => {
      const chunks: Buffer[] = [];
      let size = 0;
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_RESPONSE) req.destroy(new Error('http: response body too large'));
      });
      res.on('error', reject);
      res.on('end', () => {
        try {
          resolve(readAnswer(res.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')));
        } catch (err) {
          reject(err);
        }
      });
    });
    req.end(body);
  });
}

function readAnswer(code: number, text: string): unknown {
  if (code >= 200 && code < 300) {
    try {
      return JSON.parse(text);
    } catch (err) {
      throw new Error("couldn't get version/kind; json parse error", { cause: err });
    }
  }
  throw new StatusError({ code, ...genericStatus(code, text) });
}

/** What client-go makes of a response that is no Status. Upstream: apimachinery NewGenericServerResponse */
function genericStatus(code: number, body: string): { reason: string; message: string } {
  switch (code) {
    case 401:
      return { reason: 'Unauthorized', message: 'the server has asked for the client to provide credentials' };
    case 403:
      return { reason: 'Forbidden', message: body || 'the server does not allow access to the requested resource' };
    case 404:
      return { reason: 'NotFound', message: 'the server could not find the requested resource' };
    case 405:
      return { reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' };
    case 429:
      return {
        reason: 'TooManyRequests',
        message: 'the server has received too many requests and has asked us to try again later',
      };
    case 503:
      return { reason: 'ServiceUnavailable', message: 'the server is currently unable to handle the request' };
    case 504:
      return {
        reason: 'Timeout',
        message:
          'the server was unable to return a response in the time allotted, but may still be processing the request',
      };
    default:
      if (code >= 500)
        return {
          reason: 'InternalError',
          message: `an error on the server (${JSON.stringify(body.trim() || 'unknown')}) has prevented the request from succeeding`,
        };
      return { reason: 'Unknown', message: 'the server rejected our request for an unknown reason' };
  }
}

/** Node's transport failures in Go's words. */
function transportText(err: unknown, url: URL): string {
  const { code, message, address, port } = err as NodeJS.ErrnoException & { address?: string; port?: number };
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${address}:${port}: connect: connection refused`;
    case 'ECONNRESET':
      return 'EOF';
    case 'ENOTFOUND':
      return `dial tcp: lookup ${url.hostname}: no such host`;
    case 'EHOSTUNREACH':
      return `dial tcp ${address}:${port}: connect: no route to host`;
    case 'ETIMEDOUT':
      return `dial tcp ${address}:${port}: i/o timeout`;
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`;
    default:
      return message;
  }
}
